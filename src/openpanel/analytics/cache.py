"""Answers that are kept: in this process and in Redis, as long as nothing was counted since.

    version → kept? → fresh: given
                    → stale: given to who takes that, and read anew beside
                    → none:  read, once for all who ask the same at the same time

What is kept are rows, by what was asked and by the version of the project's data; an answer is made of them each
time, as of the moment they were asked for. Redis only spares work: while it is away everything is read.
"""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final, Generic, TypeVar

import msgspec
import redis

from openpanel.analytics.asking import Question, choose, read
from openpanel.analytics.data_version import DataVersion
from openpanel.analytics.fingerprints import asked_at, fingerprint
from openpanel.analytics.flights import Caller, Flights, HungUp
from openpanel.analytics.former_days import FormerDays
from openpanel.analytics.limits import Priority
from openpanel.analytics.packing import Unpackable, pack, unpack
from openpanel.analytics.recent import Recent
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse, WarehouseError

KEPT_FOR: Final = timedelta(minutes=10)  # data that expires or is erased makes no new version
STEP: Final = timedelta(seconds=10)  # of the clock, for periods that run
VERSION_KEPT_S: Final = 1.0  # so that the panels of a page ask for it once
MOST_KEPT: Final = 1_000  # answers in the process
MOST_ROWS: Final = 5_000  # of an answer that is kept
MOST_VALUES: Final = (
    20_000  # in all of its rows: whoever reads a project through page by page fills no memory
)
NEVER: Final = timedelta(0)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """An answer and how it came. `fresh`: it would be the same if it were read now."""

    answer: T
    source: Source
    read_at: datetime
    fresh: bool


class _Entry(msgspec.Struct, array_like=True, frozen=True):
    """What is kept of an answer. In Redis `rows` are packed."""

    version: str
    source: str
    read_ms: int
    now: datetime | None  # of the question that they were read for, if that is as of a moment
    rows: Any


class Cache:
    """Asks one warehouse. Safe for threads; `background` reads stale answers anew."""

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        clock: Callable[[], datetime],
        fresh_name: Callable[[], str],
        background: Executor,
        store: redis.Redis | None = None,
        version_kept_s: float = VERSION_KEPT_S,
    ) -> None:
        """`fresh_name` makes names for queries, by which they are stopped: no two the same, in any process.

        What was counted within the last `version_kept_s` seconds may be missed.
        """
        self._warehouse = warehouse
        self._clock = clock
        self._background = background
        self._shared = _Shared(store, database=warehouse.database)
        self._own = _Own()
        self._versions: Recent[str, str] = Recent(kept_s=version_kept_s)
        self._flights: Flights[_Entry] = Flights(name_of_next=fresh_name, stop=self._stop)

    def ask(
        self,
        question: Question[T],
        *,
        former: FormerDays | None = None,
        caller: Caller | None = None,
        stale_for: timedelta = NEVER,
    ) -> Found[T]:
        """The answer; one that is older than the data, but younger than `stale_for`, rather than waiting.

        `former`: as for `asking.ask`; the zone is part of the question, so what is kept of it was right as well.
        Raises `flights.HungUp` when the caller leaves, `limits.TooMuch`, and what the warehouse raises.
        """
        asked = fingerprint(question, step=STEP)
        version = f"{self._version(question.project)}/{asked.step}"
        key = f"{question.project}:{asked.key}"
        kept = self._kept(key, version)
        if kept is not None and kept.version == version:
            return self._found(question, kept, fresh=True)
        if kept is not None and self._clock() - _read_at(kept) < stale_for:
            self._background.submit(self._refresh, question, asked.now, former, key, version)
            return self._found(question, kept, fresh=False)
        entry = self._read(
            question, asked.now, former, key, version, caller=caller or Caller(), priority=Priority.PAGE
        )
        return self._found(question, entry, fresh=True)

    def _version(self, project: str) -> str:
        wanted = DataVersion(project)

        def find() -> str:
            return wanted.answer(read(self._warehouse, wanted, source=wanted.exact), wanted.exact)

        return self._versions.get(project, find=find)

    def _kept(self, key: str, version: str) -> _Entry | None:
        """What is kept of that version; else the newest there is."""
        own = self._young(self._own.get(key))
        if own is not None and own.version == version:
            return own
        shared = self._young(self._shared.get(key))
        if shared is None or (
            own is not None and shared.version != version and shared.read_ms <= own.read_ms
        ):
            return own
        self._own.put(key, shared)
        return shared

    def _young(self, entry: _Entry | None) -> _Entry | None:
        return entry if entry is not None and self._clock() - _read_at(entry) <= KEPT_FOR else None

    def _found(self, question: Question[T], entry: _Entry, *, fresh: bool) -> Found[T]:
        source = Source(entry.source)
        asked = question if entry.now is None else asked_at(question, entry.now)
        return Found(asked.answer(entry.rows, source), source, _read_at(entry), fresh)

    def _read(
        self,
        question: Question[Any],
        now: datetime | None,
        former: FormerDays | None,
        key: str,
        version: str,
        *,
        caller: Caller,
        priority: Priority,
    ) -> _Entry:
        def work(name: str) -> _Entry:
            # An equal flight may have landed after its answer was missed and before this one began.
            landed = self._young(self._own.get(key))
            if landed is not None and landed.version == version:
                return landed
            read_ms = round(self._clock().timestamp() * 1000)
            source = choose(self._warehouse, question, former=former).source
            rows = read(self._warehouse, question, source=source, log_comment=name, priority=priority)
            entry = _Entry(version, source.value, read_ms, now, rows)
            self._keep(key, entry)
            return entry

        return self._flights.join(f"{key}@{version}", work, caller=caller)

    def _keep(self, key: str, entry: _Entry) -> None:
        values = len(entry.rows) * len(entry.rows[0]) if entry.rows else 0
        if len(entry.rows) <= MOST_ROWS and values <= MOST_VALUES:
            self._own.put(key, entry)
            self._shared.put(key, entry)

    def _refresh(
        self,
        question: Question[Any],
        now: datetime | None,
        former: FormerDays | None,
        key: str,
        version: str,
    ) -> None:
        """Read anew what was given stale, unless that was or is being done. Who asks next learns what went wrong."""
        kept = self._kept(key, version)
        if kept is not None and kept.version == version:
            return
        if self._shared.claim(f"{key}@{version}"):
            with suppress(WarehouseError, HungUp):
                self._read(question, now, former, key, version, caller=Caller(), priority=Priority.REFRESH)

    def _stop(self, name: str) -> None:
        with suppress(WarehouseError):
            self._warehouse.cancel(name)


