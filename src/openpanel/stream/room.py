"""How full Redis is. Past a share of its memory nothing more is taken: what workers need to empty it must still fit.

One per process, asked once a second; who commits only reads the last answer.
"""

import asyncio
from typing import Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError

TAKEN_SHARE: Final = 0.8  # of `maxmemory`
REFRESH_S: Final = 1.0

_log = structlog.get_logger(__name__)


class Room:
    """Whether Redis had room for more when it was last asked; one without a bound on its memory always has."""

    def __init__(self, redis: redis.asyncio.Redis) -> None:
        self._redis = redis
        self._is_there = True

    def is_there(self) -> bool:
        """The last answer."""
        return self._is_there

    async def refresh(self) -> None:
        """Ask."""
        memory = await self._redis.info("memory")
        bound = int(memory.get("maxmemory", 0))
        taken = int(memory["used_memory"]) - int(memory.get("mem_not_counted_for_evict", 0))
        is_there = not bound or taken < TAKEN_SHARE * bound
        if is_there != self._is_there:
            _log.warning("redis.room", is_there=is_there, taken=taken, bound=bound)
        self._is_there = is_there

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            try:
                await self.refresh()
            except (RedisError, OSError) as error:  # the last answer stands; what commits notices by itself
                _log.info("redis.room_unknown", reason=str(error)[:300])
            await asyncio.sleep(REFRESH_S)
