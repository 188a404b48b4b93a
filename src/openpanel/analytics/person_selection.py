"""Who stands in a list of people: what may be asked of them. Knows no store and no clock: values only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from openpanel.analytics.filters import BadFilter, Filter, check
from openpanel.analytics.periods import MAX_DAYS, Period, resolve
from openpanel.analytics.property_filters import PropertyFilter, check_filters
from openpanel.analytics.reading import Membership

MAX_SEARCH: Final = 1_000  # characters
MAX_SESSIONS: Final = 1_000_000
PeopleKind = Literal["all", "identified", "anonymous", "power"]
KINDS: Final = ("all", "identified", "anonymous", "power")


@dataclass(frozen=True, slots=True)
class PeopleSelection:
    """Who is listed, as of `now`.

    `identified` have a profile, `anonymous` have none, `power` are the identified ones by their number of events.
    `search` looks for a part of the profile's id, name or e-mail without regard to case, or for a device's whole id.
    `performed` is the name of an event that they did, `min_sessions` the number of sessions that they did something
    in, both within the period where there is one. `inactive_days`: those who did nothing in so many calendar days,
    today being the last.
    """

    project: str
    timezone: str
    now: datetime
    kind: PeopleKind = "all"
    search: str = ""
    period: Period | None = None
    filters: tuple[Filter, ...] = ()
    property_filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()
    performed: str = ""
    min_sessions: int = 0
    inactive_days: int | None = None

    def __post_init__(self) -> None:
        check(self.filters)
        check_filters(self.property_filters)
        if self.kind not in KINDS:
            raise BadFilter(self.kind, reason=f"expected one of {', '.join(KINDS)}")
        if len(self.search) > MAX_SEARCH:
            raise BadFilter("search", reason=f"at most {MAX_SEARCH} characters")
        if not 0 <= self.min_sessions <= MAX_SESSIONS:
            raise BadFilter(f"{self.min_sessions} sessions", reason=f"expected 0 to {MAX_SESSIONS:,}")
        if self.inactive_days is not None and not 1 <= self.inactive_days <= MAX_DAYS:
            raise BadFilter(f"{self.inactive_days} days", reason=f"expected 1 to {MAX_DAYS}")

    @property
    def has_conditions(self) -> bool:
        """Whether something is asked of what people did in the period."""
        return bool(self.period or self.filters or self.property_filters or self.performed)

    @property
    def is_everybody(self) -> bool:
        """Whether nothing narrows the list."""
        asked = self.has_conditions or self.min_sessions or self.inactive_days or self.search
        return self.kind == "all" and not asked

    @property
    def takes_unseen(self) -> bool:
        """Whether profiles that never did anything belong to the list."""
        asked = self.has_conditions or self.min_sessions or self.inactive_days
        return self.kind != "anonymous" and not asked

    def seen_before(self, as_of: datetime) -> datetime | None:
        """Who is listed was last seen before this."""
        if self.inactive_days is None:
            return None
        return resolve(f"{self.inactive_days}d", timezone=self.timezone, now=as_of).start
