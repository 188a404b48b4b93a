"""Engines on which a copy goes wrong, or is made of several shards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openpanel.tenancy import snapshot_statements as statements
from openpanel.warehouse import Unavailable
from tests.warehouse.embedded import EmbeddedWarehouse
from tests.warehouse.split import Split


class Breaking(EmbeddedWarehouse):
    """Goes away before its n-th command."""

    def __init__(self, folder: Path, *, database: str, after: int) -> None:
        super().__init__(folder, database=database)
        self._left = after

    def command(self, sql: str, **more: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unavailable("it went away")
        super().command(sql, **more)


class Sharded(EmbeddedWarehouse):
    """The tables of both shards of `split`, of which each shows its own rows to what copies them, too."""

    def __init__(self, folder: Path, places: Split) -> None:
        super().__init__(folder, database=places.cluster.database)
        self._asked = places.cluster

    def query(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:
        return self._asked.query(sql, **more)

    def command(self, sql: str, *, settings: Mapping[str, object] | None = None, **more: Any) -> None:
        own = (f"'{self.database}.{table.name}_local': 'shard = shardNum()'" for table in statements.TABLES)
        filters = {"additional_table_filters": f"{{{', '.join(own)}}}"}
        super().command(sql, settings={**(settings or {}), **filters}, **more)


class Growing(EmbeddedWarehouse):
    """Gets an event after each command."""

    def command(self, sql: str, **more: Any) -> None:
        super().command(sql, **more)
        super().command(
            "INSERT INTO events (project_id, name, created_at, event_id)"
            " SELECT 'growing', 'x', now64(3), generateSnowflakeID()"
        )
