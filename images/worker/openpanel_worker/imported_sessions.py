"""When imported sessions begin: part of the key of a session's rows, so it is the same in every call that has some.

Who knows a session decides: the warehouse, or a call of this block or of one that is not written yet. A session that
nobody knows begins with its first row in the block. What is done a day or more from there is another session, one for
each day, whose id follows from the first one's: readers look for events of a session a few days around its beginning.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from openpanel.identity.ids import LONGEST_SESSION_MS, NO_ID, from_hex, hash64, to_hex
from openpanel.stream.frames import Envelope
from openpanel.warehouse import Warehouse
from openpanel.warehouse.client import SAME_REPLICA
from openpanel.wire.rows import ROW, Row, created_ms
from openpanel_worker.events import END_AFTER_MS, SESSION_END, SESSION_START

Session = tuple[str, int]  # project, session
Named = tuple[str, int, str, int]  # project, session, name and time of a row

MAX_KNOWN: Final = 200_000  # more than two blocks name
PIECE: Final = 400  # ids that fit into an address

_KNOWN: Final = """
SELECT session_id, toUnixTimestamp64Milli(min(session_started_at))
FROM sessions
WHERE project_id = {project:String} AND session_id IN {sessions:Array(UInt64)}
    AND session_started_at >= fromUnixTimestamp64Milli({since:Int64})
    AND session_started_at <= fromUnixTimestamp64Milli({until:Int64})
GROUP BY session_id
"""

_cut: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class ImportedSessions:
    """The beginnings that one drain worker knows. Not shared between threads."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._known: dict[Session, int] = {}

    def forget(self) -> None:
        """Trust nothing that was read or made before: another worker may have written since."""
        self._known.clear()

    def learn(self, envelopes: Iterable[Envelope]) -> None:
        """Find out when the sessions of these calls begin; raises errors of a warehouse that is away."""
        rows = list(_named(envelopes))
        whole = _firsts(rows)
        self._find(whole, kept=whole)
        days = _firsts(
            (project, day, name, at_ms)
            for project, session, name, at_ms in rows
            if (day := self._of_day(project, session, name, at_ms)) != session
        )
        if days:
            self._find(days, kept=whole | days)

    def place(self, project: str, given: Row) -> tuple[int, int | None]:
        """The session of a row and when it begins; None when no call that can be read names it."""
        named = session_of(project, given)
        if not named:
            return NO_ID, 0
        session = self._of_day(project, named, given.name, created_ms(given))
        return session, self.start_of(project, session)

    def start_of(self, project: str, session: int) -> int | None:
        """When the session begins; None when no call that can be read names it."""
        return self._known.get((project, session))

    def _of_day(self, project: str, session: int, name: str, at_ms: int) -> int:
        """The session that a row is part of: the one that it names, or that of another day."""
        started_ms = self.start_of(project, session)
        if started_ms is None:
            return session
        # The end of a session is told a moment after its last event.
        since_ms = at_ms - (END_AFTER_MS if name == SESSION_END else 0) - started_ms
        days = abs(since_ms) // LONGEST_SESSION_MS
        if not days:
            return session
        return hash64("session day", project, to_hex(session), str(days if since_ms > 0 else -days))

    def _find(self, named: Mapping[Session, int], *, kept: Mapping[Session, int]) -> None:
        unknown = {session: at_ms for session, at_ms in named.items() if session not in self._known}
        if not unknown:
            return
        found = self._stored(unknown)
        if len(self._known) + len(unknown) > MAX_KNOWN:
            for oldest in [session for session in self._known if session not in kept][: len(unknown)]:
                del self._known[oldest]
        self._known |= unknown | found

    def _stored(self, sessions: Mapping[Session, int]) -> dict[Session, int]:
        found: dict[Session, int] = {}
        for project, starts in _pieces(sessions):
            rows = self._warehouse.query(
                _KNOWN,
                parameters={
                    "project": project,
                    "sessions": [session for session, _ in starts],
                    "since": starts[0][1] - LONGEST_SESSION_MS,
                    "until": starts[-1][1] + LONGEST_SESSION_MS,
                },
                settings=SAME_REPLICA,
            )
            found.update({(project, session): at_ms for session, at_ms in rows})
        return found


def session_of(project: str, given: Row) -> int:
    """The session that a row names: our own ids stay what they are, others are hashed."""
    if not given.session_id:
        return NO_ID
    own = from_hex(given.session_id)
    return hash64("session", project, given.session_id) if own is None else own


def _named(envelopes: Iterable[Envelope]) -> Iterator[Named]:
    """The rows of these calls that name a session."""
    for envelope in envelopes:
        for given in _rows(envelope):
            if session := session_of(envelope.project, given):
                yield envelope.project, session, given.name, created_ms(given)


def _firsts(rows: Iterable[Named]) -> dict[Session, int]:
    """The sessions of these rows with the first of each: of those that are no start or end, if there are any."""
    starts: dict[Session, int] = {}
    synthetic: dict[Session, int] = {}
    for project, session, name, at_ms in rows:
        of = synthetic if name in (SESSION_START, SESSION_END) else starts
        of[project, session] = min(at_ms, of.get((project, session), at_ms))
    return synthetic | starts


def _rows(envelope: Envelope) -> Iterator[Row]:
    """The rows of a call that can be read; the others become dead letters when their turn comes."""
    try:
        parts = _cut(envelope.body)
    except _UNREADABLE:
        return
    for part in parts:
        try:
            yield ROW.decode(part)
        except _UNREADABLE:
            continue


def _pieces(sessions: Mapping[Session, int]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Per project sessions with their times, in pieces of one question, each as narrow in time as can be."""
    projects: dict[str, list[tuple[int, int]]] = {}
    for (project, session), at_ms in sessions.items():
        projects.setdefault(project, []).append((session, at_ms))
    for project, starts in projects.items():
        starts.sort(key=lambda start: start[1])
        for first in range(0, len(starts), PIECE):
            yield project, starts[first : first + PIECE]
