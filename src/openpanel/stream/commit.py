"""Group commit: requests that come close together go out together, and each is answered once its own frame is in
Redis, or in the spool while Redis is away.

    append → waiting → (plan → write → replies → answers)*

One per API process and event loop. A commit leaves when the loop has handled all that was there, or at once when
enough wait; a few are under way at a time, in their order on one connection. Each is sent with the number of the one
before it, so that none is carried out without its predecessor. Whatever is not plain success (a script that is not
loaded, a broken connection, Redis away) ends the hurry: all that is under way is gone through one by one, under the
same numbers, and only then the next leaves.

`waiting` holds what waits, `plan` and `routing` say what is sent, `link` sends it, `spool` keeps it, `replay` brings
it in later. Knows no HTTP; how workers are woken is a callable that it is given.
"""

import asyncio
import contextlib
import secrets
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import redis.asyncio
import structlog
from redis.exceptions import ResponseError

from openpanel.stream.errors import Away, Full, Overloaded, SpoolFull
from openpanel.stream.flights import Flight, Plan, is_unusual, land
from openpanel.stream.keys import Pool, keys_of
from openpanel.stream.link import Link, Reply, checked, script_commands
from openpanel.stream.messages import Append
from openpanel.stream.outcomes import without_redis
from openpanel.stream.pace import Pace
from openpanel.stream.plan import (
    UNWRITABLE,
    Routed,
    Sheet,
    call_arguments,
    is_writable,
    pointer_notes,
    sheets_of,
    single_sheet,
)
from openpanel.stream.replay import Replay, Spooled, encode_record
from openpanel.stream.routing import Routing
from openpanel.stream.spool import Spool
from openpanel.stream.waiting import RETRY_AFTER_S, Answer, Answered, Batch, Waiting, refuse, turn_away

DEFAULT_TIMEOUT_S: Final = 2.0  # a commit that takes longer: Redis counts as away
ENOUGH: Final = 32  # requests that wait for no others
UNDER_WAY: Final = 2  # commits; while Redis works on one, the next is on its way
AGAIN_AFTER_S: Final = 0.02  # for a key that another request is answering

