"""How long each project's data is kept: a limit in days per project and kind, unset means for ever.

The limits stand in the table `retention`, and each data table's TTL is rendered from all of them: one clause
per number of days, naming its projects. A dictionary look-up would be shorter, but ClickHouse takes no function
in a TTL whose answer may change. Expired rows go with the next merges. In a cluster each server is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, get_args

from openpanel.warehouse import tables
from openpanel.warehouse.client import Warehouse
from openpanel.warehouse.schema import Form, Single, Table, local_name

Kind = Literal["events", "sessions", "aggregates", "replays", "bots", "deadLetters"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MAX_DAYS: Final = 36_500
_MAX_ROUNDS: Final = 10


class BadRetention(ValueError):
    """A kind that is not kept apart, or a number of days that cannot be."""


@dataclass(frozen=True, slots=True)
class _Kept:
    table: Table
    time: str  # expression of type Date or DateTime
    default_days: int = 0  # for projects without a limit; 0: for ever


_TABLES: Final[Mapping[Kind, tuple[_Kept, ...]]] = {
    "events": (_Kept(tables.EVENTS, "toDateTime(created_at)"),),
    "sessions": (_Kept(tables.SESSIONS, "toDateTime(session_started_at)"),),
    "aggregates": (
        _Kept(tables.DAYS, "day"),
        _Kept(tables.PERSON_WEEKS, "week"),
        _Kept(tables.PATHS, "day"),
        _Kept(tables.DIMENSIONS, "day"),
    ),
    "replays": (_Kept(tables.REPLAY_CHUNKS, "toDateTime(started_at)", default_days=30),),
    "bots": (_Kept(tables.BOTS, "toDateTime(created_at)"),),
    "deadLetters": (_Kept(tables.DEAD_LETTERS, "toDateTime(received_at)"),),
}


def apply_retention(
    warehouse: Warehouse, *, project: str, days: Mapping[Kind, int | None], form: Form | None = None
) -> tuple[str, ...]:
    """Give the project these limits; a kind that is left out keeps its own, `None` lifts it.

    Returns the tables whose TTL changed, none when all was so before. Two calls at once for two projects end
    with both limits: each looks once more after it has written.
    """
    _check(days)
    changed: dict[str, None] = {}
    for kind in days:
        _store(warehouse, project, kind, days[kind] or 0)
        for kept in _TABLES[kind]:
            if _bring(warehouse, kind, kept, form or Single()):
                changed[kept.table.name] = None
    return tuple(changed)


def ttl(kept_days: Mapping[str, int], *, time: str, default_days: int = 0) -> str:
    """The TTL clause for these projects, as ClickHouse itself writes it; '' when nothing expires."""
    limited = sorted((days, project) for project, days in kept_days.items() if days)
    clauses = [
        f"{time} + toIntervalDay({days}) WHERE project_id IN ({_literals([project for _, project in group])})"
        for days, group in groupby(limited, key=lambda pair: pair[0])
    ]
    if default_days:
        others = f" WHERE project_id NOT IN ({_literals(sorted(p for _, p in limited))})" if limited else ""
        clauses.append(f"{time} + toIntervalDay({default_days}){others}")
    return ", ".join(clauses)


def _check(days: Mapping[Kind, int | None]) -> None:
    for kind, number in days.items():
        if kind not in KINDS:
            message = f"kind {kind!r}: expected one of {', '.join(KINDS)}"
            raise BadRetention(message)
        if number is not None and not 1 <= number <= MAX_DAYS:
            message = f"{kind}: {number} days, expected 1 to {MAX_DAYS} or none"
            raise BadRetention(message)


def _store(warehouse: Warehouse, project: str, kind: Kind, days: int) -> None:
    """The version is one above all before it, so that the order of calls decides and no clock."""
    key: dict[str, object] = {"project": project, "kind": kind}
    stored = warehouse.query(
        "SELECT argMax(days, version), max(version) FROM retention"
        " WHERE project_id = {project:String} AND kind = {kind:String}",
        parameters=key,
    )
    current, version = stored[0]
    if current != days:
        warehouse.command(
            "INSERT INTO retention SELECT {project:String}, {kind:String}, {days:UInt32}, {version:UInt64}",
            parameters={**key, "days": days, "version": version + 1},
        )


def _bring(warehouse: Warehouse, kind: Kind, kept: _Kept, form: Form) -> bool:
    """Make the table's TTL what the stored limits say, until they say nothing else; whether it had to be changed."""
    table = local_name(kept.table, form=form)
    for attempt in range(_MAX_ROUNDS):
        wanted = ttl(_limits(warehouse, kind), time=kept.time, default_days=kept.default_days)
        if _current(warehouse, table) == wanted:
            return attempt > 0
        change = f"MODIFY TTL {wanted}" if wanted else "REMOVE TTL"
        # Parts are re-dated in the background; waiting for it could take as long as reading the table.
        warehouse.command(f"ALTER TABLE `{table}` {change}", settings={"mutations_sync": 0, "alter_sync": 1})
    message = f"the limits of {kind} changed {_MAX_ROUNDS} times meanwhile"
    raise BadRetention(message)


def _limits(warehouse: Warehouse, kind: Kind) -> dict[str, int]:
    rows = warehouse.query(
        "SELECT project_id, argMax(days, version) FROM retention WHERE kind = {kind:String} GROUP BY project_id",
        parameters={"kind": kind},
    )
    return dict(rows)


def _current(warehouse: Warehouse, table: str) -> str:
    """The table's TTL clause as ClickHouse writes it."""
    rows = warehouse.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
        parameters={"table": table},
    )
    _, _, rest = str(rows[0][0]).partition(" TTL ")
    return rest.rpartition(" SETTINGS ")[0]


def _literals(texts: list[str]) -> str:
    return ", ".join("'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" for text in texts)
