"""Cohorts: persons who did something so and so often, or whose profile is so and so. To filter and to break down by.

A dynamic cohort is computed by every question that names it, so it is never stale; a static one is kept as it was
computed once (`freezing`). Neither is ever cut: members are read in pages, and questions use all of them.

Behaviour is counted over events of a name that pass filters, within so many calendar days up to now, between two
moments, or ever. "At most" and "exactly 0" include those who never did it, of all who ever did anything. A cohort of
profiles holds persons who did anything, by what their profile says now. Persons may have devices on several shards:
they are counted where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.occurrences import check_event, occurs
from openpanel.analytics.people_pages import PeopleAnswer, check_page, page_of_people, people_of
from openpanel.analytics.periods import FIRST_YEAR, LAST_YEAR, MAX_DAYS, Period, resolve
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import ANY_EVENT, Membership, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, fill, person_of
from openpanel.warehouse.tables import COHORT_MEMBERS

MAX_RULES: Final = 10
MAX_TIMES: Final = 1_000_000
Combine = Literal["and", "or"]
Frequency = Literal["gte", "eq", "lte"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Did this so often. Within the last `days` calendar days (today is the last), or `start` to `end`, or ever."""

    name: str = ANY_EVENT
    filters: tuple[PropertyFilter, ...] = ()
    frequency: Frequency = "gte"
    times: int = 1
    days: int | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Behaviours:
    """Persons for whom all (`and`) or some (`or`) of the rules hold."""

    rules: tuple[Behaviour, ...]
    combine: Combine = "and"


@dataclass(frozen=True, slots=True)
class Traits:
    """Persons whose profile meets all or some of the filters; they name fields of the profile."""

    filters: tuple[PropertyFilter, ...]
    combine: Combine = "and"


@dataclass(frozen=True, slots=True)
class DynamicCohort:
    """Whoever fits the definition at `now`."""

    id: str
    definition: Behaviours | Traits
    now: datetime

    def __post_init__(self) -> None:
        if not self.id:
            raise BadFilter("cohort", reason="needs an id")
        if self.definition.combine not in {"and", "or"}:
            raise BadFilter(self.definition.combine, reason="expected and, or")
        if isinstance(self.definition, Traits):
            _check_traits(self.definition)
        else:
            _check_behaviours(self.definition)

    def members(self, reading: Reading) -> str:
        """A sub-select of the persons, each once."""
        if isinstance(self.definition, Traits):
            return _with_traits(self.definition, reading.beside())
        return _with_behaviours(self.definition, self.now, reading)


@dataclass(frozen=True, slots=True)
class StaticCohort:
    """Whoever fitted when this generation was computed, as the persons they are known to be today."""

    id: str
    generation: int

    def members(self, reading: Reading) -> str:
        """A sub-select of the persons, each once."""
        return fill(
            _KEPT,
            person=person_of("kept.person"),
            known=KNOWN_PERSONS,
            cohort=reading.text(self.id),
            generation=reading.value("UInt64", self.generation),
        )


@dataclass(frozen=True, slots=True)
class CohortMembers:
    """Who is in it? By person id, in pages."""

    project: str
    timezone: str
    cohort: Membership
    after: int = 0
    limit: int = 100

    def __post_init__(self) -> None:
        check_page(self.limit)

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone)
        members = self.cohort.members(reading)
        return Statement(
            page_of_people(members, reading, after=self.after, limit=self.limit), reading.parameters
        )

    def answer(self, rows: Sequence[Row], source: Source) -> PeopleAnswer:
        assert source is Source.EVENTS
        return people_of(rows, limit=self.limit)


