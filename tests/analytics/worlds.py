"""Made-up traffic: sessions around midnights and changes of the clock, late events, lost openings, known persons.

Also how worlds of any kind are loaded, one or many at once.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from typing import Any, Final, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from openpanel.warehouse import tables
from openpanel.warehouse.schema import Table
from tests.warehouse.rows import Rows

Insert = Callable[[Table, Rows], None]

ZONES: Final = ("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Seoul", "Asia/Beirut")
# Around the ends of summer time in New York and on Lord Howe Island, and just after a midnight in Seoul.
MOMENTS: Final = (
    datetime(2026, 11, 1, 14, 5, tzinfo=UTC),
    datetime(2026, 11, 8, 4, 59, 30, tzinfo=UTC),
    datetime(2026, 10, 31, 15, 0, 1, tzinfo=UTC),
    datetime(2026, 4, 5, 3, 0, tzinfo=UTC),
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
AT_ONCE: Final = 20  # an insert with its views costs an engine the same for ten rows and for a thousand
_projects = count()
_ahead: Final[dict[bytes, list[str]]] = defaultdict(list)


@runtime_checkable
class Loadable(Protocol):
    """Rows of some tables, without their project."""

    def tables(self) -> tuple[tuple[Table, Rows], ...]:
        """The rows by table, that of the events first."""


@dataclass(frozen=True, slots=True)
class World:
    """Rows of two tables, without their project."""

    timezone: str
    now: datetime
    events: list[dict[str, Any]]
    overrides: list[dict[str, Any]]

    def tables(self) -> tuple[tuple[Table, Rows], ...]:
        """What is loaded of it."""
        return (tables.EVENTS, self.events), (tables.PERSON_OVERRIDES, self.overrides)


def a_world(dice: random.Random, *, sessions: int, timezone: str, now: datetime, overrides: int = 3) -> World:
    """So many sessions within the last weeks, and up to so many persons who are others."""
    events = [row for _ in range(sessions) for row in _session(dice, timezone, now)]
    people = sorted({row["person"] for row in events})
    merged = [
        {
            "person": dice.choice(people),
            "into": dice.choice([*people, 900, 901]),
            "version": version,
        }
        # A version stands for a place in the stream: no two changes share it.
        for version in dice.sample(range(1, 99), dice.randrange(overrides + 1) if people else 0)
    ]
    return World(timezone, now, events, merged)


def load(world: Loadable, insert: Insert) -> str:
    """The world as a project of its own, that nobody else asked for: one loaded ahead, where there is one."""
    ahead = _ahead.get(_content(world))
    return ahead.pop() if ahead else _load_together([world], insert)[0]


@contextmanager
def loading_ahead(insert: Insert) -> Iterator[Callable[[Loadable], None]]:
    """Takes worlds that `load` will be asked for, and loads many of them at once."""
    waiting: list[Loadable] = []

    def load_them() -> None:
        for world, project in zip(waiting, _load_together(waiting, insert), strict=True):
            _ahead[_content(world)].append(project)
        waiting.clear()

    def take(world: Loadable) -> None:
        waiting.append(world)
        if len(waiting) == AT_ONCE:
            load_them()

    yield take
    load_them()


def _content(world: Loadable) -> bytes:
    return blake2b(repr([(table.name, rows) for table, rows in world.tables()]).encode()).digest()


def _load_together(worlds: Sequence[Loadable], insert: Insert) -> list[str]:
    """Each world as a project of its own; events in two blocks of mixed order, whatever the number of worlds."""
    projects = [f"world {next(_projects)}" for _ in worlds]
    blocks: dict[Table, list[dict[str, Any]]] = {}
    for project, world in zip(projects, worlds, strict=True):
        for table, rows in world.tables():
            blocks.setdefault(table, []).extend({**row, "project_id": project} for row in rows)
    events = blocks.pop(tables.EVENTS, [])
    random.Random(len(events)).shuffle(events)
    for table, block in ((tables.EVENTS, events[::2]), (tables.EVENTS, events[1::2]), *blocks.items()):
        if block:
            insert(table, block)
    return projects


def _session(dice: random.Random, timezone: str, now: datetime) -> Iterable[dict[str, Any]]:
    start = _moment_near(dice, timezone, now)
    device = dice.randrange(1, 6)
    session = dice.randrange(1, 2**63)
    times = sorted(
        start + dice.choice([0, 0, 1, 999, 60_000, 1_700_000, dice.randrange(7_200_000)])
        for _ in range(dice.randrange(1, 6))
    )
    times[0] = start
    if dice.random() < 0.1:
        times.append(start - 1_000)  # came late and belongs to the session all the same
    if dice.random() < 0.1:
        times.pop(0)  # the opening event is filtered away
    known = dice.choice([0, 0, 7, 8])
    rows = [_event(dice, at, device=device, known=known if dice.random() < 0.6 else 0) for at in times]
    rows += [
        {**_event(dice, at, device=device, known=0), "name": name} for name, at in _synthetic(dice, start)
    ]
    zone = ZoneInfo(timezone)
    return [
        {**row, "session_id": session, "session_started_at": start, "day": _day(row["created_at"], zone)}
        for row in rows
    ]


def _day(at: int, zone: ZoneInfo) -> int:
    return datetime.fromtimestamp(at / 1000, tz=zone).date().toordinal() - _EPOCH


def _synthetic(dice: random.Random, start: int) -> list[tuple[str, int]]:
    return [
        (name, at)
        for name, at in (("session_start", start - 100), ("session_end", start + 1))
        if dice.random() < 0.8
    ]


def _moment_near(dice: random.Random, timezone: str, now: datetime) -> int:
    """Somewhere in the last weeks, often within a second of a midnight, an hour or a change of the clock."""
    moment = now - timedelta(seconds=dice.randrange(40 * 86_400))
    if dice.random() < 0.5:
        local = moment.astimezone(ZoneInfo(timezone))
        edge = local.replace(
            hour=dice.choice([0, 0, 1, 2, 23]), minute=dice.choice([0, 30]), second=0, microsecond=0
        )
        moment = edge.astimezone(UTC) + timedelta(milliseconds=dice.choice([-1, 0, 1]))
    return round(moment.timestamp() * 1000)


def _event(dice: random.Random, at: int, *, device: int, known: int) -> dict[str, Any]:
    return {
        "name": dice.choice(["screen_view", "screen_view", "click", "revenue"]),
        "created_at": at,
        "event_id": dice.randrange(2**64),
        "device_id": device,
        "person": known or device,
        "profile_id": f"profile {known}" if known else "",
        "path": dice.choice(["/", "/a", "/b", "", "/한국"]),
        "referrer_name": dice.choice(["", "Google", "Bing"]),
        "country": dice.choice(["", "KR", "DE"]),
        "device": dice.choice(["mobile", "desktop"]),
        "browser": dice.choice(["Firefox", "Safari"]),
        "os": dice.choice(["", "Linux"]),
    }
