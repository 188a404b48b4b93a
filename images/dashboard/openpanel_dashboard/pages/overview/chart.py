"""The main chart: one of the six numbers over time, beside the compared period where one was chosen."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.analytics.overview import Point, SeriesAnswer
from openpanel.analytics.periods import Bucket, Interval
from openpanel_dashboard.components import Chart, ChartTable, Link, ZoomBack
from openpanel_dashboard.languages import N_, Language
from openpanel_dashboard.pages.overview import addresses, spans, wording
from openpanel_dashboard.pages.overview.metrics import BY_KEY, METRICS, Metric
from openpanel_dashboard.pages.overview.scope import Scope

HIGHEST_ON: Final = N_("%(metric)s, highest on %(when)s with %(value)s")
HIGHEST_IN: Final = N_("%(metric)s, highest in %(when)s with %(value)s")
BARS_UP_TO: Final = 7  # buckets; more are a line, minutes are always bars


def context(scope: Scope, answer: SeriesAnswer, *, language: Language) -> Chart:
    """The chart with its caption and table, as this reader gets it."""
    metric = BY_KEY.get(scope.view.metric, METRICS[0])
    writer = _Writer(scope, metric, language)
    as_table = scope.view.form == "table"
    other = replace(scope.view, form="" if as_table else "table")
    name = language.say(metric.label)
    return Chart(
        caption=writer.finding(answer.points),
        data=writer.data(answer),
        table=writer.table(answer),
        intervals=intervals(scope, language),
        as_table=as_table,
        form=Link(
            label=language.say("Show as chart") if as_table else language.say("Show as table"),
            address=addresses.page(scope.project, other),
            icon="chart-line" if as_table else "table",
        ),
        legend=(name, language.say(wording.COMPARISONS.get(scope.view.compare, "Compared period")))
        if answer.previous
        else (),
        back=ZoomBack(
            address=addresses.of_any_range(scope.project, scope.view),
            range=scope.view.range,
            interval=scope.view.interval,
        ),
    )


def intervals(scope: Scope, language: Language) -> tuple[Link, ...]:
    """How finely the chart can be drawn."""
    return tuple(_interval(scope, interval, language) for interval in scope.intervals)


class _Writer:
    """The points of one answer as text, for one metric and one reader."""

    def __init__(self, scope: Scope, metric: Metric, language: Language) -> None:
        self._scope = scope
        self._metric = metric
        self._language = language
        zone = ZoneInfo(scope.timezone)
        self._year = scope.period.start.astimezone(zone).year != scope.now.astimezone(zone).year
        self._years = scope.period.start.astimezone(zone).year != scope.period.until.astimezone(zone).year

    def finding(self, points: Sequence[Point]) -> str:
        """One sentence that says what is to be seen."""
        values = [(self._value(point), point) for point in points]
        known = [(value, point) for value, point in values if value]
        name = self._language.say(self._metric.label)
        if not known:
            return self._language.say("%(metric)s: nothing in this range", metric=name)
        value, point = max(known, key=lambda pair: pair[0])
        sentence = HIGHEST_ON if self._scope.interval == "day" else HIGHEST_IN
        return self._language.say(
            sentence,
            metric=name,
            when=self._title(point),
            value=self._metric.exact(value, self._language.write),
        )

    def data(self, answer: SeriesAnswer) -> dict[str, object]:
        """What `<chart-view>` draws; the names are those of `chart-data.ts`."""
        points, before = answer.points, answer.previous
        running = next((index for index, point in enumerate(points) if point.running), -1)
        clock = self._scope.interval in {"minute", "hour"}
        return {
            "kind": self._metric.kind,
            "bars": len(points) <= BARS_UP_TO or self._scope.interval == "minute",
            "name": self._language.say(self._metric.label),
            "previousName": self._language.say("Compared period"),
            "labels": [self._label(point) for point in points],
            "strong": self._strong(points) if clock else [],
            "titles": [self._title(point) for point in points],
            "previousTitles": [self._title(point) for point in before[: len(points)]],
            "current": [self._value(point) for point in points],
            "previous": [self._value(point) for point in before[: len(points)]],
            "running": running,
            "runningText": self._running() if running >= 0 else "",
            "note": spans.zone_name(self._scope.timezone, self._scope.period) if clock else "",
            "zoom": self._zoom(points) if len(points) > 1 else None,
            "zoomText": self._language.say("Show only this"),
        }

    def table(self, answer: SeriesAnswer) -> ChartTable:
        """The same values as rows, the compared ones beside them."""
        say, write = self._language.say, self._language.write
        headings = [say(wording.INTERVALS[self._scope.interval]), say(self._metric.label)]
        if answer.previous:
            headings += [say("Compared period"), say("Before"), say("Change")]
        rows = []
        for index, point in enumerate(answer.points):
            value = self._value(point)
            cells = [self._title(point), self._metric.exact(value, write)]
            if answer.previous:
                cells += self._compared(value, answer.previous[index : index + 1])
            rows.append(tuple(cells))
        return ChartTable(headings=tuple(headings), rows=tuple(rows))

    def _compared(self, value: float | None, before: Sequence[Point]) -> list[str]:
        write = self._language.write
        if not before:
            return ["", "", ""]
        earlier = self._value(before[0])
        change = write.points if self._metric.kind == "share" else write.change
        return [self._title(before[0]), self._metric.exact(earlier, write), change(value, earlier)]

    def _value(self, point: Point) -> float | None:
        before_all = self._scope.since is not None and point.end <= self._scope.since
        return None if before_all else self._metric.read(point.figures)

    def _label(self, point: Point) -> str:
        return spans.axis_label(
            _bucket(point),
            self._scope.interval,
            timezone=self._scope.timezone,
            language=self._language,
            years=self._years or self._year,
        )

    def _title(self, point: Point) -> str:
        return spans.title(
            _bucket(point),
            self._scope.interval,
            timezone=self._scope.timezone,
            language=self._language,
            year=self._year or self._years,
        )

    def _strong(self, points: Sequence[Point]) -> list[int]:
        timezone = self._scope.timezone
        return [index for index, point in enumerate(points) if spans.begins_day(point.start, timezone)]

    def _running(self) -> str:
        clock = self._scope.now.astimezone(ZoneInfo(self._scope.timezone)).time()
        return self._language.say("until %(time)s", time=self._language.write.clock(clock))

    def _zoom(self, points: Sequence[Point]) -> dict[str, object]:
        """From which of these ends a marked stretch is put together; a minute alone shows nothing."""
        zone = self._scope.timezone
        ends = [spans.ends(point.start, point.end, timezone=zone) for point in points]
        return {
            "address": addresses.of_any_range(self._scope.project, self._scope.view),
            "starts": [start for start, _ in ends],
            "ends": [end for _, end in ends],
            "single": self._scope.interval != "minute",
        }


def _bucket(point: Point) -> Bucket:
    return Bucket(point.start, point.end, running=point.running)


def _interval(scope: Scope, interval: Interval, language: Language) -> Link:
    view = replace(scope.view, interval=interval)
    return Link(
        label=language.say(wording.INTERVALS[interval]),
        address=addresses.page(scope.project, view),
        selected=interval == scope.interval,
    )
