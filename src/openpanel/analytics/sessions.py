"""Visits, newest first: the list of sessions, how many there are, and one of them.

A page continues after the last session before it: nothing is left out or shown twice while events arrive, since a
session's place in the list is the time it began at, which never changes. Without conditions the page is found by
reading the end of what is left of the table; with conditions, sessions are merged first. All events of a session lie
on one shard.
Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from openpanel.analytics.filters import BadFilter, Filter, check
from openpanel.analytics.periods import Period
from openpanel.analytics.person_ids import is_one_of
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import SYNTHETIC, Membership, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.session_rows import Session, session, sessions_of
from openpanel.analytics.statements import Row, Statement, and_all, fill, milliseconds
from openpanel.analytics.visits import LONGEST_SESSION, visits
from openpanel.identity.ids import from_hex, person_of_profile, to_hex

__all__ = [
    "Session",
    "SessionCount",
    "SessionCursor",
    "SessionDetail",
    "SessionSelection",
    "Sessions",
    "SessionsAnswer",
]

MAX_LIMIT: Final = 1_000
MAX_SEARCH: Final = 1_000  # characters
# That are not merged yet; where sessions have more, a page reads further than it has to.
ROWS_OF_SESSION: Final = 8

# Longer than anything that was ever measured.
ALWAYS: Final = Period(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class SessionCursor:
    """The place of a session in the list; a list continues after it."""

    started_at_ms: int
    session_id: int

    def __str__(self) -> str:
        return f"{to_hex(self.started_at_ms)}{to_hex(self.session_id)}"

    @classmethod
    def parse(cls, text: str) -> "SessionCursor | None":
        """The cursor that `str` wrote, `None` for any other text."""
        started_at_ms, session_id = from_hex(text[:16]), from_hex(text[16:])
        if started_at_ms is None or session_id is None or started_at_ms > milliseconds(ALWAYS.end):
            return None
        return cls(started_at_ms, session_id)


@dataclass(frozen=True, slots=True)
class SessionSelection:
    """Which sessions: that start in the period, pass the filters, are this person's, and where `search` is found.

    `filters` are about the session, as on the overview; of `property_filters`, one event of the session must meet
    all. `profile` selects the sessions of a person, also from before it was known and under an alias. `search` looks
    for a part of entry page, exit page, referrer, or of the profile's id, name or e-mail, without regard to case.
    """

    project: str
    timezone: str = "UTC"
    period: Period | None = None
    filters: tuple[Filter, ...] = ()
    property_filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()
    profile: str = ""
    search: str = ""

    def __post_init__(self) -> None:
        check(self.filters)
        check_filters(self.property_filters)
        if len(self.search) > MAX_SEARCH:
            raise BadFilter("search", reason=f"at most {MAX_SEARCH} characters")

    @property
    def is_plain(self) -> bool:
        """Whether a session is selected by the time alone."""
        return not (self.filters or self.property_filters or self.profile or self.search)


@dataclass(frozen=True, slots=True)
class SessionsAnswer:
    """The sessions, newest first; `cursor` continues after the last of them, `None` when there are no more."""

    sessions: tuple[Session, ...]
    cursor: SessionCursor | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Which visits were these?"""

    selection: SessionSelection
    limit: int = 50
    after: SessionCursor | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadFilter("limit", reason=f"expected 1 to {MAX_LIMIT}")

    @property
    def project(self) -> str:
        return self.selection.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.SESSIONS
        conditions, parameters = [], {"limit": self.limit + 1}
        if self.after is not None:
            conditions.append(_AFTER)
            parameters |= {"after": self.after.started_at_ms, "after_id": self.after.session_id}
        found, given = _selected(self.selection, conditions)
        if not self.selection.is_plain:
            return Statement(sessions_of(fill(_PAGE, found=found)), {**given, **parameters})
        parameters["reach"] = (self.limit + 1) * ROWS_OF_SESSION
        rows, _ = _plain(self.selection, conditions)
        near, _ = _selected(self.selection, (*conditions, _SINCE))
        page = sessions_of(fill(_PAGE, found=near))
        return Statement(f"{fill(_ENDS, rows=rows)}\n{page}", {**given, **parameters})

    def answer(self, rows: Sequence[Row], source: Source) -> SessionsAnswer:
        assert source is Source.SESSIONS
        found = tuple(session(row) for row in rows[: self.limit])
        more = len(rows) > self.limit
        return SessionsAnswer(found, _cursor_of(found[-1]) if more else None)


