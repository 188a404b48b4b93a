"""What was kept of sessions whose events a project's filters may drop: what their ends tell.

Ingest counts a session before anybody asks a filter. So for projects with event filters the worker counts what it
keeps, in Redis beside the visit, because a session goes on over blocks and workers. Every message is counted once,
also when its block is made again: an order that was counted is not counted again, and a session that ended stays as
it was then.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis

from openpanel.identity.ids import NO_ID, to_hex
from openpanel.stream.drain import EndedSession, Message, Record
from openpanel.stream.keys import Pool
from openpanel_worker.visits import AT_ONCE, KEPT_SECONDS, WRITE_DOWN


class Tally(msgspec.Struct, array_like=True, gc=False):
    """What was kept of a session so far."""

    order: int
    """Of the last message that was looked at."""
    first_ms: int = 0
    last_ms: int = 0
    events: int = 0
    """All of them, views included."""
    views: int = 0
    path: str = ""
    """Where it was last seen."""
    profile: str = ""
    ended: bool = False


class Tallies:
    """The sessions of one block, of projects with event filters. Not shared between threads."""

    def __init__(self, client: redis.Redis, *, pool: Pool) -> None:
        self._redis = client
        self._pool = pool
        self._write_down = client.register_script(WRITE_DOWN)
        self._shard = 0
        self._records: Sequence[Record] = ()
        self._known: dict[str, dict[int, Tally]] = {}
        self._changed: dict[int, Tally] = {}

    def begin(self, records: Sequence[Record], *, shard: int) -> None:
        """Begin a block, perhaps for another time. Nothing is read before somebody asks."""
        self._records, self._shard = records, shard
        self._known.clear()
        self._changed.clear()

    def keep(self, message: Message, *, is_view: bool, path: str, profile: str) -> None:
        """Count a message that was kept."""
        tally = self._next(message)
        if tally is None:
            return
        at_ms = message.item.at_ms
        tally.first_ms = min(at_ms, tally.first_ms) if tally.events else at_ms
        if path and at_ms >= tally.last_ms:
            tally.path = path
        tally.last_ms = max(at_ms, tally.last_ms)
        tally.events += 1
        tally.views += is_view
        tally.profile = profile or tally.profile

    def leave_out(self, message: Message) -> None:
        """Take note of a message that was dropped: it may be the one that opened the session."""
        self._next(message)

    def end(self, ended: EndedSession) -> Tally | None:
        """What was kept of a session that is over; None when nobody knows, since it is older than the filters."""
        tally = self._of(ended.project).get(ended.session)
        if tally is not None and not tally.ended:
            tally.ended = True
            self._changed[ended.session] = tally
        return tally

    def write_down(self) -> None:
        """Write what changed to Redis, before the block is inserted."""
        changed = list(self._changed.items())
        for first in range(0, len(changed), AT_ONCE):
            piece = changed[first : first + AT_ONCE]
            keys = [self._key(session) for session, _ in piece]
            values = [_encoder.encode(tally) for _, tally in piece]
            self._write_down(keys=keys, args=[KEPT_SECONDS, "", *values])
        self._changed.clear()

    def _next(self, message: Message) -> Tally | None:
        """The tally that the message counts in; None when it has none, or counted before."""
        # A server's event has no device of its own: it joins a visit and does not make it longer.
        if not message.session_started_ms or message.item.device == NO_ID:
            return None
        tallies = self._of(message.envelope.project)
        tally = tallies.get(message.session)
        if tally is None and message.opened:
            tally = tallies[message.session] = Tally(0)
        if tally is None or tally.ended or message.order <= tally.order:
            return None
        tally.order = message.order
        self._changed[message.session] = tally
        return tally

    def _of(self, project: str) -> dict[int, Tally]:
        known = self._known.get(project)
        if known is None:
            known = self._known[project] = self._read(_sessions(self._records, project=project))
        return known

    def _read(self, sessions: list[int]) -> dict[int, Tally]:
        packed: Any = self._redis.mget([self._key(session) for session in sessions]) if sessions else ()
        found: dict[int, Tally] = {}
        for session, one in zip(sessions, packed, strict=True):
            if one is not None:
                try:
                    found[session] = _decoder.decode(one)
                except msgspec.DecodeError:  # of another version: as good as unknown
                    continue
        return found

    def _key(self, session: int) -> str:
        """Where a session's tally lies (string, msgpack of a Tally)."""
        return f"op:{{{self._pool.name}:{self._shard}}}:kept:{to_hex(session)}"


def _sessions(records: Sequence[Record], *, project: str) -> list[int]:
    """The sessions of a project that a block goes on with or ends."""
    found: dict[int, None] = {}
    for record in records:
        if isinstance(record, EndedSession):
            if record.project == project:
                found[record.session] = None
            continue
        if record.envelope.project == project and record.session:
            found[record.session] = None
        if record.closed is not None and record.closed.project == project:
            found[record.closed.session] = None
    return list(found)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Tally)