def forget_answers(store: redis.Redis, *, database: str, project: str) -> int:
    """Drop the answers about a project that all processes share; how many there were."""
    pattern = f"{_prefix(database)}:{project}:*"  # a project's id is no pattern
    names = list(store.scan_iter(match=pattern, count=1_000))
    for start in range(0, len(names), 1_000):
        store.unlink(*names[start : start + 1_000])
    return len(names)


class _Own:
    """The answers of this process; the least used go first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def get(self, key: str) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def put(self, key: str, entry: _Entry) -> None:
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > MOST_KEPT:
                self._entries.popitem(last=False)


class _Shared:
    """The answers that all processes share (string, msgpack of an entry), and who reads one anew."""

    def __init__(self, store: redis.Redis | None, *, database: str) -> None:
        self._store = store
        self._prefix = _prefix(database)

    def get(self, key: str) -> _Entry | None:
        if self._store is None:
            return None
        try:
            packed: Any = self._store.get(f"{self._prefix}:{key}")
            if packed is None:
                return None
            entry = _decoder.decode(packed)
            return _Entry(entry.version, Source(entry.source), entry.read_ms, entry.now, unpack(entry.rows))
        except (redis.RedisError, msgspec.MsgspecError, Unpackable, ValueError, TypeError):
            return None  # away, or of another version of this code

    def put(self, key: str, entry: _Entry) -> None:
        if self._store is None:
            return
        with suppress(redis.RedisError, Unpackable):
            packed = _encoder.encode(
                _Entry(entry.version, entry.source, entry.read_ms, entry.now, pack(entry.rows))
            )
            self._store.set(f"{self._prefix}:{key}", packed, px=KEPT_FOR)

    def claim(self, key: str) -> bool:
        """Whether this process is the one to read it anew; all are, while nobody can say."""
        if self._store is None:
            return True
        try:
            return bool(self._store.set(f"{self._prefix}:claim:{key}", b"1", px=STEP, nx=True))
        except redis.RedisError:
            return True


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Entry)


def _prefix(database: str) -> str:
    """What the keys of all answers begin with; project and question follow."""
    return f"op:answers:{database}"


def _read_at(entry: _Entry) -> datetime:
    return datetime.fromtimestamp(entry.read_ms / 1000, tz=UTC)
