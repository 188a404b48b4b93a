"""What one statement reads of events: its parameters, and the tables that its conditions and breakdowns need beside.

A question makes one `Reading` per statement, lets conditions and breakdowns be written over it, and then asks for
`events(...)`: the FROM and WHERE that follow a SELECT. Only what was asked for is joined. Events are `seen`; beside
them stand `known` (who a person really is), `visit` (the session), `named` and `profile` (the person's profile).

Joins are GLOBAL: their small side is made once and sent to every shard. Knows no store and no clock: text only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.periods import Period
from openpanel.analytics.statements import (
    KNOWN_PERSONS,
    and_all,
    day_before,
    day_of,
    fill,
    milliseconds,
    person_of,
)
from openpanel.analytics.visits import LONGEST_SESSION

ANY_EVENT: Final = "*"
# Rows that the platform makes itself; they are no doing of a visitor.
SYNTHETIC: Final = ("session_start", "session_end")


class Membership(Protocol):
    """A group of persons that a question may filter by and break down by."""

    @property
    def id(self) -> str: ...

    def members(self, reading: "Reading") -> str:
        """A sub-select of the persons, each once, as who they really are."""
        ...


class Reading:
    """Collects while a statement is written. Times without a zone are of `timezone`."""

    def __init__(self, project: str, *, timezone: str, cohorts: Sequence[Membership] = ()) -> None:
        self.timezone = timezone
        self._cohorts: Final = {cohort.id: cohort for cohort in cohorts}
        self._values: dict[str, object] = {"project": project}
        self._names: dict[tuple[str, str], str] = {}
        self._profile_columns: dict[str, str] = {}
        self._visit_columns: dict[str, None] = {}
        self._joins_known = False

    def beside(self) -> "Reading":
        """For a sub-select of its own: other tables to join, the same values. It knows no cohorts."""
        other = Reading("", timezone=self.timezone)
        other._values, other._names = self._values, self._names
        return other

    @property
    def parameters(self) -> Mapping[str, object]:
        """All values that were given a name."""
        return dict(self._values)

    @property
    def cohort_ids(self) -> tuple[str, ...]:
        """The cohorts that may be named."""
        return tuple(self._cohorts)

    def value(self, type_name: str, value: object) -> str:
        """The placeholder of a value; the same value has the same one."""
        key = (type_name, repr(value))
        if key not in self._names:
            self._names[key] = f"v{len(self._names)}"
            self._values[self._names[key]] = value
        return f"{{{self._names[key]}:{type_name}}}"

    def text(self, value: str) -> str:
        """The placeholder of a text."""
        return self.value("String", value)

    def texts(self, values: Sequence[str]) -> str:
        """The placeholder of a list of texts."""
        return self.value("Array(String)", list(values))

    def moment(self, moment: datetime) -> str:
        """An instant, as the tables hold it."""
        return f"fromUnixTimestamp64Milli({self.value('Int64', milliseconds(moment))}, 'UTC')"

    def since(self, start: datetime) -> tuple[str, str]:
        """That it was done at `start` or later. Said of the day too: the key leads to days, and only then to names."""
        day = self.value("Date", day_of(start))
        return (f"toDate(seen.created_at) >= {day}", f"seen.created_at >= {self.moment(start)}")

    def before(self, until: datetime) -> tuple[str, str]:
        """That it was done before `until`."""
        day = self.value("Date", day_before(until))
        return (f"toDate(seen.created_at) <= {day}", f"seen.created_at < {self.moment(until)}")

    def within(self, period: Period) -> tuple[str, ...]:
        """That it was done in the period."""
        return (*self.since(period.start), *self.before(period.until))

    def person(self) -> str:
        """Who did it, as who that person really is; 0 is nobody."""
        self._joins_known = True
        return person_of("seen.person")

    def is_known(self) -> str:
        """Whether the event's person has a profile, or got one later."""
        self._joins_known = True
        return "(seen.profile_id != '' OR known.target != 0)"

    def visit(self, column: str) -> str:
        """A column of the event's session, empty for an event outside of sessions."""
        self._visit_columns[column] = None
        return f"visit.{column}"

    def profile(self, column: str, expression: str) -> str:
        """A column of the person's profile, empty where there is none."""
        self.person()
        self._profile_columns[column] = expression
        return f"profile.{column}"

    def members(self, cohort: str) -> str:
        """The sub-select of a cohort's persons. Raises `BadFilter` for a cohort that the question does not carry."""
        if cohort not in self._cohorts:
            known = ", ".join(self._cohorts) or "none"
            raise BadFilter(cohort, reason=f"no cohort of this project; there are: {known}")
        return self._cohorts[cohort].members(self)

    def events(self, period: Period, *, conditions: Sequence[str] = ()) -> str:
        """The events of a period that meet the conditions."""
        return (
            f"FROM events AS seen{self.joins(period)}\nWHERE seen.project_id = {{project:String}}"
            + and_all((*self.within(period), *conditions))
        )

    def all_events(self, until: datetime, *, conditions: Sequence[str] = ()) -> str:
        """The events of all time up to, without, `until`."""
        return f"FROM events AS seen{self.joins(None)}\nWHERE seen.project_id = {{project:String}}" + and_all(
            (*self.before(until), *conditions)
        )

    def events_since(self, start: datetime, *, conditions: Sequence[str] = ()) -> str:
        """The events from `start` on."""
        return f"FROM events AS seen{self.joins(None)}\nWHERE seen.project_id = {{project:String}}" + and_all(
            (*self.since(start), *conditions)
        )

    def joins(self, period: Period | None) -> str:
        """The tables to join with `seen`; sessions are those that may reach into the period."""
        parts = []
        if self._joins_known:
            parts.append(fill(_KNOWN, known=KNOWN_PERSONS))
        if self._visit_columns:
            parts.append(self._visit_join(period))
        if self._profile_columns:
            columns = "".join(
                f",\n        {sql} AS {name}" for name, sql in sorted(self._profile_columns.items())
            )
            parts.append(fill(_PROFILE, named=NAMED, person=person_of("seen.person"), columns=columns))
        return "".join(parts)

    def _visit_join(self, period: Period | None) -> str:
        columns = "".join(f",\n        visit.{name} AS {name}" for name in sorted(self._visit_columns))
        bounds = (
            ()
            if period is None
            else (
                f"visit.session_started_at >= {self.moment(period.start - LONGEST_SESSION)}",
                f"visit.session_started_at < {self.moment(period.until + LONGEST_SESSION)}",
            )
        )
        return fill(_VISIT, columns=columns, bounds=and_all(bounds, indent="        "))


