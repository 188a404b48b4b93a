"""What a panel shows as a table of raw values, for files: the same numbers, not yet written for a reader.

Rates are parts of one, durations are seconds, times carry the project's offset. What there is no value of is `None`.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.analytics.overview import Figures, MetricsAnswer, Point, SeriesAnswer, TopAnswer
from openpanel.analytics.periods import Period
from openpanel_dashboard.languages import N_, Language
from openpanel_dashboard.pages.overview import wording
from openpanel_dashboard.pages.overview.metrics import BY_KEY, METRICS, Metric
from openpanel_dashboard.pages.overview.scope import Scope
from openpanel_dashboard.pages.overview.wording import Card

Cell = str | int | float | bool | None
SHOWN: Final = N_("This range")
COMPARED: Final = N_("Compared period")


@dataclass(frozen=True, slots=True)
class Column:
    """`key` is the same in all languages, `heading` is the reader's."""

    key: str
    heading: str


@dataclass(frozen=True, slots=True)
class Table:
    """One panel. `compared` is the period that stands beside the shown one, if one does."""

    title: str
    name: str  # in the name of a file
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    compared: Period | None = None
    approximate: bool = False


def of_figures(scope: Scope, answer: MetricsAnswer, language: Language) -> Table:
    """The strip of numbers: a row for the range, and one for what it is measured against."""
    say = language.say
    before = answer.previous if scope.measures_change else None
    rows = [_figures(scope, say(SHOWN), scope.period, answer.current)]
    if before is not None and scope.compared is not None:
        rows.append(_figures(scope, say(COMPARED), scope.compared, before))
    return Table(
        title=say("Key figures"),
        name="key-figures",
        columns=(
            Column("period", say("Period")),
            Column("from", say("Start")),
            Column("until", say("End")),
            *(Column(_key(metric), _heading(metric, language)) for metric in METRICS),
        ),
        rows=tuple(rows),
        compared=scope.compared if before is not None else None,
        approximate=answer.approximate,
    )


def of_series(scope: Scope, answer: SeriesAnswer, language: Language) -> Table:
    """The chart: a row for each of its buckets, the compared one beside it."""
    say, metric = language.say, BY_KEY.get(scope.view.metric, METRICS[0])
    columns = [
        Column("from", say("Start")),
        Column("until", say("End")),
        Column(_key(metric), _heading(metric, language)),
        Column("running", say("Still running")),
    ]
    if answer.previous:
        columns += [Column("compared_from", say(COMPARED)), Column("compared", say("Before"))]
    beside = answer.previous[: len(answer.points)]
    return Table(
        title=f"{say('Over time')} · {say(metric.label)}",
        name=f"over-time-{metric.key}",
        columns=tuple(columns),
        rows=tuple(
            _point(scope, metric, point, before, compared=bool(answer.previous))
            for point, before in zip_longest(answer.points, beside)
        ),
        compared=scope.compared if answer.previous else None,
        approximate=answer.approximate,
    )


def of_list(scope: Scope, card: Card, answer: TopAnswer, language: Language) -> Table:
    """A card: all rows of its open tab. `value` is what filters and the public API call a row."""
    say, tab = language.say, card.tab(scope.view.tab(card.name))
    return Table(
        title=f"{say(card.title)} · {say(tab.label)}",
        name=f"{card.name}-{tab.key}",
        columns=(
            Column("name", say(tab.heading)),
            Column("value", say("Value")),
            Column("visitors", say("Visitors")),
            Column("sessions", say("Sessions")),
            Column("pageviews", say("Pageviews")),
            Column("share", say("Share")),
        ),
        rows=tuple(
            (
                wording.value_name(tab.dimension, row.name, language),
                row.name,
                row.visitors,
                row.sessions,
                row.views,
                row.share,
            )
            for row in answer.rows
        ),
        approximate=answer.approximate,
    )


def moment(at: datetime, timezone: str) -> str:
    """2026-11-18T19:05:00+09:00"""
    return at.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")


def _figures(scope: Scope, name: str, period: Period, figures: Figures) -> tuple[Cell, ...]:
    ends = moment(period.start, scope.timezone), moment(period.until, scope.timezone)
    return (name, *ends, *(metric.read(figures) for metric in METRICS))


def _point(
    scope: Scope, metric: Metric, point: Point, before: Point | None, *, compared: bool
) -> tuple[Cell, ...]:
    zone = scope.timezone
    unknown = scope.since is not None and point.end <= scope.since
    row: tuple[Cell, ...] = (
        moment(point.start, zone),
        moment(min(point.end, scope.period.until) if point.running else point.end, zone),
        None if unknown else metric.read(point.figures),
        point.running,
    )
    if not compared:
        return row
    if before is None:
        return (*row, None, None)
    return (*row, moment(before.start, zone), metric.read(before.figures))


def _key(metric: Metric) -> str:
    return _KEYS.get(metric.key, metric.key)


def _heading(metric: Metric, language: Language) -> str:
    name = language.say(metric.label)
    return language.say("%(metric)s in seconds", metric=name) if metric.kind == "duration" else name


_KEYS: Final = {
    "views": "pageviews",
    "views-per-session": "views_per_session",
    "bounce": "bounce_rate",
    "duration": "duration_s",
}
