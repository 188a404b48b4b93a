"""The client for what may block (workers, orders): it leaves a Redis that a failover has made a replica.

Such a Redis keeps its connections and refuses every write on them; a new connection leads to the new primary.
"""

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry


def blocking_client(url: str, **seconds: float) -> redis.Redis:
    """A client that does nothing twice by itself: the refused write is told, and the next one connects anew.

    `seconds` are the time-outs of redis-py.
    """
    # With the error named here redis-py closes the connection, and with no retries it leaves it at that.
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), retry_on_error=[ReadOnlyError], **seconds)
