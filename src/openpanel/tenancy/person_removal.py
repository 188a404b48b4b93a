"""The end of everything that the warehouse has of one person.

Repeatable: what leads to other rows goes after them, and whose a device is last of all, so that whoever takes over from
a call that was killed finds the rest. Sums that hold no person (visitors of a day, views of a path) stay, since nobody
can be subtracted from them; how often a value of a property came is such a sum, but a value that nobody else's event
has goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from openpanel.tenancy.people import JOB, Person, patterns, pieces, texts_at_once
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Clustered, Form, Single, Table, local_name

MOST_VALUES: Final = 10_000  # of properties, that are looked at
ORDER_BITS: Final = 20  # of a row's place in the stream, below its milliseconds
LATEST_OVERRIDE: Final = 2**63  # from which the versions of overrides count down

_DELETE: Final = "ALTER TABLE `<<table>>`<<cluster>> DELETE WHERE project_id = {project:String} AND <<rows>>"
_COUNT: Final = "SELECT count() FROM `<<table>>` WHERE project_id = {project:String} AND <<rows>>"

_RECEIVED: Final = "toUnixTimestamp64Milli(received_at) <= {until:Int64}"
_TOLD: Final = f"bitShiftRight(version, {ORDER_BITS}) <= {{until:Int64}}"
_LINKED: Final = f"bitShiftRight({LATEST_OVERRIDE} - version, {ORDER_BITS}) <= {{until:Int64}}"
_WEEK: Final = (  # in the time zone that is furthest ahead
    "week <= toMonday(toDate(fromUnixTimestamp64Milli({until:Int64}, 'UTC') + toIntervalHour(14)))"
)

# The sessions that are the person's: it was the first in them who was known, or nobody was.
_SESSIONS: Final = """
SELECT DISTINCT session_id FROM sessions FINAL
WHERE project_id = {project:String} AND person IN <<numbers>>
    AND toUnixTimestamp64Milli(session_started_at) <= {until:Int64}"""
# Those in which it was seen, also after somebody else: a recording shows both.
_VISITED: Final = """
SELECT DISTINCT session_id FROM events
WHERE project_id = {project:String} AND session_id != 0 AND person IN <<numbers>>
    AND toUnixTimestamp64Milli(received_at) <= {until:Int64}"""
_DEVICES: Final = """
SELECT DISTINCT device_id FROM events
WHERE project_id = {project:String} AND device_id != 0 AND person IN <<numbers>>"""
# Key and value, as one number each, of the properties of the events that meet a condition.
_VALUES: Final = """
SELECT DISTINCT cityHash64(key, value) FROM events
ARRAY JOIN mapKeys(properties) AS key, mapValues(properties) AS value
WHERE project_id = {project:String} AND <<events>>"""

# In this order: what the events tell of the person is needed until they go.
BY_NUMBER: Final = (
    (tables.PERSON_WEEKS, f"person IN <<numbers>> AND {_WEEK}"),
    (tables.COHORT_MEMBERS, "person IN <<numbers>>"),
    (tables.PROFILES, f"person IN <<numbers>> AND {_TOLD}"),
    (tables.EVENTS, f"person IN <<numbers>> AND {_RECEIVED}"),
    (tables.PERSON_OVERRIDES, f"(person IN <<numbers>> OR `into` IN <<numbers>>) AND {_LINKED}"),
)
OF_SESSION: Final = "session_id IN <<numbers>>"
OF_PROFILE: Final = "profile_id IN {names:Array(String)}"
OF_VALUE: Final = "cityHash64(key, value) IN <<numbers>>"
OF_BODY: Final = f"match(body, {{pattern:String}}) AND {_RECEIVED}"


@dataclass(slots=True)
class Removed:
    """What was deleted: rows of each table; and what leads to traces in other stores."""

    rows: dict[str, int] = field(default_factory=dict)
    sessions: Sequence[int] = ()
    devices: Sequence[int] = ()
    """All on which the person was seen, also those that are somebody else's, too."""
    values_left: bool = False
    """The person's events had more values of properties than are looked at."""


