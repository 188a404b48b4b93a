"""All visits of a period, in the order in which they begin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from openpanel_local.demo.chance import stream
from openpanel_local.demo.people import Person, person
from openpanel_local.demo.rhythm import HOUR_MS, Calendar
from openpanel_local.demo.sources import SALE_DAYS, Day, source
from openpanel_local.demo.visits import Event, Visit, walk

BETWEEN_VISITS_H: Final = 100.0  # on average
LEAST_BETWEEN_MS: Final = 2 * HOUR_MS  # so that two visits are never one session
KNOWN_BEFORE: Final = 0.4  # share of returning people whose first visit may lie before the period
BEFORE_MS: Final = 14 * 24 * HOUR_MS
SALE: Final = 1.35  # times as many people begin to come while the sale runs

CROWD_WITHIN_MS: Final = 9 * 60 * 1_000  # the crowd came in the last minutes
CROWD_LEAST: Final = 8
CROWD_SHARE: Final = 0.008  # of all visitors


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made. The same plan gives the same traffic."""

    project: str
    seed: int
    visitors: int
    days: int
    until_ms: int
    zone: ZoneInfo


class Begin(NamedTuple):
    """That somebody comes, and when: little enough to keep all of them."""

    start_ms: int
    number: int
    nth: int  # of this person's visits, from 0


def begins(plan: Plan) -> list[Begin]:
    """Every visit of the period, by its beginning."""
    calendar = _calendar(plan)
    return sorted(begin for number in range(plan.visitors) for begin in _begins(number, plan, calendar))


def visits(begins: Sequence[Begin], plan: Plan) -> Iterator[Visit]:
    """The visits that begin so."""
    calendar = _calendar(plan)
    for begin in begins:
        yield _visit(begin, plan, calendar)


def crowd(plan: Plan) -> list[Visit]:
    """People who are here at the end of the period: it is dull to look at a live figure of zero."""
    chance = stream(plan.seed, plan.project, "crowd", plan.until_ms)
    count = min(plan.visitors, max(CROWD_LEAST, int(plan.visitors * CROWD_SHARE)))
    numbers = sorted(chance.sample(range(plan.visitors), count))
    now = [
        Begin(plan.until_ms - chance.randrange(5_000, CROWD_WITHIN_MS), number, visitor(number, plan).visits)
        for number in numbers
    ]
    return list(visits(sorted(now), plan))


def events(visit: Visit, plan: Plan) -> list[Event]:
    """What happens in a visit, as far as it has happened by the end of the period."""
    chance = stream(plan.seed, plan.project, "visit", visit.person.number, visit.index)
    return [event for event in walk(visit, chance) if event.at_ms < plan.until_ms]


def _begins(number: int, plan: Plan, calendar: Calendar) -> Iterator[Begin]:
    who = visitor(number, plan)
    chance = stream(plan.seed, plan.project, "visits of", number)
    emphasis = [SALE if len(calendar.days) - 1 - n in SALE_DAYS else 1.0 for n in range(len(calendar.days))]
    at = calendar.moment(chance, emphasis=emphasis)
    if who.visits > 1 and chance.random() < KNOWN_BEFORE:
        at -= BEFORE_MS
    for index in range(who.visits):
        if at >= calendar.since_ms:
            yield Begin(at, number, index)
        later = at + LEAST_BETWEEN_MS + int(chance.expovariate(1 / BETWEEN_VISITS_H) * HOUR_MS)
        # The hour of the next visit follows the rhythm too, not the hour of this one.
        at = max(calendar.within(calendar.day_of(later), chance), at + LEAST_BETWEEN_MS)
        if at >= plan.until_ms:
            return


def _visit(begin: Begin, plan: Plan, calendar: Calendar) -> Visit:
    who = visitor(begin.number, plan)
    chance = stream(plan.seed, plan.project, "source", begin.number, begin.nth)
    day = Day(calendar.day_of(begin.start_ms).weekday(), calendar.days_before_end(begin.start_ms))
    came = source(chance, country=who.place.country, day=day, known=begin.nth > 0)
    return Visit(who, begin.nth, begin.start_ms, came)


def _calendar(plan: Plan) -> Calendar:
    return Calendar(until_ms=plan.until_ms, days=plan.days, zone=plan.zone)


def visitor(number: int, plan: Plan) -> Person:
    """The person of that number."""
    return person(number, seed=plan.seed, project=plan.project)