@dataclass(frozen=True, slots=True)
class CohortSize:
    """How many are in it? What a preview shows."""

    project: str
    timezone: str
    cohort: Membership

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone)
        return Statement(fill(_SIZE, members=self.cohort.members(reading)), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> int:
        assert source is Source.EVENTS
        return int(rows[0][0])


def freezing(project: str, *, timezone: str, cohort: DynamicCohort, generation: int) -> Statement:
    """The command that keeps a cohort's present members as a generation of the static cohort of its id."""
    reading = Reading(project, timezone=timezone)
    sql = fill(
        _FREEZE,
        table=COHORT_MEMBERS.name,
        cohort=reading.text(cohort.id),
        generation=reading.value("UInt64", generation),
        members=cohort.members(reading),
    )
    return Statement(sql, reading.parameters)


def _check_behaviours(definition: Behaviours) -> None:
    if not 1 <= len(definition.rules) <= MAX_RULES:
        raise BadFilter(f"{len(definition.rules)} rules", reason=f"expected 1 to {MAX_RULES}")
    for rule in definition.rules:
        check_event(rule.name, rule.filters)
        if rule.frequency not in {"gte", "eq", "lte"}:
            raise BadFilter(rule.frequency, reason="expected gte, eq, lte")
        if not (1 if rule.frequency == "gte" else 0) <= rule.times <= MAX_TIMES:
            raise BadFilter("times", reason=f"expected up to {MAX_TIMES:,} times, and at least 1 for gte")
        _check_time(rule)


def _check_time(rule: Behaviour) -> None:
    if rule.days is not None and not 1 <= rule.days <= MAX_DAYS:
        raise BadFilter("days", reason=f"expected 1 to {MAX_DAYS}")
    if (rule.start is None) != (rule.end is None) or (rule.days is not None and rule.start is not None):
        given = "days" if rule.days is not None else "end" if rule.start is None else "start"
        raise BadFilter(given, reason="expected days, or start and end, or none of them")
    for name, moment in (("start", rule.start), ("end", rule.end)):
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise BadFilter(name, reason=f"expected a time from {FIRST_YEAR} to {LAST_YEAR}")
    if rule.start is not None and rule.end is not None and rule.end <= rule.start:
        raise BadFilter("end", reason="lies before the start")


def _check_traits(definition: Traits) -> None:
    check_filters(definition.filters)
    if not definition.filters:
        raise BadFilter("filters", reason="expected one at least")
    for item in definition.filters:
        if not item.name.startswith("profile."):
            raise BadFilter(
                item.name, reason="a cohort of profiles is told by fields such as profile.properties.plan"
            )


def _with_behaviours(definition: Behaviours, now: datetime, reading: Reading) -> str:
    rules = [
        f"SELECT {number} AS rule, person FROM\n(\n{_of_rule(rule, now, reading)}\n)"
        for number, rule in enumerate(definition.rules)
    ]
    least = len(rules) if definition.combine == "and" else 1
    return fill(_COMBINED, rules="\nUNION ALL\n".join(rules), least=str(least))


def _of_rule(rule: Behaviour, now: datetime, reading: Reading) -> str:
    never = rule.frequency == "lte" or rule.times == 0
    own = reading.beside()
    person = own.person()
    conditions = (occurs(rule.name, rule.filters, own), f"{person} != 0")
    events = (
        own.all_events(now, conditions=conditions)
        if (period := _period(rule, now, own.timezone)) is None
        else own.events(period, conditions=conditions)
    )
    counted = fill(
        _COUNTED,
        person=person,
        events=events,
        relation=">" if never else {"gte": ">=", "eq": "="}[rule.frequency],
        times=reading.value("UInt32", rule.times),
    )
    return (
        fill(_ALL_BUT, person=person_of("weekly.person"), known=KNOWN_PERSONS, others=counted)
        if never
        else counted
    )


def _period(rule: Behaviour, now: datetime, timezone: str) -> Period | None:
    if rule.start is not None and rule.end is not None:
        return Period(rule.start, rule.end)
    return None if rule.days is None else resolve(f"{rule.days}d", timezone=timezone, now=now)


def _with_traits(definition: Traits, reading: Reading) -> str:
    person = reading.person()
    conditions = met(definition.filters, reading)
    joined = (" AND " if definition.combine == "and" else " OR ").join(f"({part})" for part in conditions)
    return fill(_TRAITS, person=person, joins=reading.joins(None), conditions=joined)


_COMBINED: Final = """\
SELECT person
FROM
(
<<rules>>
)
GROUP BY person
HAVING count() >= <<least>>"""

_COUNTED: Final = """\
SELECT <<person>> AS person
<<events>>
GROUP BY person
HAVING count() <<relation>> <<times>>"""

_ALL_BUT: Final = """\
SELECT DISTINCT <<person>> AS person
FROM r_person_week AS weekly
GLOBAL ANY LEFT JOIN
(
<<known>>
) AS known ON weekly.person = known.person
WHERE weekly.project_id = {project:String} AND <<person>> GLOBAL NOT IN
(
<<others>>
)"""

_TRAITS: Final = """\
SELECT DISTINCT <<person>> AS person
FROM
(
    SELECT DISTINCT each.person AS person, each.profile_id AS profile_id
    FROM events AS each
    WHERE each.project_id = {project:String} AND each.person != 0
) AS seen<<joins>>
WHERE <<conditions>>"""

_KEPT: Final = """\
SELECT DISTINCT <<person>> AS person
FROM cohort_members AS kept
GLOBAL ANY LEFT JOIN
(
<<known>>
) AS known ON kept.person = known.person
WHERE kept.project_id = {project:String} AND kept.cohort_id = <<cohort>> AND kept.generation = <<generation>>"""

_SIZE: Final = """\
SELECT count() AS persons
FROM
(
<<members>>
)"""

_FREEZE: Final = """\
INSERT INTO <<table>> (project_id, cohort_id, generation, person)
SELECT {project:String}, <<cohort>>, <<generation>>, person
FROM
(
<<members>>
)"""
