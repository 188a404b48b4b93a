"""How many events of each project were taken in a calendar month (UTC): what quotas are held against.

A shard's counts grow in the very step that acknowledges a block, so an event counts once however often its block is
repeated, and a moment after it was accepted. Counted are events and imported events, not what is said of people.
A month is that of the first entry of a block; months before the last are forgotten.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import redis
import redis.asyncio

from openpanel.stream.keys import Pool, keys_of
from openpanel.stream.messages import Kind
from openpanel.stream.records import Message, Record

KEPT_SECONDS: Final = 65 * 86_400  # a month and the one before it
EVENTS: Final = frozenset({int(Kind.TRACK), int(Kind.IMPORT)})


def month_of(at_ms: int) -> str:
    """The month of a moment.

    >>> month_of(0)
    '1970-01'
    """
    return f"{datetime.fromtimestamp(at_ms / 1000, tz=UTC):%Y-%m}"


def month_ends_ms(at_ms: int) -> int:
    """When the month of a moment is over.

    >>> month_ends_ms(0) // 86_400_000
    31
    """
    first = datetime.fromtimestamp(at_ms / 1000, tz=UTC).replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(following.timestamp()) * 1000


def counted(records: Iterable[Record]) -> Mapping[str, int]:
    """Events of each project among these."""
    return Counter(
        [one.envelope.project for one in records if type(one) is Message and one.item.kind in EVENTS]
    )


def used(
    redis: "redis.Redis", *, pools: Iterable[Pool], projects: Sequence[str], month: str
) -> dict[str, int]:
    """Events of these projects that were taken in that month, over all of the pools."""
    pipeline = redis.pipeline(transaction=False)
    _ask(pipeline, pools, projects, month)
    return _sums(projects, pipeline.execute())


async def used_soon(
    redis: "redis.asyncio.Redis", *, pools: Iterable[Pool], projects: Sequence[str], month: str
) -> dict[str, int]:
    """`used` for those who may not wait."""
    pipeline = redis.pipeline(transaction=False)
    _ask(pipeline, pools, projects, month)
    return _sums(projects, await pipeline.execute())


def _ask(pipeline: Any, pools: Iterable[Pool], projects: Sequence[str], month: str) -> None:
    for pool in pools:
        for keys in keys_of(pool):
            pipeline.hmget(keys.usage(month), list(projects))


def _sums(projects: Sequence[str], answers: Sequence[Any]) -> dict[str, int]:
    sums = dict.fromkeys(projects, 0)
    for answer in answers:
        for project, value in zip(projects, cast("Sequence[bytes | None]", answer), strict=True):
            sums[project] += int(value or 0)
    return sums