@dataclass(frozen=True, slots=True)
class SessionCount:
    """How many sessions are these?"""

    selection: SessionSelection

    @property
    def project(self) -> str:
        return self.selection.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.SESSIONS
        found, parameters = _selected(self.selection, ())
        return Statement(fill(_COUNT, found=found), parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> int:
        assert source is Source.SESSIONS
        return int(rows[0][0])


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """Which visit was this? `None` for one that is not there."""

    project: str
    session_id: int

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.SESSIONS
        return Statement(sessions_of(_ONE), {"project": self.project, "session": self.session_id})

    def answer(self, rows: Sequence[Row], source: Source) -> Session | None:
        assert source is Source.SESSIONS
        return session(rows[0]) if rows else None


_PAGE: Final = """\
        SELECT visit.session_started_at AS session_started_at, visit.session_id AS session_id
<<found>>
        ORDER BY visit.session_started_at DESC, visit.session_id DESC
        LIMIT 1 BY visit.session_started_at, visit.session_id
        LIMIT {limit:UInt32}"""

# To show a session once, the store would read all there are. Therefore it is looked up first how far back so many rows
# lie that enough sessions are among them, which stops reading there; where they are not, the page is read of everything.
_ENDS: Final = """\
WITH
(
SELECT if(uniqExactIf((ends.at, ends.session), ends.done > 0) >= {limit:UInt32}, min(ends.at), toDateTime64(0, 3, 'UTC'))
FROM
(
SELECT visit.session_started_at AS at, visit.session_id AS session, visit.views + visit.events AS done
<<rows>>
ORDER BY visit.session_started_at DESC, visit.session_id DESC
LIMIT {reach:UInt32}
) AS ends
) AS earliest"""

_SINCE: Final = "visit.session_started_at >= earliest"

_COUNT: Final = """\
SELECT count()
FROM
(
SELECT visit.session_id
<<found>>
GROUP BY visit.session_started_at, visit.session_id
)"""

_ONE: Final = """\
        SELECT visit.session_started_at AS session_started_at, visit.session_id AS session_id
        FROM sessions AS visit
        WHERE visit.project_id = {project:String} AND visit.session_id = {session:UInt64}
            AND visit.views + visit.events > 0
        LIMIT 1"""

# Rows of one session that are not merged yet have the same place, and one of them has the first event.
_PLAIN: Final = """\
FROM sessions AS visit
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= <<start>>
    AND visit.session_started_at < <<until>><<conditions>>"""

_DONE: Final = "visit.views + visit.events > 0"

_AFTER: Final = """visit.session_started_at <= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    AND (visit.session_started_at < fromUnixTimestamp64Milli({after:Int64}, 'UTC')
        OR visit.session_id < {after_id:UInt64})"""

_DID: Final = """visit.session_id GLOBAL IN
(
SELECT seen.session_id
<<events>>
)"""

# A session of a person has an event of that person, which the index on persons finds.
_HAS_EVENT: Final = """(visit.session_started_at, visit.session_id) GLOBAL IN
(
SELECT seen.session_started_at, seen.session_id
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND seen.session_id != 0
    AND <<is_doer>>
)"""

_SEARCHED: Final = """(positionCaseInsensitiveUTF8(visit.entry_path, <<search>>) > 0
    OR positionCaseInsensitiveUTF8(visit.exit_path, <<search>>) > 0
    OR positionCaseInsensitiveUTF8(visit.referrer, <<search>>) > 0
    OR positionCaseInsensitiveUTF8(visit.profile_id, <<search>>) > 0
    OR visit.profile_id GLOBAL IN
    (
        SELECT profile_id
        FROM profiles FINAL
        WHERE project_id = {project:String} AND deleted = 0
            AND (positionCaseInsensitiveUTF8(concat(first_name, ' ', last_name), <<search>>) > 0
                OR positionCaseInsensitiveUTF8(email, <<search>>) > 0)
    ))"""


def _selected(selection: SessionSelection, conditions: Sequence[str]) -> tuple[str, dict[str, object]]:
    """FROM and WHERE for sessions as `visit`, a session once or more, and the parameters."""
    if selection.is_plain:
        return _plain(selection, (_DONE, *conditions))
    reading = Reading(selection.project, timezone=selection.timezone, cohorts=selection.cohorts)
    period = selection.period or ALWAYS
    source = visits(project=selection.project, period=period, filters=selection.filters)
    parts = list(conditions)
    if selection.property_filters:
        parts.append(_did(selection.property_filters, period, reading))
    if selection.profile:
        parts += _of_person(selection.profile, reading)
    if selection.search:
        parts.append(fill(_SEARCHED, search=reading.text(selection.search)))
    return source.sql + and_all(tuple(parts)), {**source.parameters, **reading.parameters}


def _plain(selection: SessionSelection, conditions: Sequence[str]) -> tuple[str, dict[str, object]]:
    """The same for rows of sessions that are selected by the time alone."""
    reading = Reading(selection.project, timezone=selection.timezone)
    period = selection.period or ALWAYS
    bounds = {"start": reading.moment(period.start), "until": reading.moment(period.until)}
    rows = fill(_PLAIN, **bounds, conditions=and_all(tuple(conditions)))
    return rows, dict(reading.parameters)


def _of_person(profile: str, reading: Reading) -> tuple[str, str]:
    """That the session is this person's."""
    persons = (person_of_profile(profile),)
    has_event = fill(_HAS_EVENT, is_doer=is_one_of("seen.person", persons, reading))
    return has_event, is_one_of("visit.person", persons, reading)


def _did(filters: tuple[PropertyFilter, ...], period: Period, reading: Reading) -> str:
    """That one event of the session meets all of them."""
    conditions = (
        "seen.session_id != 0",
        f"seen.name NOT IN {SYNTHETIC}",
        f"seen.session_started_at >= {reading.moment(period.start)}",
        f"seen.session_started_at < {reading.moment(period.until)}",
        *met(filters, reading),
    )
    around = Period(period.start - LONGEST_SESSION, period.until + LONGEST_SESSION)
    return fill(_DID, events=reading.events(around, conditions=conditions))


def _cursor_of(last: Session) -> SessionCursor:
    return SessionCursor(milliseconds(last.started_at), last.session_id)
