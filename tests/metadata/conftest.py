"""One migrated database for the whole room; every test uses projects and people of its own."""

from collections.abc import Callable, Iterator

import pytest

from openpanel.metadata import Database, migrate


@pytest.fixture(scope="package")
def database(postgres_database: Callable[[], str]) -> Iterator[Database]:
    """A database with all tables."""
    url = postgres_database()
    migrate(url)
    with Database(url) as opened:
        yield opened
