"""The worker's side of a shard: take its lease, read the next block, acknowledge it once it is written.

Synchronous; the Redis client must not decode responses. Errors of Redis come through as redis-py's own. Knows
no warehouse: a block's records and its token are all that a writer needs.

Wake-up, so that none is lost: a commit appends and sets the shard's flag in one script; the API process that
finds it newly set makes a drain order. An order drains until `clear_order` says that nothing waits, which
takes the flag away in the same step as it looks: an entry appended later sets it anew. Orders are unique by
name, so one that is made while the job of the last order still exists is refused. Whoever ends a job therefore
asks `order_wanted` once its name is free, and a sweep asks `shards_waiting`; the flag also passes by itself
after some seconds, so that an order that was never made does not hinder the next.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import redis
import zstandard

from openpanel.identity.ids import hash64, to_hex
from openpanel.stream import scripts, usage
from openpanel.stream.depths import depth
from openpanel.stream.errors import LeaseLost
from openpanel.stream.keys import Pool, ShardKeys, keys_of
from openpanel.stream.records import DeadFrame, EndedSession, Ids, Message, Record, read_entry
from openpanel.stream.sweep import forget, live_visitors, sweep_sessions

__all__ = [
    "Block",
    "DeadFrame",
    "EndedSession",
    "LeaseLost",
    "Message",
    "Record",
    "Shard",
    "depth",
    "forget",
    "live_visitors",
    "shards_waiting",
    "sweep_sessions",
]

DEFAULT_LEASE_MS: Final = 10_000
RENEWALS_PER_LEASE: Final = 3
# Of entries as they are unpacked; as records and rows they take some four times that. A worker has two blocks in hand
# and a gigabyte in all.
MAX_BLOCK_BYTES: Final = 32 * 1024 * 1024
FRAME_HEAD: Final = 16  # bytes before what is packed, at most: version and count
FIRST_PAGE: Final = 8  # entries; each may be megabytes
LONGEST_PAGE: Final = 1_024

_Entries = Sequence[tuple[bytes, Mapping[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive entries of a shard, to be written together."""

    token: str
    """Names exactly this range: never made from a clock, never used for another range."""
    first: str
    last: str
    messages: int
    """What the depth loses when the block is acknowledged."""
    records: list[Record]
    dead: list[DeadFrame]
    repeated: bool
    """The range was opened before, perhaps by a worker that died: parts of it may be written already."""
    cuts: frozenset[str]
    """Tokens of inserts that were refused before, and of which halves may be written already."""


