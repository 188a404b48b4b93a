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
from openpanel.stream.outcomes import EndedRow, Outcome, decode_ended, decode_outcomes

POSITION_BITS: Final = 14  # positions of one entry; commit.py keeps entries smaller
ENTRY_BITS: Final = 6  # entries of one shard in one millisecond

_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, ValueError)


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

    The id is `hash64(epoch, pool, shard, entry, position)`; what the positions have in common is hashed once.
    """

    __slots__ = ("_base", "_order")

    def __init__(self, *, epoch: str, pool: str, shard: int, entry: str) -> None:
        text = "\0".join((epoch, pool, str(shard), entry, ""))
        self._base = blake2b(text.encode(), digest_size=8)
        ms, number = entry.split("-")
        self._order = (int(ms) << POSITION_BITS + ENTRY_BITS) + (int(number) << POSITION_BITS)

    def event_id(self, position: int | str) -> int:
        """The id of what stands at this position; a word for what has none."""
        digest = self._base.copy()
        digest.update(str(position).encode())
        return int.from_bytes(digest.digest(), "big")

    def order(self, position: int) -> int:
        """Entry ms << 20, plus the entry's number within its ms << 14, plus the position.

        More than 64 entries in one ms, as after Redis's clock was set back, reach into the ms that follow.
        """
        return self._order + position


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
        return [], [DeadFrame(entry, str(error), whole, ids.event_id("entry"), ids.order(0))]
    dead = [
        DeadFrame(entry, one.reason, one.body, ids.event_id(f"envelope {one.place}"), ids.order(0))
        for one in spoiled
    ]
    return reader.records(placed, dead), dead


class _Reader:
    """Puts messages and the outcomes of their runs together."""

    def __init__(self, entry: str, fields: Mapping[bytes, bytes], ids: Ids) -> None:
        self._entry = entry
        self._ids = ids
        self._outcomes = decode_outcomes(fields[b"s"]) if b"s" in fields else []
        dropped = fields.get(b"d")
        self._dropped = frozenset(msgspec.msgpack.decode(dropped, type=list[int])) if dropped else frozenset()
        self._facts = [_facts(outcome) for outcome in self._outcomes]
        # Runs whose opening or closing nobody has told yet: the first message of the run that counts does.
        self._untold = {
            index for index, outcome in enumerate(self._outcomes) if outcome.opened or outcome.closed
        }

    def records(self, placed: list[Placed], dead: list[DeadFrame]) -> list[Record]:
        records: list[Record] = []
        for one in placed:
            if one.first_run + _runs_used(one.envelope) > len(self._outcomes):
                dead.append(self._without_run(one))
            else:
                records.extend(self._messages(one))
        records.extend(self._closings_left())
        return records

    def _messages(self, placed: Placed) -> Iterator[Message]:
        first_run, first_message, envelope = placed
        ids, facts, dropped, untold = self._ids, self._facts, self._dropped, self._untold
        for position, item in enumerate(envelope.items, first_message):
            if position in dropped:
                continue
            event_id = ids.event_id(position)
            order = ids.order(position)
            if item.run < 0:
                yield Message(envelope, item, item.device, NO_ID, 0, False, None, event_id, order)
                continue
            run = first_run + item.run
            device, session, started_ms = facts[run]
            opened, closed = False, None
            if run in untold:
                untold.discard(run)
                outcome = self._outcomes[run]
                opened = outcome.opened == 1
                closed = _ended(outcome.closed, event_id, order) if outcome.closed is not None else None
            yield Message(
                envelope,
                item,
                item.device if device is None else device,
                session,
                started_ms,
                opened,
                closed,
                event_id,
                order,
            )

    def _closings_left(self) -> Iterator[EndedSession]:
        """Sessions closed by a run none of whose messages can be read: their end counts all the same."""
        for run in sorted(self._untold):
            closed = self._outcomes[run].closed
            if closed is not None:
                yield _ended(closed, self._ids.event_id(f"run {run}"), self._ids.order(0))

    def _without_run(self, placed: Placed) -> DeadFrame:
        return DeadFrame(
            self._entry,
            "a message names a run that the entry does not have",
            msgspec.msgpack.encode(placed.envelope),
            self._ids.event_id(placed.first_message),
            self._ids.order(placed.first_message),
        )


def _runs_used(envelope: Envelope) -> int:
    return max((item.run for item in envelope.items), default=-1) + 1


def _facts(outcome: Outcome) -> tuple[int | None, int, int]:
    device = int(outcome.device, 16) if outcome.device else None
    return device, int(outcome.session, 16), outcome.started_ms


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
