"""The committer: everything that waited for the last round trip goes out together, and each request is
answered once its own frame is in Redis, or in the spool while Redis is away.

One per API process and event loop. `plan` and `routing` say what is sent, `link` sends it, `spool` keeps it,
`replay` brings it in later. Knows no HTTP; how workers are woken is a callable that it is given.
"""

import asyncio
import contextlib
import secrets
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import redis.asyncio
import structlog
from redis.exceptions import DataError, ResponseError

from openpanel.stream.errors import Away, CommitRefused, Full, Overloaded, SpoolFull
from openpanel.stream.keys import Pool, keys_of
from openpanel.stream.link import Link, Reply, checked
from openpanel.stream.messages import (
    MAX_APPEND_MESSAGES,
    Append,
    Resolved,
    RunMode,
)
from openpanel.stream.outcomes import Outcome, decode_outcomes, resolved, without_redis
from openpanel.stream.plan import (
    Call,
    Note,
    Routed,
    Sheet,
    call_arguments,
    pointer_notes,
    sheets_of,
    single_sheet,
)
from openpanel.stream.replay import REFUSED, Replay, Spooled, call_wake, encode_record
from openpanel.stream.routing import Routing
from openpanel.stream.spool import Spool

MAX_COMMIT_BYTES: Final = 4 * 1024 * 1024  # bodies of one commit; a single longer body goes alone
MAX_COMMIT_MESSAGES: Final = 8_192  # with MAX_APPEND_MESSAGES it stays within the positions of an entry
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024  # bodies in memory; past it requests are refused
ENVELOPE_BYTES: Final = 512  # what a request takes beside its body, roughly
RETRY_AFTER_S: Final = 5
DEFAULT_TIMEOUT_S: Final = 2.0  # a commit that takes longer: Redis counts as away

Answer = tuple[Resolved, ...]

# What an append raises that cannot be written down: lone surrogates, numbers beyond 64 bits, keys that miss.
_UNWRITABLE: Final = (ValueError, TypeError, OverflowError, DataError)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Batch:
    """The requests of one commit and those who wait for them."""

    appends: list[Append] = field(default_factory=list)
    futures: list[asyncio.Future[Answer]] = field(default_factory=list)
    bytes: int = 0
    messages: int = 0


@dataclass(slots=True)
class _Plan:
    """A batch in the words of the script; the same at every try."""

    sheets: list[Sheet]
    calls: list[Call]
    notes: list[Note]
    routed: list[Routed]
    """Empty in a pool of one shard."""


