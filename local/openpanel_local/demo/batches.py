"""Traffic as requests, in a fixed order: the past by import, then people by name, then those who are here now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from openpanel.wire.names import RESERVED
from openpanel_local.demo import messages, traffic
from openpanel_local.demo.people import Person
from openpanel_local.demo.rows import SDK, Row, Rows
from openpanel_local.demo.send import Batch
from openpanel_local.demo.traffic import Begin, Plan
from openpanel_local.demo.visits import Event, Visit

IMPORT: Final = "/import/events"
TRACK: Final = "/track"
TRACK_MANY: Final = "/track/batch"
ROWS: Final = 500  # of one import, or a few more: visits stay together
PEOPLE: Final = 400  # messages about people in one request

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """Whose traffic it is: where the pages are, and the ways in for importing and for sending."""

    origin: str
    importer: Headers
    sender: Headers


@dataclass(frozen=True, slots=True)
class Step:
    """A request, and how many visits are through with it."""

    batch: Batch
    visits: int


def past(begins: Sequence[Begin], plan: Plan, target: Target) -> Iterator[Step]:
    """Everything up to the plan's end. The same plan makes the same requests with the same keys."""
    make = Rows(project=plan.project, origin=target.origin)
    rows: list[Row] = []
    through = number = 0
    for visit in traffic.visits(begins, plan):
        rows += make.of(visit, traffic.events(visit, plan), until_ms=plan.until_ms)
        through += 1
        if len(rows) >= ROWS:
            yield Step(_import(rows, plan, number, target), through)
            rows, through, number = [], 0, number + 1
    if rows:
        yield Step(_import(rows, plan, number, target), through)


def people(begins: Sequence[Begin], plan: Plan, target: Target) -> Iterator[Batch]:
    """The companies, and whoever has made an account."""
    told = messages.groups()
    for who in _known(begins, plan):
        told.append(messages.identify(who))
        if who.account is not None and who.account.company:
            told.append(messages.assign_group(who))
    for number, first in enumerate(range(0, len(told), PEOPLE)):
        part = told[first : first + PEOPLE]
        yield Batch(TRACK_MANY, part, 0, _key(plan, "people", number), target.sender)


def present(plan: Plan, target: Target, *, now_ms: int) -> Iterator[Batch]:
    """Those who are here at `now_ms`: all but their last event in one request, the last one alone."""
    now = replace(plan, until_ms=now_ms)
    for number, visit in enumerate(traffic.crowd(now)):
        told = _told(traffic.events(visit, now), target)
        headers = {**target.sender, **_browser(visit, target)}
        if told[:-1]:
            yield Batch(TRACK_MANY, told[:-1], len(told) - 1, _key(now, "now", number), headers)
        if told:
            yield Batch(TRACK, told[-1], 1, _key(now, "last", number), headers)


def _told(events: Sequence[Event], target: Target) -> list[messages.Message]:
    return [messages.track(event, origin=target.origin) for event in events]


def _browser(visit: Visit, target: Target) -> Headers:
    """What a visitor's browser adds to its requests."""
    return {
        "user-agent": visit.person.machine.user_agent,
        "openpanel-client-ip": visit.person.place.address,
        "openpanel-sdk-name": SDK[0],
        "openpanel-sdk-version": SDK[1],
        "origin": target.origin,
        "accept-language": "en",
        "sec-fetch-mode": "cors",
        "sec-ch-ua": '"Chromium";v="140"',
    }


def _known(begins: Sequence[Begin], plan: Plan) -> Iterator[Person]:
    """Who has an account by the end of the period."""
    latest: dict[int, int] = {}
    for begin in begins:
        latest[begin.number] = max(begin.nth, latest.get(begin.number, 0))
    for number, index in latest.items():
        who = traffic.visitor(number, plan)
        if who.account is not None and who.account.from_visit <= index:
            yield who


def _import(rows: Sequence[Row], plan: Plan, number: int, target: Target) -> Batch:
    counted = sum(row["name"] not in RESERVED for row in rows)
    return Batch(IMPORT, rows, counted, _key(plan, "past", number), target.importer)


def _key(plan: Plan, part: str, number: int) -> str:
    return f"demo-{plan.seed}-{plan.visitors}-{plan.days}-{plan.until_ms}-{part}-{number}"
