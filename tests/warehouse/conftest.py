"""ClickHouse databases, empty or migrated."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from openpanel.warehouse import Warehouse
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Single
from openpanel_local.engines.clickhouse import ClickHouse


@pytest.fixture(scope="session")
def warehouse(clickhouse: ClickHouse, clickhouse_database: Callable[[], str]) -> Iterator[Warehouse]:
    """A migrated database that tests share; each uses a project of its own."""
    with Warehouse(clickhouse.url, database=clickhouse_database()) as opened:
        migrate(opened, form=Single())
        yield opened


@pytest.fixture
def empty_warehouse(
    clickhouse: ClickHouse, clickhouse_database: Callable[[], str]
) -> Iterator[Callable[[], Warehouse]]:
    """Opens a new, empty database at each call."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Warehouse(clickhouse.url, database=clickhouse_database()))


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project that no other test uses."""
    return str(request.node.nodeid)
