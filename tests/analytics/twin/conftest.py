"""How worlds come in: every block of events comes again, as a successor repeats what a crash left open."""

from collections.abc import Callable
from itertools import count

import pytest

from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Table
from tests.warehouse import rows

_tokens = count()


@pytest.fixture(scope="session")
def insert(warehouse: Warehouse) -> Callable[[Table, rows.Rows], None]:
    """Insert rows as one block; those of events a second time, with the token of the first."""

    def insert_with_repeats(table: Table, block: rows.Rows) -> None:
        token, encoded = f"twin:{next(_tokens)}", rows.block_of(table.written, block)
        for _ in range(2 if table is tables.EVENTS else 1):
            warehouse.insert_native(table.name, columns=table.column_names, block=encoded, token=token)

    return insert_with_repeats