_KNOWN: Final = """
GLOBAL ANY LEFT JOIN
(
<<known>>
) AS known ON seen.person = known.person"""

_VISIT: Final = """
GLOBAL ANY LEFT JOIN
(
    SELECT
        visit.session_id AS session_id<<columns>>
    FROM sessions AS visit FINAL
    WHERE visit.project_id = {project:String}<<bounds>>
) AS visit ON seen.session_id = visit.session_id"""

# The id under which a person was identified in a session, also for what it did before; or that of the profile which
# says whom it describes, for persons who never had a session. Of several the greatest: answers must not depend on luck.
NAMED: Final = """\
    SELECT person, max((in_session, profile_id)).2 AS profile_id
    FROM
    (
        SELECT visit.person AS person, 1 AS in_session, visit.profile_id AS profile_id
        FROM sessions AS visit
        WHERE visit.project_id = {project:String} AND visit.profile_id != ''
        UNION ALL
        SELECT told.person AS person, 0 AS in_session, told.profile_id AS profile_id
        FROM profiles AS told FINAL
        WHERE told.project_id = {project:String} AND told.person != 0
    )
    GROUP BY person"""

_PROFILE: Final = """
GLOBAL ANY LEFT JOIN
(
<<named>>
) AS named ON <<person>> = named.person
GLOBAL ANY LEFT JOIN
(
    SELECT
        profile_id<<columns>>
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id"""
