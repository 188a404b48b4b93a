"""From a stream entry to the records that a worker writes: messages with their sessions, and ended sessions.

Pure and deterministic: a range that is read again gives the same records with the same ids in the same order.
Knows no Redis.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from openpanel.identity.ids import NO_ID
from openpanel.stream import frames
from openpanel.stream.errors import BadFrame
from openpanel.stream.frames import Placed
from openpanel.stream.messages import Envelope, Item
from openpanel.stream.outcomes import (
    FLAG_BITS,
    NAMED,
    OPENED,
    EndedRow,
    decode_closings,
    decode_ended,
    read_outcomes,
)

POSITION_BITS: Final = 14  # positions of one entry; commit.py keeps entries smaller
ENTRY_BITS: Final = 6  # entries of one shard in one millisecond
ID_STEP: Final = 0x9E37_79B9_7F4A_7C15  # odd, so that the positions of an entry never meet
MAX_ID: Final = 2**64 - 1

_Facts = tuple[int | None, int, int]  # device (None: the message's own), session, its start

_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, ValueError)
_PERHAPS: Final = "; if this began with an upgrade, another version of openpanel wrote it: that version reads it, this one keeps it whole"


class EndedSession(msgspec.Struct, frozen=True, gc=False):
    """A session that is over; it is said once."""

    project: str
    device: int
    session: int
    started_ms: int
    ended_ms: int
    views: int
    events: int
    exit_path: str
    profile: str
    event_id: int
    order: int


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message, with the session that it belongs to."""

    envelope: Envelope
    item: Item
    device: int
    session: int
    """0: none."""
    session_started_ms: int
    """0: the session is not open (an identify before the first event), or there is none."""
    opened: bool
    """The first message of a run that opened the session."""
    closed: EndedSession | None
    """The session that this message's run closed."""
    event_id: int
    order: int
    """Grows along the shard."""


class DeadFrame(msgspec.Struct, frozen=True, gc=False):
    """A part of an entry that cannot be read: kept whole, with the reason."""

    entry: str
    reason: str
    body: bytes
    event_id: int
    order: int


Record = Message | EndedSession


class Ids:
    """The event ids and orders of one entry.

    Where an entry begins among the ids is `hash64(epoch, pool, shard, entry, "")`; its messages follow in steps of
    2^64 divided by the golden ratio, which spreads them as evenly as hashing each and costs a tenth of it.
    """

    __slots__ = ("_base", "begin", "first_order")

    def __init__(self, *, epoch: str, pool: str, shard: int, entry: str) -> None:
        text = "\0".join((epoch, pool, str(shard), entry, ""))
        self._base = blake2b(text.encode(), digest_size=8)
        self.begin = int.from_bytes(self._base.digest(), "big")
        ms, number = entry.split("-")
        self.first_order = (int(ms) << POSITION_BITS + ENTRY_BITS) + (int(number) << POSITION_BITS)

    def event_id(self, position: int) -> int:
        """The id of the message at this position."""
        return self.begin + position * ID_STEP & MAX_ID

    def id_of(self, word: str) -> int:
        """The id of what has no position of its own."""
        digest = self._base.copy()
        digest.update(word.encode())
        return int.from_bytes(digest.digest(), "big")

    def order(self, position: int) -> int:
        """Entry ms << 20, plus the entry's number within its ms << 14, plus the position.

        More than 64 entries in one ms, as after Redis's clock was set back, reach into the ms that follow.
        """
        return self.first_order + position


def read_entry(
    entry: str, fields: Mapping[bytes, bytes], *, ids: Ids
) -> tuple[list[Record], list[DeadFrame]]:
    """What an entry holds, and what of it cannot be read."""
    ended = fields.get(b"e")
    frame = fields.get(b"f", b"")
    try:
        if ended is not None:
            return _ended_records(decode_ended(ended), ids), []
        reader = _Reader(entry, fields, ids)
        placed, spoiled = frames.decode(frame)
    except (BadFrame, *_UNREADABLE) as error:
        whole = frame if ended is None else ended
        return [], [DeadFrame(entry, f"{error}{_PERHAPS}", whole, ids.id_of("entry"), ids.order(0))]
    dead = [
        DeadFrame(entry, one.reason, one.body, ids.id_of(f"envelope {one.place}"), ids.order(0))
        for one in spoiled
    ]
    return reader.records(placed, dead), dead


