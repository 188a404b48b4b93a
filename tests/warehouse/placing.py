"""What a cluster of two shards does with inserts, for `trial`: the engine is one shard, the other listens beside it.

Both are databases of one engine; which of them a statement is for is decided by who gets it. A second cluster names the
same two shards with the engine as neither: what is sent by it was asked of another server.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from openpanel.warehouse import Unavailable, Warehouse, tables, views
from openpanel.warehouse.client import INSERTING
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Clustered, Single, Table, local_name, render
from tests.warehouse import rows
from tests.warehouse.embedded import CLUSTER, OWN_PORT, EmbeddedWarehouse, Shard
from tests.warehouse.native_shard import Inserting, Sent, listening
from tests.warehouse.test_deduplication import TARGETS, event, merged, stored

PROJECT: Final = "p"
ELSEWHERE: Final = "elsewhere"  # the cluster as a server that is none of the shards knows it
CLOSING: Final = "closing"  # the cluster when its second shard is to go
WRITTEN: Final = (
    tables.EVENTS,
    tables.PROFILES,
    tables.GROUPS,
    tables.REPLAY_CHUNKS,
    tables.BOTS,
    tables.DEAD_LETTERS,
    tables.PERSON_OVERRIDES,
)
Unreplicated = Callable[[str], str]
NOT_EXPIRED: Final = 4_000_000_000_000  # milliseconds, in the year 2096
LONGEST_S: Final = 200.0  # for an insert to be stored
_TOKEN: Final = "insert_deduplication_token"


@dataclass
class Shards:
    """The two shards, and two servers that are asked to insert."""

    entry: Warehouse  # also the first shard
    other_entry: Warehouse
    second: Warehouse
    failing: list[
        str
    ]  # tables whose next insert finds the second shard gone, once the first one has its part

    @property
    def both(self) -> tuple[Warehouse, Warehouse]:
        return self.entry, self.second

    def counts(self, table: Table) -> list[int]:
        """How many rows each shard has."""
        return [int(one.query(f"SELECT count() FROM {_local(table)}")[0][0]) for one in self.both]

    def placed(self, table: Table) -> None:
        """Every row lies on the shard of the table's sharding key."""
        for number, shard in enumerate(self.both):
            astray = f"SELECT count() FROM {_local(table)} WHERE {table.shard_by} % 2 != {number}"
            assert shard.query(astray) == [(0,)], table.name


def placing(folder: Path, unreplicated: Unreplicated) -> None:
    """Rows lie where the key says and count once, in views too, whatever is repeated, after whatever, and by whom."""
    with _shards(folder, unreplicated) as shards:
        _check_repeats(shards)
        _check_crash(shards, folder)
        _check_copying(shards)
        _check_closed(shards)


def _check_repeats(shards: Shards) -> None:
    for table in WRITTEN:
        block = [_row(table, number) for number in range(40)]
        for entry in (shards.entry, shards.entry, shards.other_entry):
            rows.insert(entry, table, block, token=f"all {table.name}")
        assert sum(shards.counts(table)) == 40, table.name
        assert min(shards.counts(table)) > 0, table.name
        shards.placed(table)
    shards.entry.command(f"TRUNCATE TABLE {_local(tables.EVENTS)}")
    shards.second.command(f"TRUNCATE TABLE {_local(tables.EVENTS)}")


def _check_crash(shards: Shards, folder: Path) -> None:
    """One shard has its part of a block and the other goes away; the block is repeated, by way of another server."""
    dice = random.Random(8)
    events = [event(dice, PROJECT) for _ in range(200)]
    shards.failing.append(_local(tables.EVENTS))
    with pytest.raises(Unavailable):
        rows.insert(shards.entry, tables.EVENTS, events, token="crashed")
    first, second = shards.counts(tables.EVENTS)
    assert first > 0
    assert second == 0

    for entry in (shards.other_entry, shards.entry):
        rows.insert(entry, tables.EVENTS, events, token="crashed")

    assert sum(shards.counts(tables.EVENTS)) == len(events)
    assert shards.counts(tables.EVENTS)[0] == first
    shards.placed(tables.EVENTS)
    whole = EmbeddedWarehouse(folder, database="whole")
    migrate(whole, form=Single())
    rows.insert(whole, tables.EVENTS, events, token="whole")
    for target in TARGETS:
        both = " UNION ALL ".join(f"SELECT * FROM `{one.database}`.`{_local(target)}`" for one in shards.both)
        assert merged(whole, target, f"({both})", PROJECT) == stored(whole, target, PROJECT), target.name


