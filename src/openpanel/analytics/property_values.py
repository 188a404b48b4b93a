"""Which values a field has: what a filter offers to choose from. Fields are named as in filters (`fields`).

    properties.<key>                    from the rollup of values, which leaves out what is longer than a line and of
                                        what looks like an id keeps a sample
    name, path, origin, country, os, …  from the rollups of the overview
    profile.…, group.…                  from what was told of profiles and groups
    other columns; any of one event     from the newest events (of that name), so many that it stays quick

The empty text is no choice. Shards are added up before anything is ranked or cut: what is rare on each may be frequent
on all. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.fields import GROUP_PROPERTIES, PROFILE_PROPERTIES, PROPERTIES, Kind, field
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.pickers import PickedAnswer, check_picker, matching, picked, picked_answer
from openpanel.analytics.reading import Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.warehouse.views import DIMENSION_NAMES, MAX_VALUE_BYTES

NEWEST: Final = 500_000  # events that are looked through where no rollup knows the values

_OF_DAYS: Final = ("name",)
_OF_PATHS: Final = ("path", "origin")
_OF_PROFILES: Final = {
    "profile.id": "profile_id",
    "profile.first_name": "first_name",
    "profile.firstName": "first_name",
    "profile.last_name": "last_name",
    "profile.lastName": "last_name",
    "profile.email": "email",
    "profile.avatar": "avatar",
}
_OF_GROUPS: Final = {"group.id": "group_id", "group.type": "type", "group.name": "name"}


@dataclass(frozen=True, slots=True)
class PropertyValues:
    """Which values does this field have, at events of this name where one is given? `search` is a part of the value."""

    project: str
    key: str
    event: str | None = None
    search: str = ""
    limit: int = 100

    def __post_init__(self) -> None:
        check_picker(self.search, limit=self.limit)
        if "*" in self.key:
            raise BadFilter(self.key, reason="expected a key without *")
        self._found(Reading(self.project, timezone="UTC"))

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def newest(self) -> int | None:
        """So many events at most are looked through; `None`: all there are."""
        return NEWEST if "FROM events" in self._found(Reading(self.project, timezone="UTC")) else None

    def statement(self, source: Source) -> Statement:
        assert source is Source.ROLLUP
        reading = Reading(self.project, timezone="UTC")
        found = self._found(reading)
        return Statement(picked(found, self.search, limit=self.limit, reading=reading), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> PickedAnswer:
        assert source is Source.ROLLUP
        return picked_answer(rows, limit=self.limit)

    def _found(self, reading: Reading) -> str:
        """The sub-select of the values."""
        told = _told(self.key, reading)
        if told is not None:
            table, column = told
            searched = matching("item", self.search, reading)
            return fill(_TOLD, table=table, column=column, where=searched)
        if self.event is None and (rolled := _rolled(self.key, self.search, reading)) is not None:
            return rolled
        of_event = _of_event(self.event, reading)
        return fill(
            _NEWEST,
            column=_text_of_event(self.key, reading),
            of_event=of_event,
            newest=reading.value("UInt32", NEWEST),
            longest=reading.value("UInt32", MAX_VALUE_BYTES),
            where=matching("item", self.search, reading),
        )


@dataclass(frozen=True, slots=True)
class EventsToLookThrough:
    """How many events of this name are there, or of all names? One more than `NEWEST` stands for every higher number."""

    project: str
    event: str | None = None

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        most = reading.value("UInt32", NEWEST + 1)
        counted = fill(_COUNTED, of_event=_of_event(self.event, reading), most=most)
        return Statement(counted, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> int:
        assert source is Source.EVENTS
        return int(rows[0][0])


_OF_PROPERTIES: Final = """\
SELECT value AS item, sum(property_values.events) AS seen, max(property_values.last_day) AS last_day
FROM property_values
WHERE project_id = {project:String} AND key = <<key>><<where>>
GROUP BY item"""

_OF_DIMENSION: Final = """\
SELECT value AS item, sum(r_dim.sessions) + sum(r_dim.views) AS seen, max(day) AS last_day
FROM r_dim
WHERE project_id = {project:String} AND dimension = <<key>> AND value != ''<<where>>
GROUP BY item"""

_OF_ROLLUP: Final = """\
SELECT <<column>> AS item, sum(<<table>>.<<counted>>) AS seen, max(day) AS last_day
FROM <<table>>
WHERE project_id = {project:String} AND <<column>> != ''<<where>>
GROUP BY item"""

_TOLD: Final = """\
SELECT <<column>> AS item, count() AS seen, toDate(0) AS last_day
FROM <<table>> FINAL
WHERE project_id = {project:String} AND deleted = 0 AND item != ''<<where>>
GROUP BY item"""

# Read from the end of the table: the newest days, however many older ones there are.
_NEWEST: Final = """\
SELECT item, count() AS seen, max(newest.day) AS last_day
FROM
(
    SELECT <<column>> AS item, seen.day AS day
    FROM events AS seen
    WHERE seen.project_id = {project:String}<<of_event>>
    ORDER BY toDate(seen.created_at) DESC
    LIMIT <<newest>>
) AS newest
WHERE item != '' AND length(item) <= <<longest>><<where>>
GROUP BY item"""

_COUNTED: Final = """\
SELECT count()
FROM
(
    SELECT seen.day AS day
    FROM events AS seen
    WHERE seen.project_id = {project:String}<<of_event>>
    LIMIT <<most>>
)"""


def _of_event(name: str | None, reading: Reading) -> str:
    return "" if name is None else f"\n        AND seen.name = {reading.text(name)}"


def _told(key: str, reading: Reading) -> tuple[str, str] | None:
    """Table and column of what was told."""
    if key in _OF_PROFILES:
        return "profiles", _OF_PROFILES[key]
    if key in _OF_GROUPS:
        return "groups", _OF_GROUPS[key]
    for prefix, table in ((PROFILE_PROPERTIES, "profiles"), (GROUP_PROPERTIES, "groups")):
        if key.startswith(prefix) and key != prefix:
            return table, f"properties[{reading.text(key.removeprefix(prefix))}]"
    return None


def _rolled(key: str, search: str, reading: Reading) -> str | None:
    """The values from a rollup, where one has them."""
    if key.startswith(PROPERTIES) and key != PROPERTIES:
        name = reading.text(key.removeprefix(PROPERTIES))
        return fill(_OF_PROPERTIES, key=name, where=matching("value", search, reading))
    column = _text_of_event(key, reading).removeprefix("seen.")
    if column in DIMENSION_NAMES:
        where = matching("value", search, reading)
        return fill(_OF_DIMENSION, key=reading.text(column), where=where)
    if column in (*_OF_DAYS, *_OF_PATHS):
        table, counted = ("r_day", "events") if column in _OF_DAYS else ("r_path", "views")
        where = matching(column, search, reading)
        return fill(_OF_ROLLUP, column=column, table=table, counted=counted, where=where)
    return None


def _text_of_event(key: str, reading: Reading) -> str:
    """The field as a text of the event itself. Raises `BadFilter` for what has no values to choose from."""
    found = field(key, reading)
    if found.kind is not Kind.TEXT or found.many or not found.sql.startswith("seen."):
        raise BadFilter(
            key, reason="has no list of values; expected a text of the event, profile.… or group.…"
        )
    return found.sql
