"""A `Warehouse` over the engine in this process, with clusters and a stand-in for Keeper.

For a process that is thrown away: the stand-in aborts at exit, so it ends with `os._exit`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import clickhouse_connect

from openpanel.warehouse import Warehouse

CLUSTER: Final = "openpanel"
OWN_PORT: Final = 9000  # a shard is local only when its port is the one this engine says it has

_ENGINE: Final = """\
<clickhouse>
    <tcp_port>{port}</tcp_port>
    <remote_servers>{clusters}</remote_servers>
    <macros><shard>01</shard><replica>a</replica></macros>
    <zookeeper><implementation>testkeeper</implementation>
        <node><host>127.0.0.1</host><port>2181</port></node>
    </zookeeper>
</clickhouse>
"""
_SHARD: Final = """\
<shard><weight>{weight}</weight><internal_replication>true</internal_replication>
    <replica><host>127.0.0.1</host><port>{port}</port><compression>false</compression></replica>
</shard>
"""


class Shard(NamedTuple):
    """Where a shard listens, and how much of what is written it gets."""

    port: int
    weight: int = 1


class EmbeddedWarehouse(Warehouse):
    """Everything of a `Warehouse` but the way to the engine."""

    def __init__(
        self, folder: Path, *, database: str, clusters: Mapping[str, Sequence[Shard]] | None = None
    ) -> None:
        """`clusters`: the shards of each; the first warehouse of a process decides for all."""
        super().__init__("http://embedded", database=database)
        self._folder = folder
        self._clusters = clusters or {CLUSTER: [Shard(OWN_PORT)]}

    def _connect(self, *, database: str | None, answer_s: float = 0) -> Any:  # noqa: ARG002 - a call waits by itself
        config = self._folder / "engine.xml"
        path = f"{self._folder / 'data'}?config-file={config}"
        if not _kept:
            config.write_text(_ENGINE.format(port=OWN_PORT, clusters=_clusters(self._clusters)))
            _kept.append(clickhouse_connect.get_client(interface="chdb", path=path))
        client: Any = clickhouse_connect.get_client(interface="chdb", path=path, database=database)
        insert = client.raw_insert

        def insert_by_itself(*given: Any, settings: dict[str, object], **more: Any) -> Any:
            """The engine listens nowhere: the shard that it is it reaches only within itself."""
            return insert(*given, settings={**settings, "prefer_localhost_replica": 1}, **more)

        client.raw_insert = insert_by_itself
        return client


def _clusters(clusters: Mapping[str, Sequence[Shard]]) -> str:
    return "".join(
        f"<{name}>{''.join(_SHARD.format(**shard._asdict()) for shard in shards)}</{name}>"
        for name, shards in clusters.items()
    )


# The engine stops with its last connection, and then hangs where it has met the stand-in for Keeper.
_kept: Final[list[Any]] = []