def _check_copying(shards: Shards) -> None:
    """What is made from one table's rows lies where the other's key says, not where the rows were."""
    before = sum(shards.counts(tables.PERSON_OVERRIDES))
    shards.entry.command(
        "INSERT INTO person_overrides SELECT project_id, event_id, 1, 1 FROM events_local",
    )
    assert sum(shards.counts(tables.PERSON_OVERRIDES)) == before + shards.counts(tables.EVENTS)[0]
    shards.placed(tables.PERSON_OVERRIDES)


def _check_closed(shards: Shards) -> None:
    """A shard of weight 0 is one of the cluster's, and gets nothing."""
    table, local = tables.BOTS, _local(tables.BOTS)
    before = shards.counts(table)
    shards.entry.command(f"DROP TABLE {table.name}")
    shards.entry.command(
        f"CREATE TABLE {table.name} AS {local} ENGINE = Distributed('{CLOSING}', 'first', '{local}', {table.shard_by})"
    )
    rows.insert(shards.entry, table, [_row(table, number) for number in range(40)], token="closed")
    assert shards.counts(table) == [before[0] + 40, before[1]]
    known = "SELECT count() FROM system.clusters WHERE cluster = {name:String}"
    assert shards.entry.query(known, parameters={"name": CLOSING}) == [(2,)]


@contextmanager
def _shards(folder: Path, unreplicated: Unreplicated) -> Iterator[Shards]:
    opened: dict[str, EmbeddedWarehouse] = {}
    failing: list[str] = []
    with ExitStack() as stack:
        first = stack.enter_context(listening(_behind(opened, "first", [])))
        second = stack.enter_context(listening(_behind(opened, "second", failing)))
        own, closed = Shard(OWN_PORT), Shard(second, weight=0)
        clusters = {
            CLUSTER: [own, Shard(second)],
            ELSEWHERE: [Shard(first), Shard(second)],
            CLOSING: [own, closed],
        }
        for name in ("first", "second", "other"):
            opened[name] = EmbeddedWarehouse(folder, database=name, clusters=clusters)
            opened[name].create_database()
        opened["watcher"] = EmbeddedWarehouse(folder, database="first")  # while another connection inserts
        for name in ("first", "second"):
            for subject in (*tables.ALL, *views.ALL):
                for statement in render(subject, form=Clustered()):
                    opened[name].command(unreplicated(statement))
        for table in WRITTEN:
            opened["other"].command(
                f"CREATE TABLE {table.name} AS first.{_local(table)}"
                f" ENGINE = Distributed('{ELSEWHERE}', 'first', '{_local(table)}', {table.shard_by})"
            )
        yield Shards(opened["first"], opened["other"], opened["second"], failing)


def _behind(opened: Mapping[str, EmbeddedWarehouse], name: str, failing: list[str]) -> Inserting:
    """The shard is a database of the engine; what was sent is inserted under the settings that came along."""

    def types(table: str) -> dict[str, str]:
        sql = "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String}"
        return dict(opened[name].query(sql, parameters={"database": name, "table": table}))

    def insert(sent: Sent) -> None:
        if sent.table in failing:
            failing.remove(sent.table)
            _wait_for_rows(opened["watcher"], sent.table)
            raise ConnectionError
        settings = {key: sent.settings[key] for key in (*INSERTING, _TOKEN) if key in sent.settings}
        client: Any = opened[name]._opened()
        client.raw_insert(
            sent.table,
            column_names=[f"`{column}`" for column in sent.columns],
            insert_block=sent.block,
            fmt="Native",
            settings=settings,
        )

    return Inserting(types, insert)


def _wait_for_rows(shard: Warehouse, table: str) -> None:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until and shard.query(f"SELECT count() FROM {table}") == [(0,)]:
        time.sleep(0.01)


def _row(table: Table, number: int) -> dict[str, object]:
    keys = ("event_id", "profile_id", "group_id", "session_id", "device_id", "person")
    names = {name for name in keys if name in table.column_names}
    texts = {"profile_id", "group_id"}
    row: dict[str, object] = {
        "project_id": "repeated",
        **{name: str(number) if name in texts else number for name in names},
    }
    # Of tables whose rows go after thirty days unless a project says otherwise.
    row |= dict.fromkeys({"started_at", "received_at"}.intersection(table.column_names), NOT_EXPIRED)
    return row


def _local(table: Table) -> str:
    return local_name(table, form=Clustered())
