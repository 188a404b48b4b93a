"""The clustered form: its statements on the engine, its answers, and that work on a shard finishes there."""

import importlib.util
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Single
from tests.warehouse import rows
from tests.warehouse.test_deduplication import TARGETS, event, merged, stored

ROOT = Path(__file__).parents[2]
SHARDS = 3
TRIED_WITHIN_S = 500


@pytest.mark.timeout(TRIED_WITHIN_S + 60)
@pytest.mark.parametrize("part", ["ddl", "answers", "placing"])
def test_cluster_on_the_engine(tmp_path: Path, part: str) -> None:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("needs chdb: pip install 'openpanel[local]'")

    trial = subprocess.run(
        [sys.executable, "-m", "tests.warehouse.trial", str(tmp_path), part],
        cwd=ROOT,
        env={"TZ": "UTC", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=TRIED_WITHIN_S,
        check=False,
    )

    assert trial.returncode == 0, trial.stderr[-5_000:]


def test_shards_together_are_the_whole(empty_warehouse: Callable[[], Warehouse], project: str) -> None:
    dice = random.Random(5)
    events = [_of_device(event(dice, project)) for _ in range(400)]
    whole, *shards = [empty_warehouse() for _ in range(1 + SHARDS)]
    for warehouse in (whole, *shards):
        migrate(warehouse, form=Single())
    rows.insert(whole, tables.EVENTS, events, token="all")
    for number, shard in enumerate(shards):
        rows.insert(shard, tables.EVENTS, _of_shard(whole, events, number), token="part")

    for target in TARGETS:
        together = " UNION ALL ".join(f"SELECT * FROM `{shard.database}`.`{target.name}`" for shard in shards)
        assert merged(whole, target, f"({together})", project) == stored(whole, target, project), target.name


def test_session_lies_on_one_shard(warehouse: Warehouse, project: str) -> None:
    dice = random.Random(6)
    rows.insert(
        warehouse, tables.EVENTS, [_of_device(event(dice, project)) for _ in range(300)], token=project
    )

    spread = warehouse.query(
        f"SELECT max(shards) FROM (SELECT session_id, uniqExact({tables.EVENTS.shard_by} % {SHARDS}) AS shards"
        " FROM events WHERE project_id = {project:String} AND session_id != 0 GROUP BY session_id)",
        parameters={"project": project},
    )

    assert spread == [(1,)]


def _of_device(row: dict[str, object]) -> dict[str, object]:
    """A session belongs to one device."""
    return {
        **row,
        "session_id": int(str(row["session_id"])) * 100 + int(str(row["device_id"]))
        if row["session_id"]
        else 0,
    }


def _of_shard(warehouse: Warehouse, events: rows.Rows, number: int) -> rows.Rows:
    """The events that the sharding key of `events` sends to this shard."""
    devices = warehouse.query(
        f"SELECT DISTINCT device_id FROM events WHERE {tables.EVENTS.shard_by} % {SHARDS} = {number}"
    )
    mine = {device for (device,) in devices}
    return [row for row in events if row["device_id"] in mine]
