"""How long each project's data is kept: a limit in days per project and kind, unset means for ever.

The limits stand in the table `retention`, and each data table's TTL is rendered from all of them: one clause
per number of days, naming its projects. A dictionary look-up would be shorter, but ClickHouse takes no function
in a TTL whose answer may change. In a cluster each server is told.

A changed TTL is a matter of metadata. What is stored already is dated anew in the background, and only where the
project has rows; expired rows then go with the next merges. A limit's version is odd from its being stored until that
is under way, so that a call that died in between is finished by the next.
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
# Fifty years: a DateTime ends in 2106 and then begins anew in 1970, which would count as expired.
MAX_DAYS: Final = 18_250
_MAX_ROUNDS: Final = 10
_LOOKING: Final[Mapping[str, object]] = {
    "max_execution_time": 600
}  # seconds, over all that a project ever sent


class BadRetention(ValueError):
    """A kind that is not kept apart, or a number of days that cannot be."""


@dataclass(frozen=True, slots=True)
class _Kept:
    table: Table
    time: str  # expression of type Date or DateTime
    default_days: int = 0  # for projects without a limit; 0: for ever


@dataclass(frozen=True, slots=True)
class _Limit:
    """What is stored of one project's limit of one kind."""

    days: int  # 0: for ever
    version: int


_NONE: Final = _Limit(days=0, version=0)

_TABLES: Final[Mapping[Kind, tuple[_Kept, ...]]] = {
    "events": (_Kept(tables.EVENTS, "toDateTime(created_at)"),),
    "sessions": (_Kept(tables.SESSIONS, "toDateTime(session_started_at)"),),
    "aggregates": (
        _Kept(tables.DAYS, "day"),
        _Kept(tables.PERSON_WEEKS, "week"),
        _Kept(tables.PATHS, "day"),
        _Kept(tables.DIMENSIONS, "day"),
        _Kept(tables.PROPERTY_NAMES, "last_day"),
        _Kept(tables.PROPERTY_VALUES, "last_day", default_days=90),
        _Kept(tables.PROFILE_ACTIVITY, "toDateTime(last_seen)"),
    ),
    "replays": (_Kept(tables.REPLAY_CHUNKS, "toDateTime(started_at)", default_days=30),),
    "bots": (_Kept(tables.BOTS, "toDateTime(created_at)"),),
    # Also those of no project, which nobody could give a limit to: bodies are kept as they were sent.
    "deadLetters": (_Kept(tables.DEAD_LETTERS, "toDateTime(received_at)", default_days=30),),
}


def apply_retention(
    warehouse: Warehouse, *, project: str, days: Mapping[Kind, int | None], form: Form | None = None
) -> tuple[str, ...]:
    """Give the project these limits; a kind that is left out keeps its own, `None` lifts it.

    Returns the tables whose TTL changed, none when all was so before. Two calls at once for two projects end
    with both limits: each looks once more after it has written.
    """
    _check(days)
    if _stands(warehouse, project, days, form or Single()):
        return ()
    changed: dict[str, None] = {}
    for kind in days:
        version = _begin(warehouse, project, kind, days[kind] or 0)
        for kept in _TABLES[kind]:
            table = local_name(kept.table, form=form or Single())
            if _bring(warehouse, kind, kept, table):
                changed[kept.table.name] = None
            if version is not None:
                _date_anew(warehouse, table, where="project_id = {project:String}", project=project)
        if version is not None:
            _store(warehouse, project, kind, days[kind] or 0, version + 1)
    return tuple(changed)


def bring(warehouse: Warehouse, kind: Kind, *, form: Form) -> None:
    """Give this kind of data the TTL of the limits that stand and of today's default, old rows included."""
    for kept in _TABLES[kind]:
        table = local_name(kept.table, form=form)
        _bring(warehouse, kind, kept, table)
        _date_anew(warehouse, table, where="1")


def ttl(kept_days: Mapping[str, int], *, time: str, default_days: int = 0) -> str:
    """The TTL clause for these projects, as ClickHouse itself writes it; '' when nothing expires.

    Who has the days that all have is not named: a table of a thousand such projects changes for none of them.
    """
    limited = sorted((days, project) for project, days in kept_days.items() if days not in {0, default_days})
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


