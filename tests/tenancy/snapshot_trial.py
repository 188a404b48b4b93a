"""Snapshots on an engine that may call S3, in a process of its own: `python -m tests.tenancy.snapshot_trial …`.

    FOLDER POSTGRES-URL S3-URL KEY SECRET      prints for each trial how it failed, or nothing

The engine of one machine is shut off from the network; this one is the same engine without the fence.
"""

import inspect
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from openpanel.metadata import Database
from openpanel.tenancy import S3
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Single
from tests.tenancy import snapshot_comes_back, snapshot_refusals
from tests.tenancy.snapshot_comes_back import rows_of_two_shards_come_back
from tests.tenancy.snapshot_project import Trial
from tests.warehouse.embedded import EmbeddedWarehouse

TRIALS: Final = {
    name: trial
    for room in (snapshot_comes_back, snapshot_refusals)
    for name, trial in inspect.getmembers(room, inspect.isfunction)
    if trial.__module__ == room.__name__
}


class _Remembered(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


def main(folder: Path, postgres_url: str, s3_url: str, key: str, secret: str) -> dict[str, str]:
    """How each trial failed; '': it did not."""
    logs = _Remembered()
    logging.root.addHandler(logs)
    logging.root.setLevel(logging.DEBUG)
    ended: dict[str, str] = {}
    warehouse = EmbeddedWarehouse(folder, database="panel")
    split_first = rows_of_two_shards_come_back.__name__
    with Database(postgres_url) as database:
        for name in sorted(TRIALS, key=lambda name: name != split_first):
            place = S3(f"{s3_url}/{name}", key, secret)
            trial = Trial(folder, database, warehouse, place, name.replace("_", "-")[:60].rstrip("-"))
            ended[name] = _ended(trial, TRIALS[name])
    leaked = [line for line in logs.said if secret in line or key in line]
    return {**ended, "nothing_is_logged_of_credentials": "\n".join(leaked)}


def _ended(trial: Trial, tried: Callable[[Trial], None]) -> str:
    try:
        migrate(trial.warehouse, form=Single())
        tried(trial)
    except BaseException:  # noqa: BLE001 - whatever it is, it is told
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    outcome = main(Path(sys.argv[1]), *sys.argv[2:])
    sys.stdout.write(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)
