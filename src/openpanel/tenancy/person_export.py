"""Everything that the warehouse has of one person, line by line, a page of it in memory at a time.

What is found is what an erasure would remove. Of the groups that a person is in only these themselves are shown, of
recordings which parts there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from openpanel.identity.ids import to_hex
from openpanel.tenancy.people import JOB, Person, patterns, pieces, texts_at_once
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Table

PAGE: Final = 2_000  # rows
IDS: Final = frozenset({"event_id", "device_id", "session_id", "person", "into"})
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

Line = dict[str, Any]

_PAGE: Final = """
SELECT <<columns>>, (<<order>>) AS place FROM <<source>> WHERE <<where>> AND <<after>>
ORDER BY <<order>> LIMIT <<limit>>"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of lines: what is read of which table, in the order of whole numbers that no two rows share."""

    name: str
    source: str
    columns: str
    where: str
    order: tuple[str, ...]

    def sql(self, *, after: str, limit: int) -> str:
        """The statement that reads a page."""
        own = self.source.startswith("(")  # which says itself whose rows it reads
        parts = {
            "columns": self.columns,
            "source": self.source,
            "where": self.where if own else f"project_id = {{project:String}} AND {self.where}",
            "order": ", ".join(self.order),
            "after": after,
            "limit": str(limit),
        }
        sql = _PAGE
        for name, text in parts.items():
            sql = sql.replace(f"<<{name}>>", text)
        return sql


def _columns(table: Table, *, but: Sequence[str] = ()) -> str:
    """What inserts fill, and what is read of states."""
    shown = [each.name for each in table.columns if each.alias or "AggregateFunction" not in each.type]
    return ", ".join(f"`{name}`" for name in shown if name not in {"project_id", "deleted", *but})


_OF_PERSON: Final = "person IN <<numbers>>"
_VISITED: Final = """session_id GLOBAL IN (
    SELECT session_id FROM sessions FINAL WHERE project_id = {project:String} AND person IN <<numbers>>
    UNION DISTINCT
    SELECT session_id FROM events WHERE project_id = {project:String} AND session_id != 0 AND person IN <<numbers>>)"""

BY_NUMBER: Final = (
    Kind("profile", "profiles FINAL", _columns(tables.PROFILES, but=("version",)), _OF_PERSON, ("cityHash64(profile_id)",)),
    Kind("same person", "person_overrides FINAL", "person, `into`", "(person IN <<numbers>> OR `into` IN <<numbers>>)", ("person",)),
    Kind(
        "device",
        "(SELECT device_id, groupUniqArrayIf(device_ref, device_ref != '') AS names, min(created_at) AS first_seen,"
        " max(created_at) AS last_seen FROM events WHERE project_id = {project:String} AND device_id != 0"
        " AND person IN <<numbers>> GROUP BY device_id)",
        "device_id, names, first_seen, last_seen", "1", ("device_id",),
    ),
    Kind(
        "group",
        "groups FINAL", _columns(tables.GROUPS, but=("version",)),
        "group_id GLOBAL IN (SELECT arrayJoin(groups) FROM profiles FINAL WHERE project_id = {project:String} AND person IN <<numbers>>)",
        ("cityHash64(group_id)",),
    ),
    Kind(
        "session",
        "sessions FINAL",
        _columns(tables.SESSIONS) + ", device_id, first_at, last_at, views, events, revenue, groups",
        _OF_PERSON, ("toUnixTimestamp64Milli(session_started_at)", "session_id"),
    ),
    Kind("event", "events", _columns(tables.EVENTS), _OF_PERSON, ("toUnixTimestamp64Milli(created_at)", "event_id")),
    Kind("week", "r_person_week FINAL", "week, person, days, events", _OF_PERSON, ("toInt64(week)", "person")),
    Kind(
        "recording", "replay_chunks FINAL", _columns(tables.REPLAY_CHUNKS, but=("payload",)) + ", length(payload) AS bytes",
        _VISITED, ("session_id", "toUnixTimestamp64Milli(started_at)", "chunk_index"),
    ),
    Kind("cohort", "cohort_members FINAL", "cohort_id, generation, person", _OF_PERSON, ("cityHash64(cohort_id)", "generation", "person")),
)  # fmt: skip
LETTER: Final = Kind(
    "dead letter", "dead_letters", _columns(tables.DEAD_LETTERS, but=("order", "kind")) + ", kind AS message_kind", "match(body, {pattern:String})",
    ("toUnixTimestamp64Milli(received_at)", "event_id", "cityHash64(reason, detail, body)"),
)  # fmt: skip
UNNUMBERED: Final = Kind(  # told before profiles had numbers
    "profile", "profiles FINAL", BY_NUMBER[0].columns, "profile_id IN {names:Array(String)} AND NOT (person IN <<numbers>>)",
    ("cityHash64(profile_id)",),
)  # fmt: skip


def export_person(warehouse: Warehouse, person: Person, *, page: int = PAGE) -> Iterator[list[Line]]:
    """Pages of lines, the first of which says who it is. `person` is a `resolved` one."""
    yield [
        {
            "kind": "person",
            "project": person.project,
            "profile_ids": list(person.names),
            "persons": [to_hex(number) for number in person.persons],
        }
    ]
    pages = _Pages(warehouse, person.project, page)
    for kind in BY_NUMBER:
        for piece in pieces(person.persons):
            yield from pages.of(kind, piece, {})
    for names in texts_at_once(person.names):
        for piece in pieces(person.persons):
            yield from pages.of(UNNUMBERED, piece, {"names": names})
    for pattern in patterns(warehouse, person):
        yield from pages.of(LETTER, "()", {"pattern": pattern})


@dataclass(frozen=True, slots=True)
class _Pages:
    """Reads kinds of lines."""

    warehouse: Warehouse
    project: str
    rows: int

    def of(self, kind: Kind, numbers: str, more: Mapping[str, Any]) -> Iterator[list[Line]]:
        """The lines of a kind, each page after the last row of the one before it."""
        place, after = f"({', '.join(kind.order)})", "1"
        while True:
            sql = kind.sql(after=after, limit=self.rows).replace("<<numbers>>", numbers)
            parameters = {"project": self.project, **more}
            found = self.warehouse.named(sql, parameters=parameters, settings=JOB)
            if found:
                yield [_line(kind.name, row) for row in found]
            if len(found) < self.rows:
                return
            last = found[-1]["place"]
            after = f"{place} > ({', '.join(map(str, last if isinstance(last, tuple) else (last,)))})"


def _line(kind: str, row: Mapping[str, Any]) -> Line:
    return {"kind": kind, **{name: _shown(name, value) for name, value in row.items() if name != "place"}}


def _shown(name: str, value: Any) -> Any:
    if name in IDS:
        return to_hex(value) if value else None
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=value.tzinfo or UTC)
        return None if moment == NEVER else moment.isoformat(timespec="milliseconds")
    return value.isoformat() if isinstance(value, date) else value
