"""Rows of `replay_chunks`: pieces of recorded sessions."""

from datetime import datetime

from openpanel.identity.ids import NO_ID, from_hex, hash64
from openpanel.stream.drain import Message
from openpanel.warehouse.native import string_fragment
from openpanel.wire.messages import ReplayPayload
from openpanel_worker.batch import Row


class NoSession(ValueError):
    """The chunk names no session, and its device has none."""


def replay_row(message: Message, payload: ReplayPayload) -> Row:
    """The row of a chunk; raises NoSession."""
    session = _session(message, payload.session_id)
    if session == NO_ID:
        raise NoSession
    return (
        message.envelope.project,
        session,
        payload.chunk_index,
        _ms(payload.started_at),
        _ms(payload.ended_at),
        payload.events_count,
        payload.is_full_snapshot,
        string_fragment(payload.payload),
    )


def _session(message: Message, named: str | None) -> int:
    """The session that the chunk names, else the one that its device is in."""
    if not named:
        return message.session
    return from_hex(named) or hash64("session", message.envelope.project, named)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
