"""The state of a page as its query string, and back: equal views have equal addresses.

Read by every page and by the cache, whose keys are these addresses. What is not understood is kept by name,
so that the page can say what it ignored. Knows no route, no project and no clock: whether a range is long
enough or a metric exists on a page is decided where the page is.

Inside a filter's values `,` and `%` are written as `%2C` and `%25` before the address itself is encoded, so
that a filter survives tools that encode a pasted address once more.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

PRESETS: Final = (
    *("30m", "1h", "24h", "today", "yesterday", "7d", "28d", "30d", "90d", "12m"),
    *("mtd", "qtd", "ytd", "last-week", "last-month", "last-year", "all"),
)
COMPARISONS: Final = ("prev", "prev-weekday", "year", "year-weekday", "off")
INTERVALS: Final = ("minute", "hour", "day", "week", "month")
OPERATORS: Final = (
    *("is", "not", "has", "hasnt", "starts", "ends", "re"),
    *("gt", "gte", "lt", "lte", "set", "unset", "in", "notin"),
)
BARE: Final = frozenset({"set", "unset"})  # operators without values
DIMENSIONS: Final = (
    *("path", "entry", "exit", "host", "title", "referrer", "channel"),
    *("utm.source", "utm.medium", "utm.campaign", "utm.term", "utm.content"),
    *("country", "region", "city", "device", "browser", "os", "event", "cohort"),
)
OPEN_DIMENSIONS: Final = ("prop.", "person.", "group.")  # followed by a key of the project's own

DEFAULT_RANGE: Final = "28d"
DEFAULT_METRIC: Final = "visitors"
MAX_CONDITIONS: Final = 20
MAX_VALUES: Final = 50  # of one condition
MAX_VALUE: Final = 2_000  # characters

_RANGE = re.compile(r"(\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?)\.\.(\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?)")
_SAFE: Final = "/:,.~-_@!*();"  # stays readable in addresses, and is left alone by browsers


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """One filter: the values are alternatives, several conditions must all hold."""

    dimension: str
    operator: str
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The form in the address, before the address's own encoding."""
        if self.operator in BARE:
            return f"{self.dimension}:{self.operator}"
        return f"{self.dimension}:{self.operator}:{','.join(map(_inner, self.values))}"


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows: everything that is in its address. Defaults are left out of it."""

    range: str = DEFAULT_RANGE
    compare: str = ""  # "": the change against the previous period is shown, its curve is not
    interval: str = ""  # "": fitting the range
    conditions: tuple[Condition, ...] = ()
    metric: str = DEFAULT_METRIC
    tabs: tuple[tuple[str, str], ...] = ()  # card, tab
    show: str = ""  # the open drawer
    form: str = ""  # "table": charts as tables
    ignored: tuple[str, ...] = field(default=(), compare=False)

    def tab(self, card: str) -> str:
        return dict(self.tabs).get(card, "")

    def with_tab(self, card: str, tab: str) -> "View":
        """The same view with another tab on a card; an empty tab is the card's first."""
        tabs = {**dict(self.tabs), card: tab}
        return replace(self, tabs=tuple(sorted((key, value) for key, value in tabs.items() if value)))

    def with_conditions(self, conditions: Iterable[Condition]) -> "View":
        kept = (replace(one, values=_unique(one.values)) for one in conditions)
        return replace(self, conditions=tuple(sorted(set(kept))))

    def toggled(self, dimension: str, value: str, *, operator: str = "is") -> "View":
        """A click on a row: the value joins the dimension's condition, or leaves it when it was there."""
        found = next((c for c in self.conditions if (c.dimension, c.operator) == (dimension, operator)), None)
        others = [c for c in self.conditions if c is not found]
        values = found.values if found else ()
        changed = tuple(v for v in values if v != value) if value in values else (*values, value)
        return self.with_conditions([*others, Condition(dimension, operator, changed)] if changed else others)

    def without(self, condition: Condition) -> "View":
        return self.with_conditions(c for c in self.conditions if c != condition)


