"""The groups of a project (companies, teams): their types, a list in pages, and one of them.

A group is here once it was described; what is counted of it also counts for one that events only name. A page continues
after the last group before it, by the time it was first described, which never changes. A group lies on one shard;
pages are put in order and cut where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from openpanel.analytics.cursor_names import read, written
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.reading import Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, and_all, fill, milliseconds
from openpanel.identity.ids import from_hex, to_hex

MAX_LIMIT: Final = 1_000
MAX_SEARCH: Final = 1_000  # characters
_LATEST_MS: Final = 7_258_118_400_000  # the year 2200
_HEX: Final = 16


@dataclass(frozen=True, slots=True)
class GroupCursor:
    """The place of a group in the list; a list continues after it."""

    created_at_ms: int
    group_id: str

    def __str__(self) -> str:
        return f"{to_hex(self.created_at_ms)}{written(self.group_id)}"

    @classmethod
    def parse(cls, text: str) -> "GroupCursor | None":
        """The cursor that `str` wrote, `None` for any other text."""
        created_at_ms, group_id = from_hex(text[:_HEX]), read(text[_HEX:])
        if created_at_ms is None or group_id is None or created_at_ms > _LATEST_MS:
            return None
        return cls(created_at_ms, group_id)


@dataclass(frozen=True, slots=True)
class Group:
    """A group as the project described it."""

    group_id: str
    type: str
    name: str
    properties: dict[str, str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GroupType:
    """A type, and how many groups are of it."""

    type: str
    groups: int


@dataclass(frozen=True, slots=True)
class GroupTypes:
    """Which types of groups are there? The most frequent first."""

    project: str
    limit: int = 100

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        return Statement(_TYPES, {"project": self.project, "limit": self.limit})

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[GroupType, ...]:
        assert source is Source.EVENTS
        return tuple(GroupType(kind, groups) for kind, groups in rows)


@dataclass(frozen=True, slots=True)
class GroupsAnswer:
    """A page; `cursor` continues after the last of them, `None` when there are no more."""

    groups: tuple[Group, ...]
    cursor: GroupCursor | None


@dataclass(frozen=True, slots=True)
class Groups:
    """Which groups are there, newest first? `search` is a part of id or name, without regard to case."""

    project: str
    type: str | None = None
    search: str = ""
    limit: int = 50
    after: GroupCursor | None = None

    def __post_init__(self) -> None:
        _check_limit(self.limit)
        if len(self.search) > MAX_SEARCH:
            raise BadFilter("search", reason=f"at most {MAX_SEARCH} characters")

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        parts = list(_conditions(self.type, self.search, reading))
        if self.after is not None:
            at, name = reading.value("Int64", self.after.created_at_ms), reading.text(self.after.group_id)
            parts.append(fill(_AFTER, at=at, name=name))
        limit = reading.value("UInt32", self.limit + 1)
        return Statement(fill(_GROUPS, conditions=and_all(tuple(parts)), limit=limit), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> GroupsAnswer:
        assert source is Source.EVENTS
        groups = tuple(_group(row) for row in rows[: self.limit])
        if len(rows) <= self.limit:
            return GroupsAnswer(groups, None)
        last = groups[-1]
        return GroupsAnswer(groups, GroupCursor(milliseconds(last.created_at), last.group_id))


@dataclass(frozen=True, slots=True)
class GroupCount:
    """How many groups are these?"""

    project: str
    type: str | None = None
    search: str = ""

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        conditions = _conditions(self.type, self.search, reading)
        return Statement(fill(_COUNT, conditions=and_all(conditions)), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> int:
        assert source is Source.EVENTS
        return int(rows[0][0])


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """Which group is this? `None` for one that nobody described."""

    project: str
    group_id: str

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        return Statement(_ONE, {"project": self.project, "group": self.group_id})

    def answer(self, rows: Sequence[Row], source: Source) -> Group | None:
        assert source is Source.EVENTS
        return _group(rows[0]) if rows else None


_TYPES: Final = """\
SELECT type, count() AS described
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0
GROUP BY type
ORDER BY described DESC, type
LIMIT {limit:UInt32}"""

_GROUPS: Final = """\
SELECT group_id, type, name, properties, created_at
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0<<conditions>>
ORDER BY created_at DESC, group_id
LIMIT <<limit>>"""

_COUNT: Final = """\
SELECT count()
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0<<conditions>>"""

_ONE: Final = """\
SELECT group_id, type, name, properties, created_at
FROM groups FINAL
WHERE project_id = {project:String} AND group_id = {group:String} AND deleted = 0
LIMIT 1"""

_AFTER: Final = """(created_at < fromUnixTimestamp64Milli(<<at>>, 'UTC')
        OR (created_at = fromUnixTimestamp64Milli(<<at>>, 'UTC') AND group_id > <<name>>))"""

_SEARCHED: Final = """(positionCaseInsensitiveUTF8(group_id, <<search>>) > 0
        OR positionCaseInsensitiveUTF8(name, <<search>>) > 0)"""


def _conditions(kind: str | None, search: str, reading: Reading) -> tuple[str, ...]:
    parts = [] if kind is None else [f"type = {reading.text(kind)}"]
    if search:
        parts.append(fill(_SEARCHED, search=reading.text(search)))
    return tuple(parts)


def _group(row: Row) -> Group:
    group_id, kind, name, properties, created_at = row
    return Group(group_id, kind, name, dict(properties), created_at.replace(tzinfo=UTC))


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise BadFilter("limit", reason=f"expected 1 to {MAX_LIMIT}")
