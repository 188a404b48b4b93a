"""Runs, appends and whole streams with defaults, on pools that no other test uses."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import redis
import redis.asyncio

from openpanel.identity.ids import session_id
from openpanel.stream import scripts
from openpanel.stream.commit import Committer
from openpanel.stream.drain import EndedSession, Message, Record, Shard, sweep_sessions
from openpanel.stream.frames import Append, Envelope, Item, Kind, Resolved, Run, RunMode
from openpanel.stream.keys import Pool, ShardKeys, keys_of
from openpanel.stream.spool import Spool

NOON = 1_767_268_800_000  # 2026-01-01 12:00 UTC, the begin of a 30-minute bucket
MINUTE = 60_000
PROJECT = "demo"
DEVICE = 0xAAAA_0000_0000_0001
LONG_MS = 3_600_000  # longer than any test takes
LEASE_MS = (
    120_000  # which tests end themselves; by the clock, which only they move, half a minute later is renewed
)
PATIENCE_S = 120.0  # before Redis counts as away; who wants to see that sooner says so
_numbers = itertools.count(1)


def a_pool(shards: int = 1) -> Pool:
    return Pool(f"test-{os.getpid()}-{next(_numbers)}", shards)


def a_run(at: int = NOON, *, device: int = DEVICE, **fields: Any) -> Run:
    last = fields.pop("last", at)
    project = fields.pop("project", PROJECT)
    defaults: dict[str, Any] = {
        "previous_device": None,
        "views": 1,
        "events": 0,
        "candidate": session_id(project=project, device=device, at_ms=at),
        "mode": RunMode.OPEN,
    }
    return Run(project=project, device=device, first_ms=at, last_ms=last, **{**defaults, **fields})


def an_envelope(runs: Sequence[Run], *, body: bytes = b"{}", project: str = PROJECT) -> Envelope:
    """One message per run."""
    items = [
        Item(kind=Kind.TRACK, index=-1, at_ms=run.first_ms, flags=0, run=place, device=run.device)
        for place, run in enumerate(runs)
    ]
    return Envelope(project, "client", NOON, "203.0.113.7", "agent", "", "web", "1.0", body, items)


def an_append(*runs: Run, **fields: Any) -> Append:
    """What a device sends; its shard key is the device's unless given."""
    body = fields.pop("body", b"{}")
    defaults: dict[str, Any] = {
        "shard_key": f"{PROJECT}|{runs[0].device if runs else 'none'}",
        "profile_key": "",
        "envelope": an_envelope(runs, body=body),
    }
    return Append(runs=runs, **{**defaults, **fields})


def a_bare_append(number: int) -> Append:
    """A message without a session, to be recognised by its body."""
    item = Item(kind=Kind.GROUP, index=-1, at_ms=NOON, flags=0, run=-1, device=0)
    envelope = Envelope(PROJECT, "client", NOON, "", "", "", "", "", b"%d" % number, [item])
    return Append(shard_key=str(number), profile_key="", runs=(), envelope=envelope)


@dataclass
class Clock:
    """Time that only tests move."""

    now_ms: int = NOON

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Stream:
    """A pool with one committer and whatever a test wants to read from it."""

    redis: redis.Redis
    pool: Pool
    clock: Clock
    spool: Spool
    committer: Committer
    woken: list[int] = field(default_factory=list)

    @property
    def keys(self) -> ShardKeys:
        return ShardKeys(self.pool, 0)

    async def append(self, *runs: Run, **fields: Any) -> Resolved:
        """Commit one append and give the answer for its last run."""
        answer = await self.committer.append(an_append(*runs, **fields))
        return answer[-1]

    async def visit(self, minute: float, **fields: Any) -> Resolved:
        """One page view so many minutes after noon."""
        return await self.append(a_run(NOON + int(minute * MINUTE), **fields))

    def shard(self, index: int = 0, *, owner: str = "worker") -> Shard:
        return Shard(
            self.redis, pool=self.pool, index=index, owner=owner, clock=self.clock, lease_ms=LEASE_MS
        )

    def drained(self, *, max_events: int = 20_000) -> list[Record]:
        """Everything that waits, taken off the stream."""
        return [record for shard in range(self.pool.shards) for record in self._drain(shard, max_events)]

    def messages(self) -> list[Message]:
        return [record for record in self.drained() if isinstance(record, Message)]

    def sweep(self, minute: float, *, limit: int = 1_000) -> list[EndedSession]:
        """The sessions that a sweep so many minutes after noon ends; drops all other records."""
        sweep_sessions(self.redis, pool=self.pool, now_ms=NOON + int(minute * MINUTE), limit=limit)
        return [record for record in self.drained() if isinstance(record, EndedSession)]

    def _drain(self, index: int, max_events: int) -> Iterator[Record]:
        shard = self.shard(index)
        assert shard.acquire()
        while block := shard.next_block(max_events=max_events):
            assert not block.dead
            yield from block.records
            shard.acknowledge(block)
        shard.release()


@contextlib.asynccontextmanager
async def a_stream(url: str, folder: Path, **fields: Any) -> AsyncIterator[Stream]:
    """A committer that runs on its own pool until the block ends."""
    pool = fields.pop("pool", None) or a_pool(fields.pop("shards", 1))
    clock = fields.pop("clock", None) or Clock()
    spool = fields.pop("spool", None) or Spool(folder, pool=pool.name)
    woken: list[int] = []
    options: dict[str, Any] = {
        "high_water": 1_000_000,
        "wake": woken.append,
        "timeout_s": PATIENCE_S,
        **fields,
    }
    client = redis.asyncio.Redis.from_url(url)
    spool.open()
    committer = Committer(client, pool=pool, spool=spool, clock=clock, **options)
    running = asyncio.create_task(committer.run())
    with redis.Redis.from_url(url) as reader:
        try:
            yield Stream(reader, pool, clock, spool, committer, woken)
        finally:
            await committer.close()
            await running
            spool.close()
            await client.aclose()


def run_commit(client: redis.Redis, arguments: Sequence[str | bytes | int]) -> tuple[int, bytes, int]:
    """One call of the commit script: state, reply, wake."""
    state, reply, wake = cast("Any", client).execute_command("EVAL", scripts.text("commit"), *arguments)
    return state, reply, wake


def remember(client: redis.Redis, *, pool: Pool, project: str) -> None:
    """What visits of a project leave in each shard of a pool: a device's state, where a profile was seen, who is there."""
    for keys in keys_of(pool):
        client.set(keys.session(project=project, device=DEVICE), b"state")
        client.set(keys.profile(project=project, profile="ada@example.com"), b"pointer")
        client.zadd(keys.live(project), {"device": NOON})
        client.sadd(keys.projects, project)


def remembered(client: redis.Redis, *, pool: Pool, project: str) -> set[str]:
    """The keys of a pool in which there is something of the project."""
    listed = {keys.projects for keys in keys_of(pool) if client.sismember(keys.projects, project)}
    return listed | {key for key in raw_keys(client, pool) if project in key.split(":")}


def raw_keys(client: redis.Redis, pool: Pool) -> set[str]:
    """Every key of a pool."""
    tags = [keys.stream.removesuffix("stream") for keys in keys_of(pool)]
    return {key.decode() for tag in tags for key in client.scan_iter(match=tag + "*")}
