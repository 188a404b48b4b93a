"""The page around the panels: what is shown and how it can be changed, every control with finished addresses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from openpanel_dashboard import address
from openpanel_dashboard.address import Condition, View
from openpanel_dashboard.components import Chip, Link, Panel
from openpanel_dashboard.languages import Language
from openpanel_dashboard.onboarding import Waiting
from openpanel_dashboard.pages.overview import addresses, chart, spans, wording
from openpanel_dashboard.pages.overview.scope import DIMENSIONS, Scope
from openpanel_dashboard.rendering import overview_address

LIVE_MINUTES: Final = 5  # somebody with an event within them is online
LATE_FROM: Final = 10_000  # waiting events; fewer are counted within a second or two
LAZY_CARDS: Final = frozenset({"places", "devices"})  # below the fold: asked for when they come near


@dataclass(frozen=True, slots=True)
class Live:
    """The pill with visitors right now; `{count}` and `{time}` are filled in by the page."""

    address: str
    text: str
    one: str
    other: str
    lost: str
    meaning: str
    news: str


@dataclass(frozen=True, slots=True)
class RangePicker:
    """Presets, two dates, and what the range comes to."""

    label: str
    groups: tuple[tuple[Link, ...], ...]
    intervals: tuple[Link, ...]  # for screens that have no room for them over the chart
    action: str
    kept: tuple[tuple[str, str], ...]  # the rest of the view, as hidden fields
    first: str
    last: str
    today: str
    resolved: str


@dataclass(frozen=True, slots=True)
class ComparePicker:
    """What numbers are measured against."""

    label: str
    links: tuple[Link, ...]
    resolved: str
    toggle: str  # address with the previous period drawn, or not any more
    drawn: bool


@dataclass(frozen=True, slots=True)
class FilterEditor:
    """The form that adds a filter."""

    action: str
    kept: tuple[tuple[str, str], ...]
    dimensions: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    operators: tuple[tuple[str, str], ...]
    bare: frozenset[str]  # of these operators, those without a value
    count: int


@dataclass(frozen=True, slots=True)
class Drawer:
    """A card opened to its full length."""

    panel: Panel
    close: str


@dataclass(frozen=True, slots=True)
class OverviewContext:
    """What `overview_main.html` shows."""

    fragment: str
    live: Live
    range: RangePicker
    comparison: ComparePicker
    filters: FilterEditor
    chips: tuple[Chip, ...]
    clear: str
    ignored: str
    spoken: str  # the view in a sentence, for screen readers after a change
    next_interval: str
    earlier: str
    later: str
    running: bool
    kpis: Panel
    chart: Panel
    cards: tuple[Panel, ...]
    drawer: Drawer | None
    late: str  # that many events are not in the numbers yet
    waiting: Waiting | None


def context(scope: Scope, *, language: Language, waiting: Waiting | None, uncounted: int) -> OverviewContext:
    """Everything but the numbers."""
    say, project, view = language.say, scope.project, scope.view
    picker = _range(scope, language)
    chips = tuple(_chip(scope, condition, language) for condition in view.conditions)
    return OverviewContext(
        fragment=addresses.fragment(project),
        live=live(addresses.live(project), language),
        range=picker,
        comparison=_comparison(scope, language),
        filters=_editor(scope, language),
        chips=chips,
        clear=addresses.page(project, replace(view, conditions=())),
        ignored=", ".join(view.ignored),
        spoken=", ".join([picker.label, picker.resolved, *(chip.text for chip in chips)]),
        next_interval=addresses.page(project, replace(view, interval=_next_interval(scope))),
        earlier=_shifted(scope, back=True),
        later=_shifted(scope, back=False),
        running=scope.period.running_until is not None,
        kpis=_panel(scope, "kpis", say("Key figures"), "kpis"),
        chart=_panel(scope, "chart", say("Over time"), "chart"),
        cards=tuple(_panel(scope, card.name, say(card.title), "list") for card in wording.CARDS),
        drawer=_drawer(scope, language),
        late=_late(uncounted, language),
        waiting=waiting,
    )


def live(stream: str, language: Language) -> Live:
    """The pill before the stream has said anything."""
    say = language.say
    return Live(
        address=stream,
        text=say("Live"),
        one=say("{count} online · 5 min"),
        other=say("{count} online · 5 min"),
        lost=say("reconnecting since {time}"),
        meaning=say("Visitors with an event within the last 5 minutes"),
        news=say("{count} new · show"),
    )


def _range(scope: Scope, language: Language) -> RangePicker:
    say, view, zone = language.say, scope.view, ZoneInfo(scope.timezone)
    text = spans.period_text(scope.period, timezone=scope.timezone, now=scope.now, language=language)
    name = wording.RANGE_NAMES.get(view.range)
    last = scope.period.until - timedelta(microseconds=1)
    return RangePicker(
        label=say(name) if name else text,
        groups=tuple(
            tuple(
                Link(
                    label=say(label),
                    address=addresses.page(scope.project, replace(view, range=preset, interval="")),
                    selected=preset == view.range,
                    key=code,
                    hint=letter,
                )
                for preset, label, code, letter in column
            )
            for column in wording.RANGES
        ),
        intervals=chart.intervals(scope, language),
        action=overview_address(scope.project),
        kept=_kept(replace(view, range=address.DEFAULT_RANGE, interval="")),
        first=str(scope.period.start.astimezone(zone).date()),
        last=str(last.astimezone(zone).date()),
        today=str(scope.now.astimezone(zone).date()),
        resolved=f"{text} · {spans.zone_name(scope.timezone, scope.period)}",
    )


def _comparison(scope: Scope, language: Language) -> ComparePicker:
    say, view = language.say, scope.view
    known = view.compare in wording.COMPARISONS
    resolved = ""
    if scope.compared is not None:
        period = spans.compared_text(
            scope.compared, timezone=scope.timezone, now=scope.now, language=language
        )
        resolved = say("Measured against %(period)s", period=period)
    toggled = replace(view, compare="" if scope.draws_compared else "prev")
    return ComparePicker(
        label=say(wording.COMPARISONS[view.compare]) if known and view.compare else say("Compare"),
        links=tuple(
            Link(
                label=say(label),
                address=addresses.page(scope.project, replace(view, compare=value)),
                selected=value == view.compare,
            )
            for value, label in wording.COMPARISONS.items()
        ),
        resolved=resolved,
        toggle=addresses.page(scope.project, toggled),
        drawn=scope.draws_compared,
    )


def _editor(scope: Scope, language: Language) -> FilterEditor:
    say = language.say
    return FilterEditor(
        action=overview_address(scope.project),
        kept=_kept(scope.view),
        dimensions=tuple(
            (
                say(title),
                tuple((name, wording.dimension_name(name, language)) for name in names if name in DIMENSIONS),
            )
            for title, names in wording.DIMENSION_GROUPS
        ),
        operators=tuple((name, say(label)) for name, label in wording.OPERATORS.items()),
        bare=address.BARE,
        count=len(scope.view.conditions),
    )


def _chip(scope: Scope, condition: Condition, language: Language) -> Chip:
    text = wording.sentence(condition, language)
    return Chip(
        text=text,
        remove=addresses.page(scope.project, scope.view.without(condition)),
        removal=language.say("Remove the filter “%(filter)s”", filter=text),
        unsupported=language.say("This page cannot filter by it, so it has no effect here.")
        if condition in scope.unusable
        else "",
    )


def _panel(scope: Scope, name: str, title: str, shape: str, *, opened: bool = False) -> Panel:
    view = scope.view if opened else replace(scope.view, show="")
    return Panel(
        name=f"drawer-{name}" if opened else name,
        title=title,
        address=addresses.panel(scope.project, name, view),
        shape="kpis" if shape == "kpis" else "chart" if shape == "chart" else "list",
        lazy=name in LAZY_CARDS and not opened,
    )


def _drawer(scope: Scope, language: Language) -> Drawer | None:
    card = wording.CARD_BY_NAME.get(scope.view.show)
    if card is None:
        return None
    return Drawer(
        panel=_panel(scope, card.name, language.say(card.title), "list", opened=True),
        close=addresses.page(scope.project, replace(scope.view, show="")),
    )


def _late(uncounted: int, language: Language) -> str:
    if uncounted < LATE_FROM:
        return ""
    count = language.write.count(uncounted)
    return language.say("%(count)s events were received and are still being counted.", count=count)


def _next_interval(scope: Scope) -> str:
    at = scope.intervals.index(scope.interval)
    return scope.intervals[(at + 1) % len(scope.intervals)]


def _shifted(scope: Scope, *, back: bool) -> str:
    span = scope.shifted(back=back)
    return addresses.page(scope.project, replace(scope.view, range=span, interval="")) if span else ""


def _kept(view: View) -> tuple[tuple[str, str], ...]:
    """The view as fields of a form, without the drawer."""
    parts: Sequence[tuple[str, str]] = address.fields(replace(view, show=""))
    return tuple(parts)
