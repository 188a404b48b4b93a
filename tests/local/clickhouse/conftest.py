"""Requests to the session's ClickHouse."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client

from openpanel_local.engines.clickhouse import ClickHouse

Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def ask(clickhouse: ClickHouse, clickhouse_database: Callable[[], str]) -> Iterator[Ask]:
    """Posts a statement to a database of the module's own; keywords are fields of the URL."""
    database = clickhouse_database()
    with httpx.Client(base_url=clickhouse.url) as client:

        def post(
            statement: str | bytes = "", *, headers: dict[str, str] | None = None, **fields: Any
        ) -> httpx.Response:
            return client.post(
                "/", content=statement, params={"database": database, **fields}, headers=headers
            )

        yield post


@pytest.fixture
def connected(clickhouse: ClickHouse, clickhouse_database: Callable[[], str]) -> Iterator[Client]:
    """clickhouse-connect as it comes, in a database of the test's own."""
    parts = urlsplit(clickhouse.url)
    client = clickhouse_connect.get_client(
        host=parts.hostname,
        port=parts.port,
        username=parts.username,
        password=parts.password or "",
        database=clickhouse_database(),
    )
    yield client
    client.close()