class Shard:
    """One shard in the hands of one worker."""

    def __init__(
        self,
        redis: redis.Redis,
        *,
        pool: Pool,
        index: int,
        owner: str,
        clock: Callable[[], int],
        lease_ms: int = DEFAULT_LEASE_MS,
    ) -> None:
        """`owner` names this worker and nobody else; `clock` gives ms and only spares needless renewals."""
        self._redis = redis
        self._pool = pool
        self._index = index
        self._owner = owner
        self._clock = clock
        self._lease_ms = lease_ms
        self._keys = ShardKeys(pool, index)
        self._script = {
            name: redis.register_script(scripts.text(name))
            for name in ("acquire", "renew", "release", "claim", "cut", "acknowledge", "clear_order")
        }
        self._fence = 0
        self._epoch = ""
        self._renewed_ms = 0

    def acquire(self) -> bool:
        """Take the shard if nobody holds it. From now on whoever held it before is refused."""
        keys = self._keys
        now_ms = self._clock()
        epoch = to_hex(hash64("epoch", self._pool.name, str(self._index), self._owner, str(now_ms)))
        fence, kept_epoch = self._run(
            "acquire", [keys.lease, keys.fence, keys.epoch], [self._owner, self._lease_ms, epoch]
        )
        if not fence:
            return False
        self._fence, self._epoch, self._renewed_ms = int(fence), kept_epoch.decode(), now_ms
        return True

    def renew(self) -> None:
        """Hold the shard for longer; to be called often. Raises LeaseLost."""
        now_ms = self._clock()
        if self._fence and 0 <= now_ms - self._renewed_ms < self._lease_ms // RENEWALS_PER_LEASE:
            return
        keys = self._keys
        self._fenced("renew", [keys.lease, keys.fence], [self._owner, self._lease_ms, self._fence])
        self._renewed_ms = now_ms

    def release(self) -> None:
        """Give the shard back, so that the next worker need not wait for the lease to run out."""
        self._run("release", [self._keys.lease, self._keys.fence], [self._fence])
        self._fence = 0

    def next_block(self, *, max_events: int) -> Block | None:
        """The block to write next, claimed; None when nothing waits. Raises LeaseLost."""
        block = self.peek(max_events=max_events)
        if block is not None:
            self.claim(block)
        return block

    def peek(self, *, max_events: int, after: Block | None = None) -> Block | None:
        """Read the block to write next, or the one `after` a block that is still in hand; None when nothing waits.

        A range that was written down and not acknowledged comes first and exactly as it was. A new block ends
        before `max_events` and before it takes too much memory, but has one entry at least. Nothing may be inserted
        from it until it is claimed.
        """
        if after is None and (open_range := cast("bytes | None", self._redis.get(self._keys.range))):
            first, last, noted = open_range.decode().split()
            entries, cuts = self._read(first, last), self._cuts()
            return self._block(entries, first, last, int(noted), repeated=True, cuts=cuts)
        taken, messages = self._take("-" if after is None else f"({after.last}", max_events)
        if not taken:
            return None
        first, last = taken[0][0].decode(), taken[-1][0].decode()
        return self._block(taken, first, last, messages, repeated=False)

    def claim(self, block: Block) -> None:
        """Write the block's range down, before anything is inserted from it; raises LeaseLost.

        The block before it must be acknowledged: one range is open at a time.
        """
        keys = self._keys
        noted = _range(block.first, block.last, block.messages)
        self._fenced("claim", [keys.fence, keys.range], [self._fence, noted])

    def cut(self, block: Block, token: str) -> None:
        """Write down that an insert of this block was refused, before any half of it is inserted; raises LeaseLost.

        What refused it may pass: whoever repeats the block must know that its halves have tokens of their own.
        """
        keys = self._keys
        noted = _range(block.first, block.last, block.messages)
        self._fenced("cut", [keys.fence, keys.range, keys.cuts], [self._fence, noted, token])

    def acknowledge(self, block: Block) -> None:
        """The block is written: take its entries off the stream and count its events. Raises LeaseLost."""
        keys = self._keys
        ms, number = block.last.split("-")
        month = usage.month_of(int(block.first.partition("-")[0]))
        counted: list[str | int] = []
        for project, events in usage.counted(block.records).items():
            counted += (project, events)
        self._fenced(
            "acknowledge",
            [keys.stream, keys.depth, keys.fence, keys.range, keys.cuts, keys.usage(month)],
            [
                self._fence,
                _range(block.first, block.last, block.messages),
                f"{ms}-{int(number) + 1}",
                block.messages,
                usage.KEPT_SECONDS,
                *counted,
            ],
        )

    def clear_order(self) -> bool:
        """Whether nothing waits; then the wake-up flag is gone too. False: go on draining."""
        return bool(self._run("clear_order", [self._keys.stream, self._keys.order], []))

    def order_wanted(self) -> bool:
        """Whether something waits; to be asked once the name of the order is free."""
        return bool(self._redis.xlen(self._keys.stream))

    def _cuts(self) -> frozenset[str]:
        """Of the open block."""
        tokens = cast("set[bytes]", self._redis.smembers(self._keys.cuts))
        return frozenset(token.decode() for token in tokens)

    def _block(
        self,
        entries: _Entries,
        first: str,
        last: str,
        messages: int,
        *,
        repeated: bool,
        cuts: frozenset[str] = frozenset(),
    ) -> Block:
        records: list[Record] = []
        dead: list[DeadFrame] = []
        for name, fields in entries:
            entry = name.decode()
            ids = Ids(epoch=self._epoch, pool=self._pool.name, shard=self._index, entry=entry)
            own_records, own_dead = read_entry(entry, fields, ids=ids)
            records.extend(own_records)
            dead.extend(own_dead)
        token = f"{self._epoch}:{self._pool.name}:{self._index}:{first}-{last}"
        return Block(token, first, last, messages, records, dead, repeated, cuts)

    def _take(self, start: str, max_events: int) -> tuple[_Entries, int]:
        """Entries from there on and their messages: as many as fit, read in pages that are never much too long."""
        taken: list[tuple[bytes, Mapping[bytes, bytes]]] = []
        messages = size = 0
        count = FIRST_PAGE
        while page := self._read(start, "+", count=count):
            for name, fields in page:
                own, weight = int(fields.get(b"n", b"0")), _weight(fields)
                if taken and (messages + own > max_events or size + weight > MAX_BLOCK_BYTES):
                    return taken, messages
                taken.append((name, fields))
                messages, size = messages + own, size + weight
            start = f"({page[-1][0].decode()}"
            count = _fitting(
                min(
                    (max_events - messages) * len(taken) // max(messages, 1),
                    (MAX_BLOCK_BYTES - size) * len(taken) // max(size, 1),
                )
            )
        return taken, messages

    def _read(self, first: str, last: str, *, count: int | None = None) -> _Entries:
        return cast("_Entries", self._redis.xrange(self._keys.stream, first, last, count=count))

    def _fenced(self, name: str, keys: list[str], arguments: list[str | int]) -> None:
        if not self._fence or not self._run(name, keys, arguments):
            self._fence = 0
            raise LeaseLost(f"{name} on shard {self._index} of {self._pool.name} is refused")

    def _run(self, name: str, keys: list[str], arguments: list[str | int]) -> Any:
        return self._script[name](keys=keys, args=arguments)


def shards_waiting(redis: redis.Redis, *, pool: Pool) -> list[int]:
    """The shards with something to drain, for the sweep that makes missing orders."""
    pipeline = redis.pipeline(transaction=False)
    for keys in keys_of(pool):
        pipeline.xlen(keys.stream)
    return [index for index, length in enumerate(pipeline.execute()) if length]


def _range(first: str, last: str, messages: int) -> str:
    return f"{first} {last} {messages}"


def _weight(fields: Mapping[bytes, bytes]) -> int:
    """What an entry takes once it is unpacked, as its frame says; what says nothing is not unpacked either."""
    packed = fields.get(b"f", b"")
    start = packed.find(zstandard.FRAME_HEADER, 1, FRAME_HEAD + len(zstandard.FRAME_HEADER))
    try:
        unpacked = zstandard.frame_content_size(packed[start:]) if start > 0 else 0
    except zstandard.ZstdError:
        unpacked = 0
    return max(unpacked, len(packed)) + len(fields.get(b"e", b""))


def _fitting(entries: int) -> int:
    """The length of the next page when so many entries will fit, going by those before; one more tells the end."""
    return min(max(entries, 0) + 1, LONGEST_PAGE)
