"""A `Warehouse` over the engine in this process, with a cluster of one shard or a stand-in for Keeper.

For a process that is thrown away: the stand-in aborts at exit, so it ends with `os._exit`.
"""

from pathlib import Path
from typing import Any, Final

import clickhouse_connect

from openpanel.warehouse import Warehouse

CLUSTER: Final = "openpanel"

# A shard is local only when its port is the one this engine says it has.
_SHARD: Final = """\
<clickhouse>
    <tcp_port>9000</tcp_port>
    <remote_servers><openpanel><shard><internal_replication>true</internal_replication>
        <replica><host>127.0.0.1</host><port>9000</port></replica>
    </shard></openpanel></remote_servers>
    <macros><shard>01</shard><replica>a</replica></macros>
    <zookeeper><implementation>testkeeper</implementation>
        <node><host>127.0.0.1</host><port>2181</port></node>
    </zookeeper>
</clickhouse>
"""


class EmbeddedWarehouse(Warehouse):
    """Everything of a `Warehouse` but the way to the engine."""

    def __init__(self, folder: Path, *, database: str) -> None:
        super().__init__("http://embedded", database=database)
        self._folder = folder

    def _connect(self, *, database: str | None) -> Any:
        config = self._folder / "engine.xml"
        config.write_text(_SHARD)
        path = f"{self._folder / 'data'}?config-file={config}"
        if not _kept:
            _kept.append(clickhouse_connect.get_client(interface="chdb", path=path))
        return clickhouse_connect.get_client(interface="chdb", path=path, database=database)


# The engine stops with its last connection, and then hangs where it has met the stand-in for Keeper.
_kept: Final[list[Any]] = []
