"""The strip of numbers: six figures, each with its change, each a click away from the chart."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from openpanel.analytics.overview import MetricsAnswer
from openpanel_dashboard.components import Change, Kpi, Notice
from openpanel_dashboard.languages import Language
from openpanel_dashboard.pages.overview import addresses, spans
from openpanel_dashboard.pages.overview.metrics import BY_KEY, METRICS, Metric
from openpanel_dashboard.pages.overview.scope import Scope


@dataclass(frozen=True, slots=True)
class KpisContext:
    """What `overview_kpis.html` shows."""

    kpis: tuple[Kpi, ...]
    notice: Notice | None = None
    estimate: str = ""  # why the numbers are not exact


def context(scope: Scope, answer: MetricsAnswer, *, language: Language) -> KpisContext:
    """The figures as they are written for this reader."""
    selected = BY_KEY.get(scope.view.metric, METRICS[0])
    against = ""
    if scope.compared is not None:
        against = spans.compared_text(
            scope.compared, timezone=scope.timezone, now=scope.now, language=language
        )
    return KpisContext(
        kpis=tuple(
            _kpi(metric, scope, answer, language=language, against=against, selected=metric is selected)
            for metric in METRICS
        ),
        estimate=estimate(language) if answer.approximate else "",
    )


def estimate(language: Language) -> str:
    """Why a large project's numbers of people are rounded off."""
    return language.say("Large project: people are counted by estimate, within about 2 %.")


def _kpi(
    metric: Metric, scope: Scope, answer: MetricsAnswer, *, language: Language, against: str, selected: bool
) -> Kpi:
    now = metric.read(answer.current)
    before = metric.read(answer.previous) if answer.previous and scope.measures_change else None
    change = metric.change(now, before, language=language, against=against)
    return Kpi(
        key=metric.key,
        label=language.say(metric.label),
        value=metric.short(now, language.write),
        title=metric.exact(now, language.write),
        change=change or _unmeasured(scope, language=language, against=against),
        address=addresses.page(scope.project, replace(scope.view, metric=metric.key)),
        selected=selected,
    )


def _unmeasured(scope: Scope, *, language: Language, against: str) -> Change | None:
    """Why no change is told, where one would be looked for."""
    if scope.compared is None or scope.measures_change or scope.since is None:
        return None
    zone = ZoneInfo(scope.timezone)
    day = scope.since.astimezone(zone).date()
    first = language.write.day(day, year=day.year != scope.now.astimezone(zone).year)
    return Change(
        text=language.say("since %(day)s", day=first),
        tone="flat",
        title=language.say(
            "No change is told: of the period before (%(period)s) nothing was counted up to %(day)s",
            period=against,
            day=first,
        ),
    )
