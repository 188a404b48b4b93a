"""Which pod of the stores goes next when its template changed: one at a time, broken ones first, never a healthy one
while another is away.

StatefulSets do not replace a pod that never became ready under a template that was taken back; here it is the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """The pod of one StatefulSet, as it is."""

    name: str
    """The pod's name."""
    order: tuple[int, ...]
    """Shard and replica, or the member's index: the highest goes first."""
    outdated: bool
    """Whether it runs another revision of the template than its set has."""
    ready: bool
    caught_up: bool = True
    """Whether it has all that the others have; a Keeper member: whether it follows."""


def next_to_replace(servers: Sequence[Server]) -> Server | None:
    """The server whose pod is to be deleted now; None: nothing is to do, or it is to be waited."""
    outdated = sorted((server for server in servers if server.outdated), key=lambda server: server.order)
    broken = [server for server in outdated if not server.ready]
    if broken:
        return broken[-1]
    if not outdated or not all(server.ready and server.caught_up for server in servers):
        return None
    return outdated[-1]
