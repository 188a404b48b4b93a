"""Trials of places by the operator's own stores, on an engine that may call S3: `python -m tests.operator.place_trial …`.

    FOLDER S3-URL KEY SECRET      prints for each place what the trial says

The engine of one machine is shut off from the network; this one is the same engine without the fence, in a process of
its own.
"""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from openpanel.tenancy.snapshot_places import S3
from openpanel.warehouse import Warehouse
from openpanel_operator.real_stores import Opened, RealStores
from openpanel_operator.stores import Addresses, SnapshotUnderWay
from tests.warehouse.embedded import EmbeddedWarehouse

AT: Final = Addresses(
    redis="redis://127.0.0.1:1/0",
    postgres="postgresql://nobody@127.0.0.1:1/none",
    clickhouse="http://nobody:none@127.0.0.1:1",
    owner="panel",
)


class Calling(RealStores):
    """The same stores with another engine."""

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__(clock=lambda: datetime.now(UTC))
        self._calling = warehouse

    def _open(self, at: Addresses) -> Opened:
        opened = super()._open(at)
        opened.warehouse = self._calling
        return opened


async def said(stores: RealStores, place: S3) -> str:
    """What the trial of a place says, when it has ended."""
    while True:
        try:
            fault = await stores.try_place(place, AT)
        except SnapshotUnderWay:
            continue  # each question waits for a while itself
        return f"{fault.reason}: {fault.message}" if fault else ""


async def tried(folder: Path, url: str, key: str, secret: str) -> dict[str, str]:
    places = {
        "right": S3(f"{url}/snapshots/panel", key, secret),
        "another secret": S3(f"{url}/snapshots/panel", key, "another"),
        "no bucket": S3(f"{url}/missing/panel", key, secret),
        "no right": S3(f"{url}/closed/panel", key, secret),
        "no room": S3(f"{url}/full/panel", key, secret),
        "nobody": S3("http://127.0.0.1:1/snapshots", key, secret),
    }
    stores = Calling(EmbeddedWarehouse(folder, database="default"))
    return {name: await said(stores, place) for name, place in places.items()}


if __name__ == "__main__":
    outcome = asyncio.run(tried(Path(sys.argv[1]), *sys.argv[2:]))
    sys.stdout.write(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)