_log = structlog.get_logger(__name__)


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
        has_room: Callable[[], bool] = lambda: True,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """`high_water` is the pool's and shared out evenly; `wake` gets a shard's index and must not block.

        While Redis has no room, by `has_room`, nothing is taken.
        """
        self._pool = pool
        self._keys = keys_of(pool)
        self._spool = spool
        self._clock = clock
        self._high_water = max(1, high_water // pool.shards)
        self._has_room = has_room
        self._wake = wake
        self._writer = secrets.token_hex(8)  # never used again: its commits are counted from 1
        self._seq = 0
        self._link = Link(redis, timeout_s=timeout_s)
        self._replay_link = Link(redis, timeout_s=timeout_s)
        self._routing = Routing(self._link, pool=pool, keys=self._keys)
        self._replay: asyncio.Task[None] | None = None
        self._waiting = Waiting()
        self._flights: deque[Flight] = deque()
        self._at_leisure = True  # `run` is at a point where a commit may leave beside it
        self._pace = Pace()
        self._wanted = asyncio.Event()
        self._closing = False
        self._patience_s = 0.0
        self._stopped = asyncio.Event()
        self._stopped.set()

    def append(self, append: Append) -> asyncio.Future[Answer]:
        """What each run of the append became, once it is durable; Overloaded when it was not taken."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.put(append, answered=partial(_tell, future))
        return future

    def put(self, append: Append, *, answered: Answered) -> None:
        """`append` for a caller that needs no future: `answered` is called with the answer or the error.

        It is called once, from the event loop, perhaps before this returns; it must neither raise nor wait.
        """
        if self._closing:
            answered(Overloaded("the process stops", retry_after_s=RETRY_AFTER_S))
            return
        refusal = self._waiting.add(append, answered)
        if refusal is not None:
            answered(refusal)
            return
        if self._waiting.worth(ENOUGH):
            self._hurry()
        self._wanted.set()

    async def run(self) -> None:
        """Commit what waits, until `close`."""
        self._stopped.clear()
        self._replay_if_needed()
        try:
            while await self._something_to_do():
                if not (self._flights or self._closing or self._waiting.worth(ENOUGH)):
                    await self._pace.keep()
                if self._flights:
                    await self._await_oldest()
                else:
                    await self._depart()
        finally:
            self._closing = True
            while (batch := self._waiting.take()).answered:
                turn_away(batch.answered, "the process stops")
            for flight in self._flights:
                turn_away(flight.batch.answered, "the process stops")
            await self._end_replay()
            await self._link.close()
            self._stopped.set()

    async def close(self, *, patience_s: float = 0.0) -> None:
        """Take nothing more, commit or spool what waits, and end `run`.

        Where the disk goes with the process, `patience_s` is how long Redis may take to come back and get the spool.
        """
        self._patience_s = patience_s
        self._closing = True
        self._wanted.set()
        self._pace.end()
        await self._stopped.wait()

    async def caught_up(self) -> None:
        """Wait until nothing of the spool is missing in Redis."""
        while self._replay is not None and not self._replay.done():
            await asyncio.wait([self._replay])

    @property
    def spooled_bytes(self) -> int:
        """What lies in the spool and not yet in Redis."""
        return self._spool.size_bytes

    async def _something_to_do(self) -> bool:
        if not self._waiting and not self._flights:
            if self._closing:
                return False
            self._wanted.clear()
            await self._wanted.wait()
        return True

    def _hurry(self) -> None:
        """Let a commit leave now, if nothing speaks for waiting."""
        if not self._at_leisure or len(self._flights) >= UNDER_WAY or not self._link.is_up:
            return
        if not self._spool.empty or (self._flights and self._flights[-1].alone):
            return
        batch = self._waiting.take()
        try:
            flight = self._simple_flight(batch)
        except Exception:  # noqa: BLE001 - `run` meets it again and can do something about it
            flight = None
        if flight is not None:
            self._write(flight)
        else:
            self._waiting.put_back(batch)
            self._at_leisure = False

    async def _depart(self) -> None:
        """Let what waits leave, or deal with what keeps it from leaving. Nothing is under way."""
        self._at_leisure = False
        batch = self._waiting.take()
        try:
            if batch.appends:
                await self._depart_with(batch)
        except UNWRITABLE as error:
            self._without_unwritable(batch, error)
        except Exception as error:  # noqa: BLE001 - must not leave requests unanswered or end the loop for all
            _tell_defect(error)
            refuse(batch.answered, error)
        self._at_leisure = True

    async def _depart_with(self, batch: Batch) -> None:
        if not self._spool.empty:
            await self._keep(batch, self._plan_blindly(batch))
            return
        late: set[int] = set()
        try:
            flight = self._simple_flight(batch)
            if flight is None:
                routed, late = await self._routing.route(batch.appends, now_ms=self._clock())
                rest = [one for place, one in enumerate(routed) if place not in late]
                punctual = batch.without(late)
                flight = Flight(punctual, self._planned(punctual, rest), alone=True)
            await self._link.open()
        except Away as away:
            _log.warning("commit.redis_away", reason=str(away))
            await self._keep(batch, self._plan_blindly(batch))
            return
        self._come_again(batch, late)
        if flight.batch.appends:
            self._write(flight)

    def _simple_flight(self, batch: Batch) -> Flight | None:
        """The batch with its plan, unless something must be asked for it."""
        if self._pool.shards == 1:
            return Flight(batch, self._planned(batch, []))
        if self._routing.asks(batch.appends):
            return None
        return Flight(batch, self._planned(batch, self._routing.route_simply(batch.appends)))

    def _come_again(self, batch: Batch, late: set[int]) -> None:
        """Let these wait for the answer that another request with their key is about to get."""
        again = asyncio.get_running_loop().call_later
        for place in sorted(late):
            again(AGAIN_AFTER_S, partial(self.put, batch.appends[place], answered=batch.answered[place]))

    def _plan_blindly(self, batch: Batch) -> Plan:
        blind = [] if self._pool.shards == 1 else self._routing.route_blindly(batch.appends)
        return self._planned(batch, blind)

    def _planned(self, batch: Batch, routed: list[Routed]) -> Plan:
        """The batch in the words of the script; `routed` is empty in a pool of one shard."""
        sheets: list[Sheet]
        if self._pool.shards == 1:
            sheets = single_sheet(batch.appends, pool=self._pool)
        else:
            sheets = sheets_of(routed, pool=self._pool)
        now_ms = self._clock()
        calls = [sheet.call(seq=self._seq + 1, now_ms=now_ms) for sheet in sheets]
        self._seq += 1
        return Plan(sheets, calls, pointer_notes(routed, pool=self._pool, keys=self._keys), routed)

    def _write(self, flight: Flight) -> None:
        commands = [
            *script_commands("commit", self._calls(flight.plan, ahead=True)),
            *(note.command() for note in flight.plan.notes),
        ]
        self._link.write(commands)
        self._pace.left()
        flight.replies = len(commands)
        self._flights.append(flight)

    def _calls(self, plan: Plan, *, ahead: bool) -> list[tuple[str | bytes | int, ...]]:
        """What the script gets; sent ahead of the answers to others, each names the one before it in its shard."""
        return [
            call_arguments(
                call,
                keys=self._keys[call.shard],
                writer=self._writer,
                high_water=self._mark(),
                after=self._last_under_way(call.shard) if ahead else 0,
            )
            for call in plan.calls
        ]

    def _mark(self) -> int:
        """Messages that may wait in a shard."""
        return self._high_water if self._has_room() else 0

    def _last_under_way(self, shard: int) -> int:
        for flight in reversed(self._flights):
            for call in flight.plan.calls:
                if call.shard == shard and call.seq:
                    return call.seq
        return 0

    async def _await_oldest(self) -> None:
        """Answer those whose commit comes back first; then the next may leave."""
        flight = self._flights[0]
        try:
            replies = await self._link.replies(flight.replies)
        except Away as away:
            _log.warning("commit.redis_away", reason=str(away))
            await self._go_through(away)
        else:
            if any(map(is_unusual, replies[: len(flight.plan.calls)])):
                await self._go_through(None)
            else:
                await self._settle_or_refuse(flight, replies)
                self._flights.popleft()
        if self._waiting.worth(ENOUGH):
            self._hurry()

    async def _go_through(self, away: Away | None) -> None:
        """Bring in all that is under way one by one, under the numbers they have; spool them if Redis is away."""
        self._at_leisure = False
        flights = list(self._flights)
        if away is None:
            with contextlib.suppress(Away):  # then the connection is new, and that is all that is wanted
                await self._link.replies(sum(flight.replies for flight in flights[1:]))
        gone = away is not None and not away.lost
        for flight in flights:
            try:
                gone = gone or not await self._bring_in(flight)
                if gone:
                    await self._keep(flight.batch, flight.plan)
            except Exception as error:  # noqa: BLE001 - as in `_depart`
                _tell_defect(error)
                refuse(flight.batch.answered, error)
            self._flights.popleft()
        self._at_leisure = True

    async def _bring_in(self, flight: Flight) -> bool:
        """Send a commit once more and wait for it; False: Redis is away."""
        if not self._spool.empty:
            return False
        notes = [note.command() for note in flight.plan.notes]
        try:
            replies = await self._link.run("commit", self._calls(flight.plan, ahead=False), beside=notes)
            for reply in replies:
                with contextlib.suppress(Full, ResponseError):
                    checked(reply)
        except Away as away:
            _log.warning("commit.redis_away", reason=str(away))
            return False
        await self._settle(flight, replies)
        return True

    async def _settle_or_refuse(self, flight: Flight, replies: Sequence[Reply]) -> None:
        try:
            await self._settle(flight, replies)
        except Exception as error:  # noqa: BLE001 - as in `_depart`
            _tell_defect(error)
            refuse(flight.batch.answered, error)

    async def _settle(self, flight: Flight, replies: Sequence[Reply]) -> None:
        commands = land(flight, replies, holds=self._routing.holds, wake=self._wake)
        if commands:
            with contextlib.suppress(Away):  # the messages are in; only their repeats may be
                await self._link.exchange(commands)
        flight.tell()

    def _without_unwritable(self, batch: Batch, error: Exception) -> None:
        """Refuse the appends that cannot be written down, and let the others leave again."""
        bad = {
            place for place, append in enumerate(batch.appends) if not is_writable(append, pool=self._pool)
        }
        if not bad:
            refuse(batch.answered, error)
            return
        refuse([batch.answered[place] for place in sorted(bad)], error)
        rest = batch.without(bad)
        if rest.appends:
            self._waiting.put_back(rest)

    async def _keep(self, batch: Batch, plan: Plan) -> None:
        """Put a commit into the spool and answer with what needs no Redis."""
        calls = [call for call in plan.calls if call.frame]
        if calls:
            record = encode_record(Spooled(self._writer, calls, plan.notes))
            try:
                await asyncio.to_thread(self._spool.append, record)
            except SpoolFull as full:
                _log.error("spool.full", reason=str(full))
                turn_away(batch.answered, "the spool is full")
                return
            self._replay_if_needed()
        for append, answered in zip(batch.appends, batch.answered, strict=True):
            answered(tuple(map(without_redis, append.runs)))

    def _replay_if_needed(self) -> None:
        if self._spool.empty or (self._replay is not None and not self._replay.done()):
            return
        replay = Replay(
            self._spool,
            self._replay_link,
            keys=self._keys,
            clock=self._clock,
            high_water=self._mark,
            wake=self._wake,
        )
        self._replay = asyncio.create_task(replay.run(), name="stream-replay")

    async def _end_replay(self) -> None:
        if self._patience_s:
            self._replay_if_needed()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    await self.caught_up()
        if not self._spool.empty:
            _log.warning("spool.left", bytes=self._spool.size_bytes)
        if self._replay is not None:
            self._replay.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._replay
        await self._replay_link.close()


def _tell(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():  # whoever waited has gone
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _tell_defect(error: Exception) -> None:
    # No values of variables: bodies and addresses are among them.
    trace = "".join(traceback.format_tb(error.__traceback__))
    _log.error("commit.failed", error=type(error).__name__, trace=trace)
