"""Refused credentials of an address, told to the other processes of the installation, so that one bound holds for all.

Counted where they happen and told four times a second, so nobody waits for it. An address that asks all processes at
once gets at most what each of them lets through in that time beyond the bound. While Redis is away each process
counts for itself. Addresses are told and forgotten: nothing is stored.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from openpanel_api.ingest import news
from openpanel_api.ingest.buckets import BadCredentials

CHANNEL: Final = "op:refused"
TELL_SECONDS: Final = 0.25
REDIS_SECONDS: Final = 0.5

_log: Final = structlog.get_logger(__name__)


class _Told(msgspec.Struct, array_like=True):
    """How many refusals of which addresses a process has had since it told the last time."""

    teller: str
    counts: dict[str, int]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Told).decode


async def tell(redis: redis.asyncio.Redis, bad: BadCredentials, *, teller: str) -> None:
    """Tell the others what was refused here; runs until cancelled. `teller` is this process's alone."""
    while True:
        await asyncio.sleep(TELL_SECONDS)
        if counts := bad.untold():
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    await redis.publish(CHANNEL, _encode(_Told(teller, counts)))
            except (RedisError, OSError, TimeoutError):
                _log.warning("refusals_not_told")


async def hear(
    redis: redis.asyncio.Redis, bad: BadCredentials, *, teller: str, now_ms: Callable[[], int]
) -> None:
    """Count what the others refused; runs until cancelled."""

    def heard(data: bytes) -> None:
        try:
            told = _decode(data)
        except msgspec.DecodeError:
            return
        if told.teller != teller:
            bad.heard(told.counts, now_ms())

    await news.follow(redis, CHANNEL, heard=heard, begun=lambda: None)
