"""Brings spooled commits into Redis, in their order, once it is back.

A record keeps the number that its commit had: what an earlier try or an earlier process brought in already is
recognised by the script and not appended again. Runs as a task beside the committer, on a link of its own.

Set aside is a record only for what the script itself found wrong with it. Whatever else Redis refuses (rights, a
script that cannot be loaded, a key that is no stream) says nothing of the record: it waits until that is put right.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog
from redis.exceptions import ResponseError

from openpanel.identity.ids import SESSION_TIMEOUT_MS
from openpanel.stream.errors import Away, Full, Held
from openpanel.stream.keys import ShardKeys
from openpanel.stream.link import Command, Link, Reply, checked
from openpanel.stream.plan import Call, Note, call_arguments
from openpanel.stream.spool import Spool
from openpanel.stream.spooled_keys import SpooledKeys

STEP_BYTES: Final = 4 * 1024 * 1024  # records of one exchange
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0
TOLD_EVERY: Final = 512  # tries with one and the same reason, at the latest
# A replayed visitor is not here now, but more of the visit may lie in the spool: the sweep leaves it this long.
HOLD_MS: Final = 600_000

# How Lua's own errors begin. What a command inside the script is refused for begins with the refusal.
_OF_THE_SCRIPT: Final = "user_script:"

REFUSED, DONE, DONE_BEFORE, MISSES_ONE = 0, 1, 2, 3  # states in the answer of commit.lua

_log = structlog.get_logger(__name__)


class Spooled(msgspec.Struct, array_like=True, frozen=True):
    """A commit as it lies in the spool."""

    writer: str
    calls: list[Call]
    notes: list[Note]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Spooled)


def encode_record(record: Spooled) -> bytes:
    """A commit in the form that the spool keeps."""
    return _encoder.encode(record)


def call_wake(wake: Callable[[int], None], shard: int) -> None:
    """Ask for a drain order. When that fails the entry is there all the same, and a sweep finds it."""
    try:
        wake(shard)
    except Exception as error:  # noqa: BLE001 - whatever the queue raises, the commit succeeded
        _log.warning("stream.wake_failed", shard=shard, error=type(error).__name__)


class Replay:
    """Empties the spool; ends when it is empty."""

    def __init__(
        self,
        spool: Spool,
        link: Link,
        *,
        keys: Sequence[ShardKeys],
        clock: Callable[[], int],
        high_water: Callable[[], int],
        wake: Callable[[int], None],
    ) -> None:
        self._spool = spool
        self._link = link
        self._keys = keys
        self._spooled_keys = SpooledKeys(link, keys=keys)
        self._clock = clock
        self._high_water = high_water
        self._wake = wake
        self._reason = ""
        self._tries = 0  # that failed for this reason, one after the other

    async def run(self) -> None:
        """Bring in everything, with pauses that grow while Redis is away or refuses all records alike."""
        pause = FIRST_PAUSE_S
        while not self._spool.empty:
            try:
                await self._step()
            except (Away, Full, Held, OSError, ResponseError) as reason:
                self._tell(reason)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                pause = FIRST_PAUSE_S
                self._reason = ""
        await self._link.close()

    def _tell(self, reason: Exception) -> None:
        """Log why the spool waits: at once when the reason is new, then at growing distances."""
        text = str(reason)
        self._tries = self._tries + 1 if text == self._reason else 1
        self._reason = text
        if self._tries.bit_count() > 1 and self._tries % TOLD_EVERY:
            return
        # A refusal is somebody's to put right, the others pass by themselves.
        log = _log.error if isinstance(reason, ResponseError) else _log.info
        log("spool.waits", reason=text, bytes=self._spool.size_bytes)

    async def _step(self) -> None:
        """Bring in the next records; those that are in are advanced over even when a later one is not."""
        packed = await asyncio.to_thread(self._spool.read, limit_bytes=STEP_BYTES)
        records = [_decoded(record) for record in packed]
        replies = await self._send([record for record in records if record is not None])
        done = 0
        try:
            for raw, record in zip(packed, records, strict=True):
                if record is None:
                    self._set_aside(raw, "cannot be decoded")
                else:
                    self._settle(raw, record, [replies.pop(0) for _ in record.calls])
                done += 1
        finally:
            await asyncio.to_thread(self._spool.advance, done)

    async def _send(self, records: Sequence[Spooled]) -> list[Reply]:
        """The replies to all calls of the records, in order."""
        writers = [record.writer for record in records for _ in record.calls]
        calls = [call for record in records for call in record.calls]
        beside = [note.command() for record in records for note in record.notes]
        after: dict[tuple[str, int], int] = {}
        replies: list[Reply] = []
        for wave in self._spooled_keys.waves(calls):
            informed = await self._spooled_keys.claimed(wave, now_ms=self._clock())
            commands: list[Command] = []
            for call in informed:
                writer = writers[len(replies) + len(commands)]
                commands.append(self._arguments(call, writer, after=after.get((writer, call.shard), 0)))
                after[writer, call.shard] = call.seq
            replies += await self._link.run("commit", commands, beside=beside) if commands else []
            beside = []
            await self._spooled_keys.told(wave)
        return replies

    def _arguments(self, call: Call, writer: str, *, after: int) -> Command:
        idle_soon = self._clock() - SESSION_TIMEOUT_MS + HOLD_MS
        return call_arguments(
            msgspec.structs.replace(call, now_ms=max(call.now_ms, idle_soon)),
            keys=self._keys[call.shard],
            writer=writer,
            high_water=self._high_water(),
            after=after,
        )

    def _settle(self, raw: bytes, record: Spooled, replies: Sequence[Reply]) -> None:
        """Accept that a record is in; raises when it is not. What the script cannot read is set aside."""
        for call, reply in zip(record.calls, replies, strict=True):
            try:
                state, _, wake = checked(reply)
            except ResponseError as error:
                if not str(error).startswith(_OF_THE_SCRIPT):
                    raise
                self._set_aside(raw, str(error))
                return
            if state in (REFUSED, MISSES_ONE):
                raise Full("the stream is past its mark")
            if wake:
                call_wake(self._wake, call.shard)

    def _set_aside(self, raw: bytes, reason: str) -> None:
        _log.error("spool.record_refused", reason=reason, bytes=len(raw))
        self._spool.set_aside(raw)


def _decoded(record: bytes) -> Spooled | None:
    try:
        return _decoder.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
