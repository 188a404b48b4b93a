"""The stores of one machine as a command has them: what becomes of a project that is deleted."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from openpanel import metadata
from openpanel.metadata import Database
from openpanel.stream import Pool
from openpanel.tenancy import parse
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_local import stores
from openpanel_local.engines.clickhouse import ClickHouse
from openpanel_local.installation import POOL, SHARDS
from openpanel_local.layout import Layout
from openpanel_local.stores import Stores
from tests.stream.builders import remember, remembered

MANIFEST = """
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {name: NAME}
spec:
  clients: [{name: web, type: write}]
  deletionPolicy: POLICY
"""


@pytest.fixture
def opened(
    tmp_path: Path,
    valkey_url: str,
    postgres_url: str,
    clickhouse: ClickHouse,
    clickhouse_database: Callable[[], str],
) -> Iterator[Stores]:
    layout = Layout(tmp_path / "data")
    layout.create()
    metadata.migrate(postgres_url)
    with (
        Database(postgres_url) as database,
        Warehouse(clickhouse.url, database=clickhouse_database()) as warehouse,
        redis.Redis.from_url(valkey_url) as client,
    ):
        migrations.migrate(warehouse, form=Single())
        yield Stores(layout, database, warehouse, client)


@pytest.mark.parametrize(("policy", "is_left"), [("Delete", False), ("Retain", True)])
def test_removed_project_leaves_no_key(opened: Stores, policy: str, is_left: bool) -> None:
    name, pool = f"keyed-{policy.lower()}", Pool(POOL, SHARDS)
    stores.apply(opened, parse(MANIFEST.replace("NAME", name).replace("POLICY", policy)))
    remember(opened.redis, pool=pool, project=name)

    stores.remove(opened, name)

    assert bool(remembered(opened.redis, pool=pool, project=name)) == is_left


def test_removed_project_leaves_no_half_run_demo_behind(opened: Stores) -> None:
    stores.apply(opened, parse(MANIFEST.replace("NAME", "filled").replace("POLICY", "Delete")))
    kept = opened.layout.demo_of("filled")
    kept.write_text("{}")

    stores.remove(opened, "filled")

    assert not kept.exists()