class Committer:
    """Takes appends from request handlers and answers them by group commit."""

    def __init__(
        self,
        redis: redis.asyncio.Redis,
        *,
        pool: Pool,
        spool: Spool,
        clock: Callable[[], int],
        high_water: int,
        wake: Callable[[int], None],
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """`high_water` is the pool's and shared out evenly; `wake` gets a shard's index and must not block."""
        self._pool = pool
        self._keys = keys_of(pool)
        self._spool = spool
        self._clock = clock
        self._high_water = max(1, high_water // pool.shards)
        self._wake = wake
        self._writer = secrets.token_hex(8)  # never used again: its commits are counted from 1
        self._seq = 0
        self._link = Link(redis, timeout_s=timeout_s)
        self._replay_link = Link(redis, timeout_s=timeout_s)
        self._routing = Routing(self._link, pool=pool, keys=self._keys)
        self._replay: asyncio.Task[None] | None = None
        self._batch = _Batch()
        self._full: deque[_Batch] = deque()
        self._waiting_bytes = 0
        self._wanted = asyncio.Event()
        self._closing = False
        self._stopped = asyncio.Event()
        self._stopped.set()

    def append(self, append: Append) -> asyncio.Future[Answer]:
        """What each run of the append became, once it is durable; Overloaded when it was not taken."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        envelope = append.envelope
        if envelope is None:
            if any(run.mode <= RunMode.LATE for run in append.runs):
                _refuse([future], ValueError("a run that changes a session has no message to tell it"))
                return future
            size, messages = ENVELOPE_BYTES, 0
        else:
            size, messages = ENVELOPE_BYTES + len(envelope.body), len(envelope.items)
        if self._closing or self._waiting_bytes + size > MAX_WAITING_BYTES or messages > MAX_APPEND_MESSAGES:
            return self._decline(future, messages)
        batch = self._batch
        if batch.bytes + size > MAX_COMMIT_BYTES or batch.messages + messages > MAX_COMMIT_MESSAGES:
            self._full.append(batch)
            batch = self._batch = _Batch()
        batch.appends.append(append)
        batch.futures.append(future)
        batch.bytes += size
        batch.messages += messages
        self._waiting_bytes += size
        self._wanted.set()
        return future

    async def run(self) -> None:
        """Commit what waits, until `close`."""
        self._stopped.clear()
        self._replay_if_needed()
        try:
            while await self._something_waits():
                batch = self._take()
                if batch.appends:
                    await self._commit_or_fail(batch)
        finally:
            self._closing = True
            while (batch := self._take()).futures:
                _turn_away(batch.futures, "the process stops")
            await self._stop_replay()
            await self._link.close()
            self._stopped.set()

    async def close(self) -> None:
        """Take nothing more, commit or spool what waits, and end `run`."""
        self._closing = True
        self._wanted.set()
        await self._stopped.wait()

    async def caught_up(self) -> None:
        """Wait until nothing of the spool is missing in Redis."""
        while self._replay is not None and not self._replay.done():
            await asyncio.wait([self._replay])

    @property
    def spooled_bytes(self) -> int:
        """What lies in the spool and not yet in Redis."""
        return self._spool.size_bytes

    async def _something_waits(self) -> bool:
        if not self._full and not self._batch.appends:
            if self._closing:
                return False
            self._wanted.clear()
            await self._wanted.wait()
        return True

    def _take(self) -> _Batch:
        if self._full:
            batch = self._full.popleft()
        else:
            batch, self._batch = self._batch, _Batch()
        self._waiting_bytes -= batch.bytes
        return batch

    def _decline(self, future: asyncio.Future[Answer], messages: int) -> asyncio.Future[Answer]:
        if messages > MAX_APPEND_MESSAGES:
            _refuse([future], ValueError(f"{messages} messages in one append"))
        else:
            _turn_away([future], "the process stops" if self._closing else "too many requests wait for Redis")
        return future

    async def _commit_or_fail(self, batch: _Batch) -> None:
        try:
            await self._commit(batch)
        except _UNWRITABLE as error:
            good = _weed(batch, self._pool)
            if len(good.appends) == len(batch.appends):
                _refuse(batch.futures, error)
            elif good.appends:
                await self._commit_or_fail(good)
        except ResponseError as error:
            _refuse(batch.futures, error)
        except Exception as error:  # noqa: BLE001 - must not leave requests unanswered or end the loop for all
            # No values of variables: bodies and addresses are among them.
            trace = "".join(traceback.format_tb(error.__traceback__))
            _log.error("commit.failed", error=type(error).__name__, trace=trace)
            _refuse(batch.futures, error)

    async def _commit(self, batch: _Batch) -> None:
        if not self._spool.empty:
            await self._keep(batch, self._plan_blindly(batch))
            return
        try:
            plan = await self._plan(batch)
        except Away as away:
            _log.warning("commit.redis_away", reason=str(away))
            await self._keep(batch, self._plan_blindly(batch))
            return
        try:
            replies = await self._send(plan)
        except Away as away:
            _log.warning("commit.redis_away", reason=str(away))
            await self._keep(batch, plan)
            return
        await self._settle(batch, plan, replies)

    async def _plan(self, batch: _Batch) -> _Plan:
        if self._pool.shards == 1:
            return self._planned(single_sheet(batch.appends, pool=self._pool), [])
        routed = await self._routing.route(batch.appends, now_ms=self._clock())
        return self._planned(sheets_of(routed, pool=self._pool), routed)

    def _plan_blindly(self, batch: _Batch) -> _Plan:
        if self._pool.shards == 1:
            return self._planned(single_sheet(batch.appends, pool=self._pool), [])
        routed = self._routing.route_blindly(batch.appends)
        return self._planned(sheets_of(routed, pool=self._pool), routed)

    def _planned(self, sheets: list[Sheet], routed: list[Routed]) -> _Plan:
        now_ms = self._clock()
        calls = [sheet.call(seq=self._seq + 1, now_ms=now_ms) for sheet in sheets]
        self._seq += 1
        return _Plan(sheets, calls, pointer_notes(routed, pool=self._pool, keys=self._keys), routed)

    async def _send(self, plan: _Plan) -> list[Reply]:
        """The replies of the calls; a connection that broke is made anew once."""
        calls = [
            call_arguments(
                call, keys=self._keys[call.shard], writer=self._writer, high_water=self._high_water
            )
            for call in plan.calls
        ]
        notes = [note.command() for note in plan.notes]
        try:
            replies = await self._link.run("commit", calls, beside=notes)
        except Away as away:
            if not away.lost:
                raise
            replies = await self._link.run("commit", calls, beside=notes)
        for reply in replies:
            with contextlib.suppress(Full, ResponseError):
                checked(reply)
        return replies

    async def _settle(self, batch: _Batch, plan: _Plan, replies: Sequence[Reply]) -> None:
        outcomes: dict[int, Sequence[Outcome]] = {}
        for sheet, reply in zip(plan.sheets, replies, strict=True):
            futures = [batch.futures[member] for member in sheet.members]
            try:
                state, packed, wake = checked(reply)
            except Full:
                _turn_away(futures, "Redis is full")
                continue
            except ResponseError as error:
                _refuse(futures, error)
                continue
            if state == REFUSED:
                _turn_away(futures, "the stream is past its mark")
                continue
            outcomes.update(_by_member(sheet, batch, decode_outcomes(packed)))
            if wake:
                call_wake(self._wake, sheet.shard)
        await self._record_answers(plan, outcomes)
        for member, own in outcomes.items():
            future = batch.futures[member]
            if not future.done():
                future.set_result(tuple(map(resolved, own, batch.appends[member].runs)))

    async def _record_answers(self, plan: _Plan, outcomes: dict[int, Sequence[Outcome]]) -> None:
        notes = [
            note
            for member, one in enumerate(plan.routed)
            if one.append.idempotency and member in outcomes
            for note in self._routing.answer_notes(one, outcomes[member])
        ]
        if notes:
            with contextlib.suppress(Away):  # the messages are in; only their repeats may be
                await self._link.exchange([note.command() for note in notes])

    async def _keep(self, batch: _Batch, plan: _Plan) -> None:
        """Put a commit into the spool and answer with what needs no Redis."""
        calls = [call for call in plan.calls if call.frame]
        if calls:
            record = encode_record(Spooled(self._writer, calls, plan.notes))
            try:
                await asyncio.to_thread(self._spool.append, record)
            except SpoolFull as full:
                _log.error("spool.full", reason=str(full))
                _turn_away(batch.futures, "the spool is full")
                return
            self._replay_if_needed()
        for append, future in zip(batch.appends, batch.futures, strict=True):
            if not future.done():
                future.set_result(tuple(map(without_redis, append.runs)))

    def _replay_if_needed(self) -> None:
        if self._spool.empty or (self._replay is not None and not self._replay.done()):
            return
        replay = Replay(
            self._spool,
            self._replay_link,
            keys=self._keys,
            clock=self._clock,
            high_water=self._high_water,
            wake=self._wake,
        )
        self._replay = asyncio.create_task(replay.run(), name="stream-replay")

    async def _stop_replay(self) -> None:
        if self._replay is not None:
            self._replay.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._replay
        await self._replay_link.close()


def _by_member(sheet: Sheet, batch: _Batch, outcomes: Sequence[Outcome]) -> dict[int, Sequence[Outcome]]:
    """The outcomes of each append of a sheet."""
    shares: dict[int, Sequence[Outcome]] = {}
    start = 0
    for member in sheet.members:
        end = start + len(batch.appends[member].runs)
        shares[member] = outcomes[start:end]
        start = end
    return shares


def _weed(batch: _Batch, pool: Pool) -> _Batch:
    """The batch without the appends that cannot be written down; those are refused."""
    good = _Batch()
    for append, future in zip(batch.appends, batch.futures, strict=True):
        try:
            single_sheet([append], pool=pool)[0].call(seq=1, now_ms=0)
        except _UNWRITABLE as error:
            _refuse([future], error)
        else:
            good.appends.append(append)
            good.futures.append(future)
    return good


# Each future gets an error of its own: one that is raised many times would collect everybody's frames.


def _turn_away(futures: Sequence[asyncio.Future[Answer]], reason: str) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(Overloaded(reason, retry_after_s=RETRY_AFTER_S))


def _refuse(futures: Sequence[asyncio.Future[Answer]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(CommitRefused(f"{type(error).__name__}: {error}"))
