"""Listens for changes of clients and projects, as long as the service runs.

A connection that was lost may have lost news with it, so each new subscription starts by distrusting what is cached.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError

CHANNEL: Final = "op:changes"
RETRY_SECONDS: Final = 0.5
WAIT_SECONDS: Final = 1.0  # for news; then the connection is checked

_log: Final = structlog.get_logger(__name__)


async def listen(
    redis: redis.asyncio.Redis, *, changed: Callable[[str], None], all_changed: Callable[[], None]
) -> None:
    """Call `changed` with each topic; runs until cancelled."""
    while True:
        try:
            async with redis.pubsub() as subscription:
                await subscription.subscribe(CHANNEL)
                await _follow(subscription, changed, all_changed)
        except (RedisError, OSError, TimeoutError):
            _log.warning("news_lost")
            await asyncio.sleep(RETRY_SECONDS)


async def _follow(
    subscription: redis.asyncio.client.PubSub, changed: Callable[[str], None], all_changed: Callable[[], None]
) -> None:
    while True:
        message = await subscription.get_message(timeout=WAIT_SECONDS)
        if message is None:
            await subscription.ping()
        elif message["type"] == "subscribe":
            all_changed()
        elif message["type"] == "message":
            topic = message["data"]
            changed(topic.decode() if isinstance(topic, bytes) else str(topic))
