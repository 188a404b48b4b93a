"""Both stores, migrated once for the room; every test uses projects of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from openpanel.metadata import Database, migrate
from openpanel.tenancy import Issued
from openpanel.tenancy.provisioning import World
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_local.engines.clickhouse import ClickHouse


@pytest.fixture(scope="package")
def database(postgres_database: Callable[[], str]) -> Iterator[Database]:
    """A PostgreSQL database with all tables."""
    url = postgres_database()
    migrate(url)
    with Database(url) as opened:
        yield opened


@pytest.fixture(scope="package")
def warehouse(clickhouse: ClickHouse, clickhouse_database: Callable[[], str]) -> Iterator[Warehouse]:
    """A ClickHouse database with all tables."""
    with Warehouse(clickhouse.url, database=clickhouse_database()) as opened:
        migrations.migrate(opened, form=Single())
        yield opened


@dataclass
class Surroundings:
    """A world that remembers what it was told, and whose clock stands still until a test moves it."""

    database: Database
    warehouse: Warehouse
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    told: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    delivered: dict[str, Issued] = field(default_factory=dict)
    secrets: int = 0

    @property
    def world(self) -> World:
        return World(
            self.database, self.warehouse, self.told.append, lambda: self.now, self.fresh_secret,
            deliver=self.delivered.__setitem__,
        )  # fmt: skip

    def fresh_secret(self) -> str:
        self.secrets += 1
        return f"sec_{self.secrets:040x}"


@pytest.fixture
def around(database: Database, warehouse: Warehouse) -> Surroundings:
    """The world of one test."""
    return Surroundings(database, warehouse)