class _Reader:
    """Puts messages and the outcomes of their runs together."""

    def __init__(self, entry: str, fields: Mapping[bytes, bytes], ids: Ids) -> None:
        self._entry = entry
        self._ids = ids
        outcomes = list(read_outcomes(fields.get(b"s", b"")))
        dropped, closings = fields.get(b"d"), fields.get(b"c")
        self._dropped = frozenset(msgspec.msgpack.decode(dropped, type=list[int])) if dropped else frozenset()
        self._closings = decode_closings(closings) if closings else {}
        self._facts: list[_Facts] = [
            (device if word & NAMED else None, session, word >> FLAG_BITS)
            for device, session, word in outcomes
        ]
        self._opened = {run for run, (_, _, word) in enumerate(outcomes) if word & OPENED}
        # Runs whose opening or closing nobody has told yet: the first message of the run that counts does.
        self._untold = self._opened.union(self._closings)

    def records(self, placed: list[Placed], dead: list[DeadFrame]) -> list[Record]:
        """All messages in order; envelopes that cannot be resolved go to `dead`."""
        records: list[Record] = []
        for one in placed:
            if one.first_run + _runs_used(one.envelope.items) > len(self._facts):
                dead.append(self._without_run(one))
            else:
                self._add(one, records)
        records.extend(self._closings_left())
        return records

    def _add(self, placed: Placed, records: list[Record]) -> None:
        first_run, first_message, envelope = placed
        facts, dropped, untold = self._facts, self._dropped, self._untold
        begin, first_order = self._ids.begin, self._ids.first_order
        for position, item in enumerate(envelope.items, first_message):
            if position in dropped:
                continue
            event_id, order = begin + position * ID_STEP & MAX_ID, first_order + position
            opened, closed = False, None
            if item.run < 0:
                device, session, started_ms = item.device, NO_ID, 0
            else:
                run = first_run + item.run
                known, session, started_ms = facts[run]
                device = item.device if known is None else known
                if run in untold:
                    opened, closed = self._told(run, event_id, order)
            records.append(
                Message(envelope, item, device, session, started_ms, opened, closed, event_id, order)
            )

    def _told(self, run: int, event_id: int, order: int) -> tuple[bool, EndedSession | None]:
        """Whether the run opened a session, and which one it closed; said once, to its first message."""
        self._untold.discard(run)
        closed = self._closings.get(run)
        return run in self._opened, None if closed is None else _ended(closed, event_id, order)

    def _closings_left(self) -> Iterator[EndedSession]:
        """Sessions closed by a run none of whose messages can be read: their end counts all the same."""
        for run in sorted(self._untold):
            closed = self._closings.get(run)
            if closed is not None:
                yield _ended(closed, self._ids.id_of(f"run {run}"), self._ids.order(0))

    def _without_run(self, placed: Placed) -> DeadFrame:
        return DeadFrame(
            self._entry,
            "a message names a run that the entry does not have",
            msgspec.msgpack.encode(placed.envelope),
            self._ids.event_id(placed.first_message),
            self._ids.order(placed.first_message),
        )


def _runs_used(items: list[Item]) -> int:
    if len(items) == 1:
        return items[0].run + 1
    return max((item.run for item in items), default=-1) + 1


def _ended_records(rows: list[EndedRow], ids: Ids) -> list[Record]:
    return [_ended(row, ids.event_id(place), ids.order(place)) for place, row in enumerate(rows)]


def _ended(row: EndedRow, event_id: int, order: int) -> EndedSession:
    return EndedSession(
        row.project,
        int(row.device, 16),
        int(row.session, 16),
        row.started_ms,
        row.ended_ms,
        row.views,
        row.events,
        row.exit_path,
        row.profile,
        event_id,
        order,
    )
