"""The streams of projects that go, in a cluster's Redis: what waits in them, the end of a project's own, and of what
those of all remember of it."""

from datetime import datetime

import redis

from openpanel.metadata import SHARED_POOL
from openpanel.stream.depths import depth
from openpanel.stream.ending import drop, waiting_since
from openpanel.stream.keys import Pool
from openpanel.stream.sweep import forget
from openpanel.tenancy.pools import own_name
from openpanel.tenancy.streams import Waiting
from openpanel.tenancy.workload import MOST_PODS


class ProjectStreams:
    """Implements `tenancy.streams.Streams`."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def waiting(self, project: str, *, pool: str, shards: int, until: datetime) -> Waiting:
        """What may wait of the project in all streams that took its events, now or before; of others, until then.

        Its own streams are looked at also when others take its events now, and those of all projects also when its
        own do: it may have been otherwise until lately. They are as many as a pool has at most.
        """
        own = Pool(own_name(project), MOST_PODS)
        others = (
            {SHARED_POOL: MOST_PODS}
            if pool in {own.name, SHARED_POOL}
            else {SHARED_POOL: MOST_PODS, pool: shards}
        )
        until_ms = int(until.timestamp() * 1_000)
        return Waiting(
            own=depth(self._client, pool=own),
            among_others=sum(
                waiting_since(self._client, pool=Pool(name, number), until_ms=until_ms)
                for name, number in others.items()
            ),
        )

    def drop(self, project: str) -> None:
        """Take away the pool of its own, if it ever had one, with all that waits there."""
        drop(self._client, pool=Pool(own_name(project), MOST_PODS))

    def forget(self, project: str) -> None:
        """Take away what the streams of all projects remember of it: a `tenancy.streams.Forget`."""
        forget(self._client, pool=Pool(SHARED_POOL, MOST_PODS), project=project)