def _stands(warehouse: Warehouse, project: str, days: Mapping[Kind, int | None], form: Form) -> bool:
    """Whether all of it is so already, which is so for almost every call: two questions instead of thirty."""
    stored, clauses = _stored(warehouse), _clauses(warehouse)
    return all(
        _is_finished(stored.get((kind, project), _NONE), days[kind] or 0)
        and all(
            clauses[local_name(kept.table, form=form)] == _wanted(stored, kind, kept)
            for kept in _TABLES[kind]
        )
        for kind in days
    )


def _begin(warehouse: Warehouse, project: str, kind: Kind, days: int) -> int | None:
    """Store the limit as begun and give its version; `None` when it is stored and finished.

    The version is above all before it, so that the order of calls decides and no clock.
    """
    limit = _stored(warehouse).get((kind, project), _NONE)
    if _is_finished(limit, days):
        return None
    begun = limit.version + 1 + limit.version % 2
    _store(warehouse, project, kind, days, begun)
    return begun


def _store(warehouse: Warehouse, project: str, kind: Kind, days: int, version: int) -> None:
    warehouse.command(
        "INSERT INTO retention SELECT {project:String}, {kind:String}, {days:UInt32}, {version:UInt64}",
        parameters={"project": project, "kind": kind, "days": days, "version": version},
    )


def _bring(warehouse: Warehouse, kind: Kind, kept: _Kept, table: str) -> bool:
    """Make the table's TTL what the stored limits say, until they say nothing else; whether it had to be changed."""
    for attempt in range(_MAX_ROUNDS):
        wanted = _wanted(_stored(warehouse), kind, kept)
        if _clauses(warehouse)[table] == wanted:
            return attempt > 0
        change = f"MODIFY TTL {wanted}" if wanted else "REMOVE TTL"
        warehouse.command(
            f"ALTER TABLE `{table}` {change}", settings={"materialize_ttl_after_modify": 0, "alter_sync": 1}
        )
    message = f"the limits of {kind} changed {_MAX_ROUNDS} times meanwhile"
    raise BadRetention(message)


def _date_anew(warehouse: Warehouse, table: str, *, where: str, **parameters: str) -> None:
    """Have the parts that may hold such rows dated by the table's TTL, without waiting for it.

    Waiting could take as long as reading them. Without a TTL nothing expires, whatever the parts say.
    """
    if not _clauses(warehouse)[table]:
        return
    partitions = warehouse.query(
        f"SELECT DISTINCT _partition_id FROM `{table}` WHERE {where} ORDER BY 1",
        parameters=parameters,
        settings=_LOOKING,
    )
    if partitions:
        changes = ", ".join(f"MATERIALIZE TTL IN PARTITION ID '{partition}'" for (partition,) in partitions)
        warehouse.command(f"ALTER TABLE `{table}` {changes}", settings={"mutations_sync": 0})


def _is_finished(limit: _Limit, days: int) -> bool:
    return limit.days == days and limit.version % 2 == 0


def _wanted(stored: Mapping[tuple[str, str], _Limit], kind: Kind, kept: _Kept) -> str:
    """The TTL clause that the limits of this kind ask of the table."""
    limits = {project: limit.days for (of_kind, project), limit in stored.items() if of_kind == kind}
    return ttl(limits, time=kept.time, default_days=kept.default_days)


def _stored(warehouse: Warehouse) -> dict[tuple[str, str], _Limit]:
    """The limits that were ever given, by kind and project."""
    rows = warehouse.query(
        "SELECT kind, project_id, argMax(days, version), max(version) FROM retention GROUP BY kind, project_id"
    )
    return {(kind, project): _Limit(days, version) for kind, project, days, version in rows}


def _clauses(warehouse: Warehouse) -> dict[str, str]:
    """Each table's TTL clause as ClickHouse writes it; '' where nothing expires."""
    rows = warehouse.query("SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()")
    return {name: _clause(engine) for name, engine in rows}


def _clause(engine: str) -> str:
    _, _, rest = engine.partition(" TTL ")
    return rest.rpartition(" SETTINGS ")[0]


def _literals(texts: list[str]) -> str:
    return ", ".join("'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" for text in texts)
