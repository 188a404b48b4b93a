"""The streams of projects that go, in a cluster's Redis: what waits in them, and the end of a project's own."""

from datetime import datetime

import redis

from openpanel.stream.depths import depth
from openpanel.stream.ending import drop, waiting_since
from openpanel.stream.keys import Pool
from openpanel.tenancy.pools import own_name
from openpanel.tenancy.workload import MOST_PODS


class ProjectStreams:
    """Implements `tenancy.streams.Streams`."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def waiting(self, project: str, *, pool: str, shards: int, until: datetime) -> int:
        """At most how many events of the project, taken until then, are not written yet; those in hand count.

        Its own streams are looked at also when others take its events now: it may have had them until lately.
        """
        own = depth(self._client, pool=Pool(own_name(project), MOST_PODS))
        if pool == own_name(project):
            return own
        until_ms = int(until.timestamp() * 1_000)
        return own + waiting_since(self._client, pool=Pool(pool, shards), until_ms=until_ms)

    def drop(self, project: str) -> None:
        """Take away the pool of its own, if it ever had one, with all that waits there."""
        drop(self._client, pool=Pool(own_name(project), MOST_PODS))
