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
    await follow(redis, CHANNEL, heard=lambda data: changed(data.decode()), begun=all_changed)


async def follow(
    redis: redis.asyncio.Redis, channel: str, *, heard: Callable[[bytes], None], begun: Callable[[], None]
) -> None:
    """Call `heard` with each message of a channel, and `begun` whenever the listening begins anew."""
    while True:
        try:
            async with redis.pubsub() as subscription:
                await subscription.subscribe(channel)
                await _receive(subscription, heard, begun)
        except (RedisError, OSError, TimeoutError):
            _log.warning("news_lost", channel=channel)
            await asyncio.sleep(RETRY_SECONDS)


async def _receive(
    subscription: redis.asyncio.client.PubSub, heard: Callable[[bytes], None], begun: Callable[[], None]
) -> None:
    while True:
        message = await subscription.get_message(timeout=WAIT_SECONDS)
        if message is None:
            await subscription.ping()
        elif message["type"] == "subscribe":
            begun()
        elif message["type"] == "message":
            data = message["data"]
            heard(data if isinstance(data, bytes) else str(data).encode())
