"""The clients that send: from the cache of the process, then Redis, then the metadata, each change heard at once.

A change of a client or a project is told on a channel; what is cached is dropped within the second, and values in
Redis that are older than the change are not believed. While the metadata is away, what is known goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, Protocol
from weakref import WeakSet

import msgspec
from redis.exceptions import RedisError

from openpanel.metadata.records import ClientRecord
from openpanel.wire.refusals import TryLater
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.bounded import TwoGenerations
from openpanel_api.ingest.buckets import Bucket
from openpanel_api.ingest.origins import Origins

FRESH_MS: Final = 60_000  # how long a client is believed to be as it was read
UNKNOWN_MS: Final = 5_000  # the same for ids that name no client
CLOCK_SKEW_MS: Final = 2_000  # between processes that share Redis
RETRY_MS: Final = 2_000  # while the metadata is away, how long until it is asked again
KEPT_SECONDS: Final = 86_400  # how long Redis keeps a record for the time when the metadata is away
CLIENTS: Final = 10_000  # in the cache of the process at least
REDIS_SECONDS: Final = 0.5
LOAD_SECONDS: Final = 3.0  # a metadata that takes longer counts as away


class Store(Protocol):
    """What is used of Redis here."""

    def get(self, name: str, /) -> Awaitable[bytes | str | None]: ...

    def set(self, name: str, value: bytes, /, *, ex: int) -> Awaitable[object]: ...


Load = Callable[[str], Awaitable[ClientRecord | None]]


class SourceAwayError(Exception):
    """The metadata does not answer now; raised by `Load`."""


class Entry:
    """A client as it was read, with all that requests ask of it compiled. `record` None: there is no such client."""

    __slots__ = (
        "__weakref__",
        "blocked_addresses",
        "blocked_profiles",
        "bucket",
        "origins",
        "read_ms",
        "record",
        "senders",
        "stale",
        "until_ms",
    )

    def __init__(self, record: ClientRecord | None, *, read_ms: int, until_ms: int) -> None:
        project = record.project if record is not None else None
        filters = project.filters if project is not None else ()
        self.record = record
        self.stale = False
        self.read_ms = read_ms
        self.until_ms = until_ms
        self.origins = Origins(project.cors if project is not None else ())
        self.senders = _networks(project.trusted_senders if project is not None else ())
        self.blocked_addresses = _networks([one.value for one in filters if one.type == "ip"])
        self.blocked_profiles = frozenset(one.value for one in filters if one.type == "profile_id")
        self.bucket = Bucket(
            per_second=project.rate_limit if project is not None else 0,
            burst=project.rate_burst if project is not None else 0,
            now_ms=read_ms,
        )


class _Heard(NamedTuple):
    """When a change was heard: by the clock, and as the how-manieth of this process."""

    at_ms: int
    number: int


class _Kept(msgspec.Struct, array_like=True):
    """A client in Redis."""

    read_ms: int
    record: ClientRecord


class Clients:
    """Finds clients. Many requests for one that is not known ask the source once."""

    def __init__(self, *, load: Load, redis: Store, now_ms: Callable[[], int]) -> None:
        self._load = load
        self._redis = redis
        self._now_ms = now_ms
        self._known: TwoGenerations[str, Entry] = TwoGenerations(size=CLIENTS)
        # Also those that the cache has dropped: a sender that holds one believes it until it is told.
        self._held: WeakSet[Entry] = WeakSet()
        self._loading: dict[str, asyncio.Task[Entry]] = {}
        self._heard: TwoGenerations[str, _Heard] = TwoGenerations(size=CLIENTS)
        self._number = 0  # of the last change
        self._distrusted_ms = 0  # what was read before may be wrong, for all that is known

    async def get(self, client_id: str) -> Entry:
        """The client with this id; raises `TryLater` when nobody can tell."""
        entry = self._known.get(client_id)
        if entry is not None and not entry.stale and self._now_ms() < entry.until_ms:
            return entry
        task = self._loading.get(client_id)
        if task is None:
            task = asyncio.create_task(self._find(client_id, entry), name=f"client {client_id}")
            self._loading[client_id] = task
            task.add_done_callback(lambda _: self._loading.pop(client_id, None))
        return await asyncio.shield(task)

    def knows(self, client_id: str) -> bool:
        """Whether there is such a client, as far as this process can say without asking."""
        entry = self._known.get(client_id)
        return entry is not None and entry.record is not None

    def changed(self, topic: str) -> None:
        """A client or a project is not what it was: `client:<id>` or `project:<id>`."""
        self._number += 1
        self._heard.put(topic, _Heard(self._now_ms(), self._number))
        kind, _, name = topic.partition(":")
        if kind == "client" and (named := self._known.get(name)) is not None:
            named.stale = True  # also one that did not exist: it may exist now
        for entry in self._held:
            if entry.record is not None and topic in _topics(entry.record.id, entry.record):
                entry.stale = True

    def all_changed(self) -> None:
        """News may have been missed: everything is read again, and only believed unread while nobody can be asked."""
        self._distrusted_ms = self._now_ms()
        for entry in self._held:
            entry.stale = True

    async def _find(self, client_id: str, before: Entry | None) -> Entry:
        """Read the client, again where a change was heard meanwhile."""
        while True:
            number = self._number
            entry = await self._read(client_id, before)
            if all(heard.number <= number for heard in self._heard_of(client_id, entry.record)):
                self._known.put(client_id, entry)
                return entry

    async def _read(self, client_id: str, before: Entry | None) -> Entry:
        now_ms = self._now_ms()
        kept = await self._from_redis(client_id)
        if kept is not None and kept.read_ms > max(now_ms - FRESH_MS, self._distrusted_ms):
            return self._entry(kept.record, read_ms=kept.read_ms, before=before)
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                record = await self._load(client_id)
        except (SourceAwayError, TimeoutError):
            return self._without_source(client_id, kept, before)
        if record is not None:
            await self._to_redis(_Kept(now_ms, record))
        return self._entry(record, read_ms=now_ms, before=before)

    def _without_source(self, client_id: str, kept: _Kept | None, before: Entry | None) -> Entry:
        """What was known goes on, unless news said that it changed: then nobody knows what it is now."""
        record = kept.record if kept is not None else None
        if before is not None and self._holds(client_id, before.record, before.read_ms):
            record = before.record
        if record is None:
            raise TryLater("The client cannot be looked up now", retry_after_s=2)
        now_ms = self._now_ms()
        entry = self._entry(record, read_ms=now_ms, before=before)
        entry.until_ms = now_ms + RETRY_MS
        return entry

    def _entry(self, record: ClientRecord | None, *, read_ms: int, before: Entry | None) -> Entry:
        until_ms = read_ms + (UNKNOWN_MS if record is None else FRESH_MS)
        if record is not None and record.secrets_valid_until is not None:
            # A rotation's overlap ends without anybody telling.
            ends_ms = int(record.secrets_valid_until.timestamp() * 1000)
            until_ms = min(until_ms, max(ends_ms, read_ms + 1))
        entry = Entry(record, read_ms=read_ms, until_ms=until_ms)
        if before is not None and _rate(before.record) == _rate(record):
            entry.bucket = before.bucket  # reading a client again gives it no new tokens
        self._held.add(entry)
        return entry

    def _heard_of(self, client_id: str, record: ClientRecord | None) -> list[_Heard]:
        found = (self._heard.get(topic) for topic in _topics(client_id, record))
        return [heard for heard in found if heard is not None]

    def _holds(self, client_id: str, record: ClientRecord | None, read_ms: int) -> bool:
        """Whether no news contradict what was read then, by some process whose clock may be a little off."""
        return all(heard.at_ms < read_ms - CLOCK_SKEW_MS for heard in self._heard_of(client_id, record))

    async def _from_redis(self, client_id: str) -> _Kept | None:
        """What Redis has, unless it may be older than a change that was heard."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                packed = await self._redis.get(_key(client_id))
            kept = msgspec.json.decode(packed, type=_Kept) if packed else None
        except (RedisError, OSError, TimeoutError, msgspec.DecodeError):
            return None
        # Another process may have read it just before the change and written it just after.
        return kept if kept is not None and self._holds(client_id, kept.record, kept.read_ms) else None

    async def _to_redis(self, kept: _Kept) -> None:
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await self._redis.set(_key(kept.record.id), msgspec.json.encode(kept), ex=KEPT_SECONDS)
        except (RedisError, OSError, TimeoutError):
            return


def _key(client_id: str) -> str:
    return f"op:client:{client_id}"


def _topics(client_id: str, record: ClientRecord | None) -> tuple[str, ...]:
    """The news that concern a client."""
    project = record.project if record is not None else None
    return (f"client:{client_id}",) if project is None else (f"client:{client_id}", f"project:{project.id}")


def _rate(record: ClientRecord | None) -> tuple[float, int] | None:
    project = record.project if record is not None else None
    return (project.rate_limit, project.rate_burst) if project is not None else None


def _networks(texts: tuple[str, ...] | list[str]) -> Networks:
    """Networks of a record; one that cannot be read is left out, because it can match nothing."""
    good: list[str] = []
    for text in texts:
        try:
            Networks([text])
        except ValueError:
            continue
        good.append(text)
    return Networks(good)
