"""A migrated ClickHouse database for questions, and a way to put rows into it as a worker does."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from openpanel.warehouse import Warehouse
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Single, Table
from openpanel_local.engines.clickhouse import ClickHouse
from tests.warehouse import rows

_tokens = count()


@pytest.fixture(scope="session")
def warehouse(clickhouse: ClickHouse, clickhouse_database: Callable[[], str]) -> Iterator[Warehouse]:
    """One database for all questions; each test asks about a project of its own."""
    with Warehouse(clickhouse.url, database=clickhouse_database()) as opened:
        migrate(opened, form=Single())
        yield opened


@pytest.fixture(scope="session")
def insert(warehouse: Warehouse) -> Callable[[Table, rows.Rows], None]:
    """Insert rows as one block."""
    return lambda table, block: rows.insert(warehouse, table, block, token=f"test:{next(_tokens)}")


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project that no other test uses."""
    return str(request.node.nodeid)
