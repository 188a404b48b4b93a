"""What only a cluster can show, tried in a process of its own: `python -m tests.warehouse.trial FOLDER PART`.

Ends with `os._exit`, since the engine's stand-in for Keeper aborts at exit. The tests beside it start it.

    ddl        migrate with replicated tables on the stand-in for Keeper, twice
    answers    every question over Distributed tables, compared with the same question over single tables
    placing    what inserts leave on two shards, however often and by whichever server they are repeated
"""

import os
import random
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from openpanel.analytics.asking import LIMITS
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse, tables, views
from openpanel.warehouse.migrations import MIGRATIONS, migrate
from openpanel.warehouse.retention import KINDS, apply_retention, bring
from openpanel.warehouse.schema import REMEMBERED_SECONDS, Clustered, Single, Table, local_name, render
from tests.analytics.questions import NOW, questions
from tests.analytics.worlds import World, a_world
from tests.warehouse import rows
from tests.warehouse.embedded import EmbeddedWarehouse
from tests.warehouse.placing import placing

_REPLICATED: Final = re.compile(r"ENGINE = Replicated(\w+)\('[^']*', '[^']*'(?:, )?")
_tokens = count()


def ddl(folder: Path) -> None:
    """Columns, keys, TTL, macros and paths are what the engine takes, and a second run finds nothing to do.

    The server once was a replica of two of the tables and has lost them.
    """
    warehouse = EmbeddedWarehouse(folder, database="replicated")
    _leave_dead_replica(warehouse, tables.EVENTS, tables.DAYS)

    assert migrate(warehouse, form=Clustered()) == MIGRATIONS
    assert migrate(warehouse, form=Clustered()) == ()

    engines = dict(
        warehouse.query("SELECT name, engine FROM system.tables WHERE database = currentDatabase()")
    )
    for table in (table for table in tables.ALL if table.scope == "data"):
        assert engines[table.name] == "Distributed"
        assert engines[f"{table.name}_local"] == f"Replicated{table.engine.partition('(')[0]}"


def _leave_dead_replica(warehouse: EmbeddedWarehouse, *lost: Table) -> None:
    """What Keeper has of a server that has lost its volume: a replica of its name, and nobody who is it."""
    former = EmbeddedWarehouse(warehouse._folder, database="former")
    former.create_database()
    for table in lost:
        statement = render(table, form=Clustered())[0]
        former.command(statement.replace("{database}", warehouse.database))
        former.command(f"DETACH TABLE {local_name(table, form=Clustered())}")


def answers(folder: Path) -> None:
    """Distributed tables over local ones without replication, which the stand-in cannot write to."""
    clustered = EmbeddedWarehouse(folder, database="clustered")
    clustered.create_database()
    for statement in (s for subject in (*tables.ALL, *views.ALL) for s in render(subject, form=Clustered())):
        clustered.command(_unreplicated(statement))
    single = EmbeddedWarehouse(folder, database="single")
    migrate(single, form=Single())
    world = a_world(random.Random(3), sessions=200, timezone="Asia/Seoul", now=NOW, overrides=40)
    for warehouse in (single, clustered):
        _load(world, warehouse)

    for name, question in questions("p").items():
        for source in (question.exact, *([Source.ROLLUP] if question.rolled_up else [])):
            asked = question.statement(source)
            found = [
                question.answer(each.query(asked.sql, parameters=asked.parameters, settings=LIMITS), source)
                for each in (single, clustered)
            ]
            assert found[0] == found[1], f"{name} from {source}: {found}"
    assert _count(clustered, "events") == len(world.events)
    _check_repeat_through_distributed(clustered)
    _check_retention(clustered)


def _check_repeat_through_distributed(clustered: Warehouse) -> None:
    block = [{"project_id": "repeated", "profile_id": str(number), "version": 1} for number in range(10)]
    for _ in range(3):
        rows.insert(clustered, tables.PROFILES, block, token="the same")
    assert _count(clustered, "profiles_local", project="repeated") == 10


def _check_retention(clustered: Warehouse) -> None:
    days = dict.fromkeys(KINDS, 30)
    changed = apply_retention(clustered, project="p", days=days, form=Clustered())
    assert "events" in changed
    assert apply_retention(clustered, project="p", days=days, form=Clustered()) == ()

    clustered.command("ALTER TABLE dead_letters_local REMOVE TTL")
    bring(clustered, "deadLetters", form=Clustered())
    [(letters,)] = clustered.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'dead_letters_local'"
    )
    assert "TTL toDateTime(received_at) + toIntervalDay(30)" in letters


def _unreplicated(statement: str) -> str:
    plain = _REPLICATED.sub(lambda match: f"ENGINE = {match[1]}(", statement)
    plain = plain.replace(" replicated_deduplication_window =", " non_replicated_deduplication_window =")
    return plain.replace(f", replicated_deduplication_window_seconds = {REMEMBERED_SECONDS}", "")


def _load(world: World, warehouse: Warehouse) -> None:
    for table, block in ((tables.EVENTS, world.events), (tables.PERSON_OVERRIDES, world.overrides)):
        rows.insert(warehouse, table, [{**row, "project_id": "p"} for row in block], token=str(next(_tokens)))


def _count(warehouse: Warehouse, table: str, *, project: str = "p") -> int:
    sql = f"SELECT count() FROM {table} WHERE project_id = {{project:String}}"
    return int(warehouse.query(sql, parameters={"project": project})[0][0])


PARTS: Final[Mapping[str, Callable[[Path], None]]] = {
    "ddl": ddl,
    "answers": answers,
    "placing": lambda folder: placing(folder, _unreplicated),
}


def main() -> None:
    """Try one part; the exit status says whether it held."""
    status = 1
    try:
        PARTS[sys.argv[2]](Path(sys.argv[1]))
        status = 0
    except BaseException:  # noqa: BLE001 - the process ends here, and must not end by itself
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
