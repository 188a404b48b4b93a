"""What all tests of the worker share: opened data files, a migrated database per test, a world in it."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openpanel.enrich.agents import Agents
from openpanel.enrich.bots import BotList
from openpanel.enrich.geo import Geo
from openpanel.enrich.referrer import Referrers
from openpanel.enrich.user_agent import AgentParser
from openpanel.warehouse import Warehouse
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Single
from openpanel_worker.surroundings import Enrichers
from tests.worker.builders import World, a_world
from tests.worker.faults import FaultyWarehouse


@pytest.fixture(scope="session")
def enrichers() -> Enrichers:
    """The data files, opened once."""
    return Enrichers(Agents(parser=AgentParser(), bots=BotList()), Geo(), Referrers.shipped())


@pytest.fixture(scope="session")
def migrated(clickhouse: Any, clickhouse_database: Callable[[], str]) -> Iterator[Warehouse]:
    """A warehouse with all tables."""
    with Warehouse(clickhouse.url, database=clickhouse_database()) as opened:
        migrate(opened, form=Single())
        # What these tests send is as old as their clock is behind; letters would expire as they are written.
        opened.command("ALTER TABLE dead_letters REMOVE TTL")
        yield opened


@pytest.fixture
def warehouse(migrated: Warehouse) -> Warehouse:
    """The warehouse, empty."""
    filled = migrated.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
        " AND name != 'schema_migrations'"
    )
    for (name,) in filled:
        migrated.command(f"TRUNCATE TABLE `{name}`")
    return migrated


@pytest.fixture
async def world(
    valkey_url: str, tmp_path: Path, warehouse: Warehouse, enrichers: Enrichers
) -> AsyncIterator[World]:
    """A project in Seoul's time with a stream of one shard."""
    async with a_world(
        valkey_url, tmp_path, warehouse=warehouse, enrichers=enrichers, timezone="Asia/Seoul"
    ) as made:
        yield made


@pytest.fixture
def faulty(clickhouse: Any, warehouse: Warehouse) -> Iterator[Callable[..., FaultyWarehouse]]:
    """Makes warehouses on the same tables that fail as told."""
    made: list[FaultyWarehouse] = []

    def make(**faults: Any) -> FaultyWarehouse:
        made.append(FaultyWarehouse(clickhouse.url, database=warehouse.database, **faults))
        return made[-1]

    yield make
    for one in made:
        one.close()
