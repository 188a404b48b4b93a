"""An attempt: one visitor's way through the steps of a funnel. What funnels, conversions and their people share.

A visitor is a session or a person. With a `key` (any field: a property, one of the session, the group) all steps must
have the same value of it as well: whoever has two values is two visitors, and events without a value are nobody's. By
`property` the value alone is the visitor: an order whose steps are done by a browser and a server.

An attempt begins with each event that meets the first step, within the period, and takes every further step as early
as it can: later than the step before, and no later than `window` after the first. That may be after the end of the
period: who began on the last day has as much time as everybody else. What happens at the same millisecond happens at
once. Of a visitor (a session, or a person) the attempt counts that got furthest, of several the one that got there
first, and of those the one that began last. An order is

    sequence    one step after the other, whatever happens between
    strict      one step after the other, and nothing else that the visitor did between
    any         the steps in whatever order within the window, each as late as it was done (the earliest in the
                period); an event counts for
                every step that it meets

An exclusion ends an attempt that has done step `after` but not yet step `before`; the next one may begin. An event
that moves an attempt on does not end it.

Sessions lie on one shard and persons may not: instants are merged where the question was asked. Knows no store and no
clock: SQL over a `Reading`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from openpanel.analytics.breakdowns import carried
from openpanel.analytics.fields import as_text, field
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.followed import WHOLE, in_any_order, one_after_the_other, packed
from openpanel.analytics.occurrences import Step, any_of, check_event, occurs
from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import PropertyFilter, met
from openpanel.analytics.reading import ANY_EVENT, Membership, Reading
from openpanel.analytics.statements import fill

MAX_STEPS: Final = 10
MAX_EXCLUSIONS: Final = 10
MAX_WINDOW: Final = timedelta(days=366)
Order = Literal["sequence", "strict", "any"]
Visitor = Literal["session", "person", "property"]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What must not happen after step `after` (from 1) and before step `before` (without one: the last)."""

    name: str
    filters: tuple[PropertyFilter, ...] = ()
    after: int = 1
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """Which attempts: of whom, when, through which steps."""

    project: str
    timezone: str
    period: Period
    steps: tuple[Step, ...]
    window: timedelta = timedelta(hours=24)
    by: Visitor = "session"
    order: Order = "sequence"
    exclusions: tuple[Exclusion, ...] = ()
    filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()
    key: str = ""  # the field whose value joins the steps


def check_attempts(scope: Attempts) -> None:
    """Refuse what is no funnel. Raises `BadFilter`."""
    if not 2 <= len(scope.steps) <= MAX_STEPS:
        raise BadFilter(f"{len(scope.steps)} steps", reason=f"expected 2 to {MAX_STEPS}")
    if not timedelta(milliseconds=1) <= scope.window <= MAX_WINDOW:
        raise BadFilter(f"window {scope.window}", reason=f"expected up to {MAX_WINDOW.days} days")
    if scope.by not in {"session", "person", "property"}:
        raise BadFilter(scope.by, reason="expected session, person or property")
    if scope.by == "property" and not scope.key:
        raise BadFilter(scope.by, reason="needs a key, the field whose value joins the steps")
    if scope.order not in {"sequence", "strict", "any"}:
        raise BadFilter(scope.order, reason="expected sequence, strict or any")
    if len(scope.exclusions) > MAX_EXCLUSIONS:
        raise BadFilter(f"{len(scope.exclusions)} exclusions", reason=f"at most {MAX_EXCLUSIONS}")
    every: tuple[Step | Exclusion, ...] = (*scope.steps, *scope.exclusions)
    for each in every:
        check_event(each.name, each.filters)
    for exclusion in scope.exclusions:
        _check_exclusion(scope, exclusion)


