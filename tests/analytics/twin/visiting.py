"""What the definitions say of sessions and of an overview's scope, in plain Python, over one history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openpanel.analytics.filters import Filter
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.scoped import OF_PAGEVIEWS
from tests.analytics.test_overview_twin import PREDICATES
from tests.analytics.twin.reckoning import SYNTHETIC, Event, Reckoning, milliseconds, place

CONTEXT: Final = (
    *("country", "region", "city", "referrer", "referrer_name", "referrer_type"),
    *("browser", "browser_version", "os", "device"),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One session: what the visitor did in it by time, its pageviews, and those of them that count."""

    session: int
    start_ms: int
    person: int
    profile_id: str
    events: tuple[Event, ...]
    views: tuple[Event, ...]
    counted: tuple[Event, ...]
    context: Mapping[str, str]

    @property
    def duration_ms(self) -> int:
        return int(self.events[-1]["created_at"] - self.events[0]["created_at"])

    @property
    def revenue(self) -> int:
        return sum(event["revenue"] for event in self.events)

    @property
    def entry(self) -> str:
        return str(self.views[0]["path"]) if self.views else ""

    @property
    def exit(self) -> str:
        return str(self.views[-1]["path"]) if self.views else ""

    def value(self, dimension: str) -> str:
        named = {
            "entry": self.entry,
            "exit": self.exit,
            "referrer": self.context["referrer_name"],
            "referrer_url": self.context["referrer"],
        }
        return named[dimension] if dimension in named else self.context[dimension]

    def belongs_to(self, dimension: str) -> str:
        if dimension in {"entry", "exit"}:
            return str(self.views[0]["origin"]) if self.views else ""
        of = {"region": "country", "city": "country", "browser_version": "browser", "os_version": "os"}
        return self.context[of[dimension]] if dimension in of else ""


def is_view(event: Event) -> bool:
    return bool(event["name"] == "screen_view" and event["path"])


class Visiting:
    """All sessions of a history, as the filters of a scope see them."""

    def __init__(self, scope: Overview, reckoning: Reckoning) -> None:
        self.scope = scope
        self.reckoning = reckoning
        by_session: dict[int, list[Event]] = {}
        for event in reckoning.history.events:
            if event.get("session_id"):
                by_session.setdefault(event["session_id"], []).append(event)
        visits = [self._visit(session, events) for session, events in by_session.items()]
        self.every = [visit for visit in visits if visit is not None]
        self._passing = [visit for visit in self.every if self._passes(visit)]

    def visits(self, period: Period | None = None) -> list[Visit]:
        """Those that start in the period and pass the filters."""
        chosen = period or self.scope.period
        return [visit for visit in self._passing if _within(visit.start_ms, chosen)]

    def pageviews(self, period: Period | None = None) -> list[Event]:
        """The views that count."""
        return [view for visit in self.visits(period) for view in visit.counted]

    def events(self, period: Period | None = None, *, outside: bool = True) -> list[Event]:
        """All rows of those sessions; without filters also of what lies outside of any."""
        chosen = period or self.scope.period
        found: list[Event] = []
        passing = {visit.session for visit in self.visits(chosen)}
        for event in self.reckoning.history.events:
            session = event.get("session_id", 0)
            if session:
                counts = _within(event["session_started_at"], chosen) and (
                    not self.scope.is_filtered or session in passing
                )
            else:
                counts = outside and not self.scope.is_filtered and _within(event["created_at"], chosen)
            if counts:
                found.append(event)
        return found

    def persons(self, visits: Sequence[Visit]) -> int:
        return len({self.reckoning.resolved(visit.person) for visit in visits})

    def persons_of(self, events: Sequence[Event]) -> int:
        return len({self.reckoning.person(event) for event in events} - {0})

    def _visit(self, session: int, rows: Sequence[Event]) -> Visit | None:
        events = sorted((row for row in rows if row["name"] not in SYNTHETIC), key=place)
        if not events:
            return None
        views = tuple(event for event in events if is_view(event))
        start = events[0]["session_started_at"]
        opened = any(row["name"] == "session_start" for row in rows) or any(
            row["created_at"] == start and row["name"] != "session_end" for row in rows
        )
        first = min(events, key=lambda row: (row["profile_id"] == "", place(row)))
        return Visit(
            session,
            start,
            first["person"],
            first["profile_id"],
            tuple(events),
            views,
            tuple(view for view in views if self._counts(view)),
            {name: events[0][name] if opened else "" for name in CONTEXT},
        )

    def _counts(self, view: Event) -> bool:
        return self.reckoning.meets(view, self._properties(of_views=True)) and all(
            PREDICATES[item.operator](view["path"], item.values) for item in self._plain("page")
        )

    def _passes(self, visit: Visit) -> bool:
        wants_view = self._plain("page") or self._properties(of_views=True)
        others = self._properties(of_views=False)
        did = any(
            all(PREDICATES[item.operator](event["name"], item.values) for item in self._plain("event"))
            for event in visit.events
        )
        return (
            bool(visit.counted or not wants_view)
            and did
            and (not others or any(self.reckoning.meets(event, others) for event in visit.events))
            and all(
                PREDICATES[item.operator](visit.value(item.dimension), item.values)
                for item in self.scope.filters
                if item.dimension not in {"page", "event"}
            )
        )

    def _plain(self, dimension: str) -> list[Filter]:
        return [item for item in self.scope.filters if item.dimension == dimension]

    def _properties(self, *, of_views: bool) -> list[PropertyFilter]:
        return [item for item in self.scope.property_filters if (item.name in OF_PAGEVIEWS) == of_views]


def _within(at: Any, period: Period) -> bool:
    return bool(milliseconds(period.start) <= at < milliseconds(period.until))
