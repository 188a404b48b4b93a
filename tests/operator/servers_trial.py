"""Asks the engine what the operator asks servers: `python -m tests.operator.servers_trial FOLDER`.

Ends with `os._exit`, since the engine's stand-in for Keeper, whose tables cannot be written, aborts at exit.
"""

import os
import sys
import traceback
from pathlib import Path

from openpanel.warehouse import topology
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Clustered
from openpanel_operator import servers
from openpanel_operator.desired import Node
from tests.warehouse.embedded import CLUSTER, EmbeddedWarehouse, Shard


def asked(folder: Path) -> None:
    """Every statement is one that a server with the tables of a cluster takes."""
    clusters = {CLUSTER: [Shard(9000), Shard(9001, weight=0)], "open": [Shard(9000), Shard(9001)]}
    server = EmbeddedWarehouse(folder, database="furnished", clusters=clusters)
    migrate(server, form=Clustered())
    leaving, last = Node(1, 0), Node(0, 1)
    both = {Node(0, 0): server, leaving: server}

    assert servers.is_furnished(server, Clustered())
    assert servers.delay(server) is None  # the stand-in's tables are read-only
    assert servers.is_spare(leaving, leaving=frozenset({leaving}), servers=both, cluster=CLUSTER)
    assert not servers.is_spare(leaving, leaving=frozenset({leaving}), servers=both, cluster="open")
    replicas = {Node(0, 0): server, last: server}
    assert not servers.is_spare(last, leaving=frozenset({last}), servers=replicas, cluster=CLUSTER)
    assert topology.hosts(server, cluster=CLUSTER) == ("127.0.0.1",)
    assert topology.hosts(server, cluster="nowhere") == ()


def main() -> None:
    """Ask; the exit status says whether all was as expected."""
    status = 1
    try:
        asked(Path(sys.argv[1]))
        status = 0
    except BaseException:  # noqa: BLE001 - the process ends here, and must not end by itself
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
