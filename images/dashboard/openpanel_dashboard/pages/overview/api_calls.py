"""The call of the public API that answers what a panel shows, where there is one.

There is none for a comparison with freely chosen days, and for filters that the API has no word for. Pure.
"""

from dataclasses import dataclass, replace
from json import dumps
from typing import Final
from urllib.parse import quote, urlencode

from openpanel_dashboard.address import COMPARISONS, DEFAULT_RANGE, PRESETS, Condition
from openpanel_dashboard.languages import N_
from openpanel_dashboard.pages.overview.scope import Scope

MOST_ROWS: Final = 1_000  # that the API gives of a list

# What the API calls a dimension in filters.
FIELDS: Final = {
    **{name: name for name in ("path", "country", "region", "city", "device", "browser", "os")},
    "entry": "session.entry_path",
    "exit": "session.exit_path",
    "referrer": "referrer_name",
    "channel": "referrer_type",
    **{f"utm.{name}": f"utm_{name}" for name in ("source", "medium", "campaign", "term", "content")},
}
OPERATORS: Final = {
    "is": "is",
    "not": "isNot",
    "has": "contains",
    "hasnt": "doesNotContain",
    "starts": "startsWith",
    "ends": "endsWith",
    "re": "regex",
    "set": "isNotNull",
    "unset": "isNull",
}

_BY_COUNTRY: Final = N_("The API tells places of one name in several countries apart.")
_BY_SITE: Final = N_("The API tells pages of one path on several sites apart.")


@dataclass(frozen=True, slots=True)
class _Route:
    """What answers a list: path and parameters. `note`: in which way it says more than the list."""

    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    note: str = ""


def _traffic(path: str, breakdown: str, note: str = "") -> _Route:
    return _Route(f"traffic/{path}", (("breakdown", breakdown),), note)


_LISTS: Final = {
    "referrer": _traffic("referrers", "referrer_name"),
    "channel": _traffic("referrers", "referrer_type"),
    "utm.campaign": _traffic("referrers", "utm_campaign"),
    "utm.source": _traffic("referrers", "utm_source"),
    "utm.medium": _traffic("referrers", "utm_medium"),
    "path": _Route("pages/top", note=_BY_SITE),
    "entry": _Route("pages/entry_exit", (("mode", "entry"),), _BY_SITE),
    "exit": _Route("pages/entry_exit", (("mode", "exit"),), _BY_SITE),
    "country": _traffic("geo", "country"),
    "region": _traffic("geo", "region", _BY_COUNTRY),
    "city": _traffic("geo", "city", _BY_COUNTRY),
    "browser": _traffic("devices", "browser"),
    "os": _traffic("devices", "os"),
    "device": _traffic("devices", "device"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call as an address. `note`: in which way its answer says more than the panel."""

    address: str
    note: str = ""

    @property
    def command(self) -> str:
        """To be pasted into a terminal in which the id and the secret of a client are set."""
        return (
            f"curl '{self.address}' \\\n"
            '  -H "openpanel-client-id: $OPENPANEL_CLIENT_ID" \\\n'
            '  -H "openpanel-client-secret: $OPENPANEL_CLIENT_SECRET"'
        )


def of_numbers(scope: Scope, *, root: str, compared: bool) -> Call | None:
    """For the strip of numbers and the chart: the API answers both at once."""
    filters = _filters(scope)
    comparison = scope.view.compare or "prev"
    named = comparison in COMPARISONS
    if filters is None or (compared and not named):
        return None
    asked = [*_time(scope), ("interval", scope.interval)]
    if compared:
        asked.append(("compare", comparison))
    return _call(scope, "overview", [*asked, *filters], root=root)


def of_list(scope: Scope, dimension: str, *, root: str) -> Call | None:
    """For the list of a dimension."""
    filters = _filters(scope)
    if filters is None:
        return None
    route = _LISTS[dimension]
    asked = [*_time(scope), *route.parameters, ("limit", str(MOST_ROWS)), *filters]
    return replace(_call(scope, route.path, asked, root=root), note=route.note)


def _call(scope: Scope, path: str, asked: list[tuple[str, str]], *, root: str) -> Call:
    place = f"{root}/insights/{quote(scope.project.id, safe='')}/{path}"
    return Call(f"{place}?{urlencode(asked, quote_via=quote, safe=':,.')}")


def _time(scope: Scope) -> list[tuple[str, str]]:
    named = scope.view.range
    if named in PRESETS:
        return [("range", named)]
    first, _, last = (named or DEFAULT_RANGE).partition("..")
    return [("startDate", first), ("endDate", last)]


def _filters(scope: Scope) -> list[tuple[str, str]] | None:
    """The parameter, or nothing where nothing is filtered; `None` where the API cannot say it."""
    usable = [one for one in scope.view.conditions if one not in scope.unusable]
    if any(one.dimension not in FIELDS or one.operator not in OPERATORS for one in usable):
        return None
    written = [_filter(one) for one in usable]
    return [("filters", dumps(written, ensure_ascii=False, separators=(",", ":")))] if written else []


def _filter(condition: Condition) -> dict[str, object]:
    named = {"name": FIELDS[condition.dimension], "operator": OPERATORS[condition.operator]}
    return {**named, "value": list(condition.values)} if condition.values else {**named}