def attempts(
    scope: Attempts, reading: Reading, *, breakdowns: Sequence[str] = (), people: bool = False
) -> str:
    """A sub-select of `times` (when each step was done, of those that were), `carried`, and `persons` if asked for."""
    seen = _seen(scope, reading, breakdowns, people=people)
    window = reading.value("Int64", scope.window // timedelta(milliseconds=1))
    count = len(scope.steps)
    way = (
        in_any_order(count, window=window, until=reading.moment(scope.period.until))
        if scope.order == "any"
        else one_after_the_other(count, window=window, strict=scope.order == "strict")
    )
    return fill(
        _ATTEMPTS,
        times=way.times,
        fold=way.fold,
        whole=WHOLE,
        carried=_CARRIED if breakdowns else "[]",
        carrying=", carrying" if breakdowns else "",
        persons=", persons" if people else "",
        gathered=fill(_GATHERED_PERSONS, person=seen.person) if people else "",
        kept=fill(_KEPT, values=seen.values, step=_beginning(scope, seen)) if breakdowns else "",
        subject=seen.subject,
        packed=packed("toUnixTimestamp64Milli(seen.created_at)", steps=seen.step_bits, ends=seen.end_bits),
        events=seen.events,
    )


_CARRIED: Final = "arraySort(arrayFilter(each -> each.1 = times[1], carrying))[1].3"
_KEPT: Final = """,
                groupArrayIf((toUnixTimestamp64Milli(seen.created_at), seen.event_id, <<values>>), <<step>>) AS carrying"""
_GATHERED_PERSONS: Final = ",\n                groupUniqArray(<<person>>) AS persons"

_ATTEMPTS: Final = """\
SELECT times, <<carried>> AS carried<<persons>>
FROM
(
    SELECT <<times>> AS times<<carrying>><<persons>>
    FROM
    (
        SELECT <<whole>> AS instants, <<fold>> AS followed<<carrying>><<persons>>
        FROM
        (
            SELECT
                <<subject>> AS subject,
                arraySort(groupArray(<<packed>>)) AS seen_at<<kept>><<gathered>>
            <<events>>
            GROUP BY subject
        )
    )
)
WHERE notEmpty(times)"""

_INSTANTS: Final = """\
SELECT
    <<subject>> AS subject,
    toUnixTimestamp64Milli(seen.created_at) AS at,
    groupBitOr(<<steps>>) AS steps<<carried>>
<<events>>
GROUP BY subject, at"""


def _check_exclusion(scope: Attempts, each: Exclusion) -> None:
    last = len(scope.steps)
    if not 1 <= each.after < (each.before or last) <= last:
        raise BadFilter(
            f"exclusion {each.name}", reason=f"expected to lie after one and before another of {last} steps"
        )
    if scope.order == "any" and (each.after, each.before or last) != (1, last):
        raise BadFilter(
            f"exclusion {each.name}", reason="where steps come in any order, it lies between all of them"
        )


def instants(scope: Attempts, reading: Reading, breakdowns: Sequence[str]) -> str:
    """What each visitor did that matters, an instant a row; of exclusions nothing."""
    seen = _seen(scope, reading, breakdowns)
    kept = f",\n    argMinIf({seen.values}, seen.event_id, {_beginning(scope, seen)}) AS carried"
    return fill(
        _INSTANTS,
        subject=seen.subject,
        steps=seen.step_bits,
        carried=kept if breakdowns else "",
        events=seen.events,
    )


class _Seen(NamedTuple):
    """The events that matter, as SQL: whose they are, which steps they meet, which attempts they end, what is told."""

    subject: str
    steps: Sequence[str]  # a condition each
    step_bits: str
    end_bits: str
    values: str  # of the breakdowns
    person: str
    events: str


def _beginning(scope: Attempts, seen: _Seen) -> str:
    """Whether an event can begin an attempt: what else happened at the same millisecond says nothing of it."""
    return any_of(seen.steps) if scope.order == "any" else seen.steps[0]


def _seen(scope: Attempts, reading: Reading, breakdowns: Sequence[str], *, people: bool = False) -> _Seen:
    everywhere = met(scope.filters, reading)
    steps = [occurs(step.name, step.filters, reading) for step in scope.steps]
    ends = [occurs(each.name, each.filters, reading) for each in scope.exclusions]
    if scope.order != "any":
        steps[0] += f" AND seen.created_at < {reading.moment(scope.period.until)}"
    read = [occurs(ANY_EVENT, (), reading), *steps, *ends] if scope.order == "strict" else [*steps, *ends]
    subject, somebody = _subject(scope, reading)
    values = carried(breakdowns, reading) if breakdowns else ""
    person = reading.person() if people else ""
    period = replace(scope.period, end=scope.period.until + scope.window, running_until=None)
    return _Seen(
        subject=subject,
        steps=steps,
        step_bits=_bits(list(enumerate(steps))),
        end_bits=_bits(
            [
                (number - 1, condition)
                for each, condition in zip(scope.exclusions, ends, strict=True)
                for number in range(each.after, each.before or len(scope.steps))
            ]
        ),
        values=values,
        person=person,
        events=reading.events(period, conditions=(any_of(read), *everywhere, *somebody)),
    )


def _subject(scope: Attempts, reading: Reading) -> tuple[str, tuple[str, ...]]:
    """Whose an event is, and the conditions under which it is somebody's."""
    if scope.by == "property":
        return _value_of_key(scope.key, reading)
    visitor = "seen.session_id" if scope.by == "session" else reading.person()
    if not scope.key:
        return visitor, (f"{visitor} != 0",)
    value, has_value = _value_of_key(scope.key, reading)
    return f"({visitor}, {value})", (f"{visitor} != 0", *has_value)


def _value_of_key(key: str, reading: Reading) -> tuple[str, tuple[str, ...]]:
    """The value; of a field with many values each, in a row of its own."""
    found = field(key, reading)
    if found.many:
        values = f"arrayDistinct(CAST({found.sql}, 'Array(String)'))"
        return f"arrayJoin(arrayFilter(each -> each != '', {values}))", ()
    value = as_text(found, reading)
    return value, (f"{value} != ''",)


def _bits(conditions: Sequence[tuple[int, str]]) -> str:
    if not conditions:
        return "toUInt32(0)"
    return " + ".join(f"toUInt32({condition}) * {2**bit}" for bit, condition in _by_bit(conditions))


def _by_bit(conditions: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """One condition for each bit."""
    bits: dict[int, list[str]] = {}
    for bit, condition in conditions:
        bits.setdefault(bit, []).append(condition)
    return [(bit, f"({any_of(each)})") for bit, each in bits.items()]
