"""Questions to single ClickHouse servers and Keeper members: is the schema whole, may a server go, who leads.

Reads only. A server that does not answer raises; a member that does not answer is left out.
"""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from openpanel.warehouse import Refused, Warehouse, tables, views
from openpanel.warehouse.errors import UNKNOWN_DATABASE, UNKNOWN_TABLE
from openpanel.warehouse.migrations import MIGRATIONS
from openpanel.warehouse.schema import Clustered, Form, local_name
from openpanel_operator.desired import Node
from openpanel_operator.desired.facts import CAUGHT_UP_S

MEMBER_S: Final = 3.0  # seconds for a Keeper member's answer
CAUGHT_UP_ENTRIES: Final = 1  # of the replication log that a replica may lag behind

_THERE = "SELECT name FROM system.tables WHERE database = currentDatabase()"
_FINISHED = "SELECT DISTINCT number FROM schema_migrations WHERE state = 'finished'"
_LAGGING = """
SELECT count(), countIf(is_readonly OR queue_size > 0 OR log_max_index > log_pointer + {slack:UInt64}
    OR active_replicas < 2 OR absolute_delay > {delay:UInt64})
FROM system.replicas WHERE database = currentDatabase()
"""
_DELAY = """
SELECT max(absolute_delay), countIf(is_readonly OR is_session_expired)
FROM system.replicas WHERE database = currentDatabase()
"""
_OPEN = (
    "SELECT uniqExact(shard_num) FROM system.clusters WHERE cluster = {cluster:String} AND shard_weight > 0"
)
_ENSEMBLE = "SELECT value FROM system.zookeeper WHERE path = '/keeper' AND name = 'config'"
_ROWS = "SELECT sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}"


def answers(server: Warehouse) -> None:
    """Return if the server answers, also when it has no database yet; raises `WarehouseError` if it does not."""
    try:
        server.query("SELECT 1")
    except Refused as refusal:
        if refusal.code != UNKNOWN_DATABASE:
            raise


@dataclass(frozen=True, slots=True)
class Furniture:
    """What a server has of the schema: those of today's tables and views that are there, and finished migrations."""

    names: frozenset[str] = frozenset()
    migrations: frozenset[int] = frozenset()

    def __ge__(self, other: "Furniture") -> bool:
        return self.names >= other.names and self.migrations >= other.migrations

    def __and__(self, other: "Furniture") -> "Furniture":
        return Furniture(self.names & other.names, self.migrations & other.migrations)


def furniture(server: Warehouse, form: Form) -> Furniture:
    """What the server has."""
    try:
        there = frozenset(name for (name,) in server.query(_THERE))
        finished = frozenset(number for (number,) in server.query(_FINISHED))
    except Refused as refusal:
        if refusal.code in {UNKNOWN_DATABASE, UNKNOWN_TABLE}:
            return Furniture()
        raise
    return Furniture(there & whole(form).names, finished)


def whole(form: Form) -> Furniture:
    """All of this version."""
    names = {table.name for table in tables.ALL} | {view.name for view in views.ALL}
    if isinstance(form, Clustered):
        names |= {local_name(table, form=form) for table in tables.ALL}
    return Furniture(frozenset(names), frozenset(migration.number for migration in MIGRATIONS))


def is_furnished(server: Warehouse, form: Form) -> bool:
    """Whether the server has every table and view, and every migration was finished."""
    return furniture(server, form) >= whole(form)


def furnished(found: Mapping[Node, Furniture], form: Form, *, like: Collection[Node]) -> dict[Node, bool]:
    """Whether each server has every table and view.

    As long as the newest migrations have not come to all that had every table before, `like`, what these have in
    common is enough: services of an older version want no more. A server that lost its volume has nothing of it.
    """
    needed = whole(form)
    held = [each for node, each in found.items() if node in like and each.migrations]
    if held:
        common = reduce(Furniture.__and__, held)
        needed = common if needed.migrations - common.migrations else needed
    return {node: each >= needed for node, each in found.items()}


def delay(server: Warehouse) -> int | None:
    """By how many seconds the server is behind its shard; None: it takes no part in replication now."""
    ((seconds, idle),) = server.query(_DELAY)
    return None if idle else int(seconds)


def is_spare(
    node: Node, *, leaving: frozenset[Node], servers: Mapping[Node, Warehouse], cluster: str
) -> bool:
    """Whether the server's data are all on replicas that stay.

    Of a shard that goes as a whole: whether it is empty, and no server of the cluster writes there any more.
    """
    staying = [other for other in servers if other.shard == node.shard and other not in leaving]
    if not staying:
        return node in servers and _is_closed(leaving, servers, cluster) and _is_empty(servers[node])
    slack = {"slack": CAUGHT_UP_ENTRIES, "delay": CAUGHT_UP_S}
    for other in staying:
        ((count, lagging),) = servers[other].query(_LAGGING, parameters=slack)
        if not count or lagging:
            return False
    return True


def members(server: Warehouse) -> tuple[int, ...]:
    """Indices of the members that the ensemble has committed to, as it tells this server."""
    ((text,),) = server.query(_ENSEMBLE)
    return tuple(
        sorted(int(number) - 1 for number in re.findall(r"^server\.(\d+)=", str(text), re.MULTILINE))
    )


async def synced_members(members: Sequence[tuple[str, int]]) -> int:
    """Of how many members the leader says that all are in sync; 0: there is no leader, or one lags."""
    answers = await asyncio.gather(*(_four_letters(host, port, b"mntr") for host, port in members))
    told = [_numbers(answer) for answer in answers if answer]
    leader = next((each for each in told if each.get("zk_server_state") in {"leader", "standalone"}), None)
    if leader is None:
        return 0
    followers = int(leader.get("zk_followers", "0"))
    return followers + 1 if int(leader.get("zk_synced_followers", "0")) == followers else 0


def _is_closed(leaving: frozenset[Node], servers: Mapping[Node, Warehouse], cluster: str) -> bool:
    """Whether every server has heard that only the shards that stay are written to; each may be asked to insert."""
    kept = len({node.shard for node in servers if node not in leaving})
    told = (server.query(_OPEN, parameters={"cluster": cluster}) for server in servers.values())
    return all(0 < number <= kept for ((number,),) in told)


def _is_empty(server: Warehouse) -> bool:
    names = [local_name(table, form=Clustered()) for table in tables.ALL if table.scope == "data"]
    ((rows,),) = server.query(_ROWS, parameters={"tables": names})
    return not rows


async def _four_letters(host: str, port: int, command: bytes) -> str:
    try:
        async with asyncio.timeout(MEMBER_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(command)
                await writer.drain()
                return (await reader.read()).decode(errors="replace")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""


def _numbers(answer: str) -> dict[str, str]:
    pairs = (line.split("\t", 1) for line in answer.splitlines() if "\t" in line)
    return {name: value.strip() for name, value in pairs}
