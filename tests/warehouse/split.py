"""A cluster of two shards within one engine, for questions: each shard has rows of its own.

A shard's rows are made as on a server of its own: in a database of single tables, by its views. An engine takes a shard
that lies in another database for one on another machine, so both shards of the cluster are this engine and the same
tables; what came from which shard is the first column of their keys, so that it is never merged, and a filter leaves
each shard only its own. So a question is planned, sent to two shards and merged as on two machines: what a join or a
set without GLOBAL would miss is missed here, or refused.

For a process that is thrown away, like everything of `embedded`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.native import Column
from openpanel.warehouse.schema import Clustered, Single, Table, local_name, render
from tests.warehouse.embedded import CLUSTER, OWN_PORT, EmbeddedWarehouse, Shard

_SHARDS: Final = ("shard_1", "shard_2")
_ALL: Final = tuple(table for table in tables.ALL if table.scope == "data")
# What is written says by its key on which shard it lies; everything else is made by views.
WRITTEN: Final = tuple(table for table in _ALL if table.shard_by != "rand()")


@dataclass(frozen=True, slots=True)
class Split:
    """The same rows as a whole and over two shards."""

    whole: Warehouse
    cluster: Warehouse

    def spread(self) -> None:
        """Give each shard the rows of the whole that the keys send there, once; its views see only those."""
        for table in WRITTEN:
            for place, shard in enumerate(_SHARDS):
                mine = f"{table.shard_by} % {len(_SHARDS)} = {place}"
                self.whole.command(_copied(table, f"{shard}.{table.name}", f"whole.{table.name}", where=mine))
        for table in _ALL:
            for number, shard in enumerate(_SHARDS, start=1):
                to = f"{self.cluster.database}.{_local(table)}"
                self.whole.command(_copied(table, to, f"{shard}.{table.name}", shard=number))

    def counts(self, table: Table) -> list[int]:
        """How many rows each shard has."""
        return [int(self.whole.query(f"SELECT count() FROM {shard}.{table.name}")[0][0]) for shard in _SHARDS]


class _Cluster(EmbeddedWarehouse):
    """Distributed tables over both shards."""

    def _answer(
        self, sql: str, parameters: Mapping[str, object] | None, settings: Mapping[str, object] | None
    ) -> Any:
        own = (f"'{self.database}.{_local(table)}': 'shard = shardNum()'" for table in _ALL)
        filters = {"additional_table_filters": f"{{{', '.join(own)}}}"}
        # Nobody listens at this engine's port: it must not call itself, whatever the question says.
        here = {"prefer_localhost_replica": 1}
        return super()._answer(sql, parameters, {**(settings or {}), **filters, **here})


def split(folder: Path) -> Split:
    """Empty tables of both kinds."""
    clusters = {CLUSTER: [Shard(OWN_PORT)] * len(_SHARDS)}
    whole = EmbeddedWarehouse(folder, database="whole", clusters=clusters)
    for warehouse in (whole, *(EmbeddedWarehouse(folder, database=name) for name in _SHARDS)):
        migrate(warehouse, form=Single())
    cluster = _Cluster(folder, database="cluster")
    cluster.create_database()
    for table in _ALL:
        for statement in render(_of_both(table), form=Single()):
            cluster.command(statement)
        cluster.command(
            f"CREATE TABLE {table.name} AS {_SHARDS[0]}.{table.name}"
            f" ENGINE = Distributed('{CLUSTER}', currentDatabase(), '{_local(table)}', {table.shard_by})"
        )
    return Split(whole, cluster)


def _of_both(table: Table) -> Table:
    """The table as it is on a shard, for the rows of both."""
    return replace(
        table,
        name=_local(table),
        columns=(*table.columns, Column("shard", "UInt8")),
        order_by=f"(shard, {table.order_by.removeprefix('(')}",
    )


def _copied(table: Table, to: str, of: str, *, where: str = "1", shard: int | None = None) -> str:
    columns = ", ".join(table.column_names)
    into, found = (columns, columns) if shard is None else (f"{columns}, shard", f"{columns}, {shard}")
    return f"INSERT INTO {to} ({into}) SELECT {found} FROM {of} WHERE {where}"


def _local(table: Table) -> str:
    return local_name(table, form=Clustered())