def remove_person(warehouse: Warehouse, person: Person, *, form: Form | None = None) -> Removed:
    """Delete everything the warehouse has of the person, and wait for it. `person` is a `resolved` one."""
    removal = _Removal(warehouse, person, form or Single())
    removed = removal.removed
    removed.devices = sorted({*removal.numbers(_DEVICES), *person.persons})
    removed.sessions = removal.numbers(_SESSIONS)
    visited = sorted({*removed.sessions, *removal.numbers(_VISITED)})
    removal.values()
    removal.delete(tables.SESSIONS, OF_SESSION, of=removed.sessions)
    removal.delete(tables.REPLAY_CHUNKS, OF_SESSION, of=visited)
    for names in texts_at_once(person.names):
        removal.delete_rows(tables.PROFILE_ACTIVITY, OF_PROFILE, {"names": names})
        removal.delete_rows(tables.PROFILES, f"{OF_PROFILE} AND {_TOLD}", {"names": names})
    for pattern in patterns(warehouse, person):
        removal.delete_rows(tables.DEAD_LETTERS, OF_BODY, {"pattern": pattern})
    for table, rows in BY_NUMBER:
        removal.delete(table, rows, of=person.persons)
    _mark(warehouse, person.project)
    return removed


def deletion(table: Table, rows: str, *, form: Form) -> str:
    """The statement that deletes rows of a table, in a cluster on every shard."""
    cluster = f" ON CLUSTER `{form.cluster}`" if isinstance(form, Clustered) else ""
    name = local_name(table, form=form)
    return _DELETE.replace("<<table>>", name).replace("<<cluster>>", cluster).replace("<<rows>>", rows)


class _Removal:
    """Deletes rows of one person and counts them."""

    def __init__(self, warehouse: Warehouse, person: Person, form: Form) -> None:
        self.removed = Removed()
        self._warehouse = warehouse
        self._person = person
        self._form = form

    def delete(self, table: Table, rows: str, *, of: Sequence[int]) -> None:
        """Delete the rows of these `<<numbers>>`."""
        for piece in pieces(of):
            self.delete_rows(table, rows.replace("<<numbers>>", piece))

    def delete_rows(self, table: Table, rows: str, more: Mapping[str, Any] | None = None) -> None:
        """Delete what meets the condition; where nothing does, nothing is written anew."""
        parameters = {**self._parameters, **(more or {})}
        count = _COUNT.replace("<<table>>", table.name).replace("<<rows>>", rows)
        [(number,)] = self._warehouse.query(count, parameters=parameters, settings=JOB)
        if not number:
            return
        # 2: all replicas; a single server has but itself.
        sync = 2 if isinstance(self._form, Clustered) else 1
        self._warehouse.command(
            deletion(table, rows, form=self._form),
            parameters=parameters,
            settings={"mutations_sync": sync, "max_query_size": 1_048_576},
        )
        self.removed.rows[table.name] = self.removed.rows.get(table.name, 0) + number

    def numbers(self, question: str) -> list[int]:
        """What is answered to a question about the person's `<<numbers>>`."""
        return sorted(
            {number for piece in pieces(self._person.persons) for number in self._asked(question, piece)}
        )

    def values(self) -> None:
        """Delete the values of properties that are offered to choose from and that only this person's events have."""
        mine = f"person IN <<numbers>> AND {_RECEIVED}"
        own: set[int] = set()
        for piece in pieces(self._person.persons):
            own |= self._asked(_VALUES.replace("<<events>>", mine) + f" LIMIT {MOST_VALUES + 1}", piece)
        self.removed.values_left = len(own) > MOST_VALUES
        looked_at = sorted(own)[:MOST_VALUES]
        all_mine = " OR ".join(mine.replace("<<numbers>>", piece) for piece in pieces(self._person.persons))
        others = _VALUES.replace("<<events>>", f"NOT ({all_mine}) AND {OF_VALUE}")
        shared = {value for piece in pieces(looked_at) for value in self._asked(others, piece)}
        self.delete(tables.PROPERTY_VALUES, OF_VALUE, of=sorted(set(looked_at) - shared))

    def _asked(self, question: str, piece: str) -> set[int]:
        sql = question.replace("<<numbers>>", piece)
        return {number for (number,) in self._warehouse.query(sql, parameters=self._parameters, settings=JOB)}

    @property
    def _parameters(self) -> dict[str, Any]:
        return {"project": self._person.project, "until": self._person.until_ms}


def _mark(warehouse: Warehouse, project: str) -> None:
    """Make the data another version, so that answers of before are not given any more: nobody is nobody since now."""
    warehouse.command(
        "INSERT INTO person_overrides (project_id, person, `into`, version)"
        " SELECT {project:String}, 0, 0, toUnixTimestamp64Milli(now64(3))",
        parameters={"project": project},
    )
