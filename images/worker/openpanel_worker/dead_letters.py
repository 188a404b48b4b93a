"""Rows of `dead_letters`: what could not be read, applied or inserted, whole and with the reason.

Also where everything that goes wrong with a single message is given its name.
"""

from typing import Final

from openpanel.stream.drain import DeadFrame, Message
from openpanel.stream.frames import Kind
from openpanel.warehouse.native import string_fragment
from openpanel_worker.batch import Row, Source
from openpanel_worker.bodies import kept

FRAME: Final = "frame cannot be read"
MESSAGE: Final = "message cannot be read"
UNEXPECTED: Final = "message cannot be processed"
NO_SESSION: Final = "replay without a session"
NO_PROFILE: Final = "no profile and no device"
NO_NUMBER: Final = "property is not a number"
NO_ROOM: Final = "profile or group is full"
NO_PROJECT: Final = "project is unknown"
REFUSED: Final = "refused by the warehouse"
REASONS: Final = (FRAME, MESSAGE, UNEXPECTED, NO_SESSION, NO_PROFILE, NO_NUMBER, NO_ROOM, NO_PROJECT, REFUSED)

WAY_BACK: Final = (
    "PostgreSQL has neither this project nor the word that it was erased: bring its rows back from a dump, or apply the"
    " manifest of the project again, then send anew what matters"
)
MAX_DETAIL: Final = 2_000  # characters
_KINDS: Final = {int(kind): kind.name.lower() for kind in Kind}


def letter(source: Source, reason: str, detail: str, *, now_ms: int) -> Row:
    """The row for a message, a session's end or a part of an entry that nobody could read."""
    project, received_ms, kind, body = _facts(source, now_ms)
    return (
        project,
        received_ms,
        reason,
        string_fragment(detail[:MAX_DETAIL]),
        kind,
        string_fragment(body),
        source.order,
        source.event_id,
    )


def _facts(source: Source, now_ms: int) -> tuple[str, int, str, str]:
    if isinstance(source, Message):
        kind = _KINDS.get(source.item.kind, "unknown")
        return source.envelope.project, source.envelope.received_ms, kind, kept(source)
    if isinstance(source, DeadFrame):
        return "", now_ms, "frame", source.body.decode("latin-1")  # whole, and every byte can be found again
    return source.project, source.ended_ms, "session_end", repr(source)