def parse(query: str) -> View:
    """The view an address asks for. Never fails: what cannot be read is listed in `ignored`."""
    values: dict[str, str] = {}
    tabs: dict[str, str] = {}
    conditions: list[Condition] = []
    ignored: list[str] = []
    for key, value in _pairs(query):
        if key == "f":
            condition = _condition(value)
            fits = condition is not None and len(conditions) < MAX_CONDITIONS
            conditions.extend([condition] if condition and fits else [])
            ignored.extend([] if fits else [f"f={value}"])
        elif key.startswith("tab.") and _NAME.fullmatch(value) and _NAME.fullmatch(key[4:]):
            tabs[key[4:]] = value
        elif key in _CHECKS and _CHECKS[key](value):
            values[key] = value
        else:
            ignored.append(f"{key}={value}" if value else key)
    view = View(
        range=values.get("range", DEFAULT_RANGE),
        compare=values.get("cmp", ""),
        interval=values.get("by", ""),
        metric=values.get("m", DEFAULT_METRIC),
        tabs=tuple(sorted(tabs.items())),
        show=values.get("show", ""),
        form=values.get("view", ""),
        ignored=tuple(ignored),
    )
    return view.with_conditions(conditions)


def fields(view: View) -> tuple[tuple[str, str], ...]:
    """The keys and values of the address, for the hidden fields of a form."""
    return tuple(_parts(view))


def query(view: View) -> str:
    """The canonical query string, without a question mark; empty for the default view."""
    return "&".join(f"{key}={quote(value, safe=_SAFE)}" for key, value in _parts(view))


def same(one: str, other: str) -> bool:
    """Whether two query strings say the same in the same order; browsers encode more than is needed."""
    return list(_pairs(one)) == list(_pairs(other))


def _parts(view: View) -> Iterator[tuple[str, str]]:
    if view.range != DEFAULT_RANGE:
        yield "range", view.range
    if view.compare:
        yield "cmp", view.compare
    if view.interval:
        yield "by", view.interval
    for condition in view.conditions:
        yield "f", condition.text
    if view.metric != DEFAULT_METRIC:
        yield "m", view.metric
    for card, tab in view.tabs:
        yield f"tab.{card}", tab
    if view.show:
        yield "show", view.show
    if view.form:
        yield "view", view.form


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for part in query.split("&"):
        if part:
            key, _, value = part.partition("=")
            yield unquote_plus(key), unquote_plus(value)


def _condition(text: str) -> Condition | None:
    dimension, _, rest = text.partition(":")
    operator, colon, values = rest.partition(":")
    if not _is_dimension(dimension) or operator not in OPERATORS:
        return None
    if operator in BARE:
        return None if colon else Condition(dimension, operator)
    listed = tuple(map(unquote, values.split(",")))
    fits = colon and len(listed) <= MAX_VALUES and all(len(value) <= MAX_VALUE for value in listed)
    return Condition(dimension, operator, listed) if fits else None


def _is_dimension(name: str) -> bool:
    return name in DIMENSIONS or any(name.startswith(kind) and name != kind for kind in OPEN_DIMENSIONS)


def is_range(text: str) -> bool:
    """A preset, or two days or moments of which the second is not the earlier."""
    if text in PRESETS:
        return True
    ends = _RANGE.fullmatch(text)
    if ends is None:
        return False
    try:
        start, end = (datetime.fromisoformat(end) for end in ends.groups())
    except ValueError:
        return False
    return start <= end


def _is_comparison(text: str) -> bool:
    return text in COMPARISONS or (text not in PRESETS and is_range(text))


def _inner(value: str) -> str:
    return value.replace("%", "%25").replace(",", "%2C")


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


_NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_CHECKS: Final = {
    "range": is_range,
    "cmp": _is_comparison,
    "by": INTERVALS.__contains__,
    "m": lambda text: _NAME.fullmatch(text) is not None,
    "show": lambda text: 0 < len(text) <= MAX_VALUE,
    "view": "table".__eq__,
}
