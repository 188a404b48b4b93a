"""The queues of many pools, read in one pipeline: what waits, how long, orders in work, busy workers, visits under way.

Reads only. The names of RQ's keys stand here once.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import redis

from openpanel.stream.keys import Pool, ShardKeys, keys_of
from openpanel_operator.stores import PoolAsk, PoolSeen

QUEUE: Final = "rq:queue:{}"  # list: orders that wait
IN_WORK: Final = "rq:wip:{}"  # sorted set: orders in work, by the time at which they count as lost
WORKERS: Final = "rq:workers:{}"  # set: keys of the workers that listen
DRAIN: Final = "drain-{}"  # the queue of a pool's drain orders
BUSY: Final = b"busy"


def look(client: redis.Redis, asks: Sequence[PoolAsk], *, now_ms: int) -> list[PoolSeen]:
    """The pools in the order of `asks`; any error is raised, and nothing is taken for nothing."""
    pipeline = client.pipeline(transaction=False)
    for ask in asks:
        _ask(pipeline, ask, now_ms)
    answers = iter(pipeline.execute())
    seen = [_seen(answers, ask, now_ms) for ask in asks]
    busy = _busy_hosts(client, [found.listening for found in seen])
    return [found.with_busy(hosts) for found, hosts in zip(seen, busy, strict=True)]


class _Found:
    def __init__(
        self,
        waiting: int,
        running: int,
        oldest_ms: int | None,
        now_ms: int,
        listening: list[str],
        *,
        visits: bool,
    ) -> None:
        self._numbers = (waiting, running)
        self._age = None if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1_000)
        self._visits = visits
        self.listening = listening

    def with_busy(self, hosts: frozenset[str]) -> PoolSeen:
        waiting, running = self._numbers
        return PoolSeen(
            waiting=waiting,
            running=running,
            oldest_age=self._age,
            busy_hosts=hosts,
            visits=self._visits,
        )


def _shards(ask: PoolAsk) -> tuple[ShardKeys, ...]:
    return keys_of(Pool(ask.name, ask.shards))


def _ask(pipeline: Any, ask: PoolAsk, now_ms: int) -> None:
    if ask.visits:  # before what waits: visits that end meanwhile are found there, and never nowhere
        for keys in _shards(ask):
            pipeline.exists(keys.projects)
    for keys in _shards(ask):
        pipeline.get(keys.depth)
        pipeline.xrange(keys.stream, "-", "+", count=1)
    for queue in ask.orders:
        pipeline.llen(QUEUE.format(queue))
        pipeline.zcount(IN_WORK.format(queue), now_ms // 1_000, "+inf")
    if ask.workers:
        pipeline.smembers(WORKERS.format(DRAIN.format(ask.name)))


def _seen(answers: Iterator[Any], ask: PoolAsk, now_ms: int) -> _Found:
    waiting, running, oldest = 0, 0, None
    visits = sum(int(next(answers)) for _ in _shards(ask)) > 0 if ask.visits else False
    for _ in _shards(ask):
        waiting += int(next(answers) or 0)
        for entry, _fields in next(answers):
            made = int(entry.split(b"-")[0])
            oldest = made if oldest is None else min(oldest, made)
    for _ in ask.orders:
        waiting += int(next(answers))
        running += int(next(answers))
    listening = [key.decode() for key in next(answers)] if ask.workers else []
    return _Found(waiting, running, oldest, now_ms, listening, visits=visits)


def _busy_hosts(client: redis.Redis, listening: Sequence[Sequence[str]]) -> list[frozenset[str]]:
    keys = [key for group in listening for key in group]
    if not keys:
        return [frozenset() for _ in listening]
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.hmget(key, ["state", "hostname"])
    answers = cast("Iterator[tuple[bytes | None, bytes | None]]", iter(pipeline.execute()))
    groups = []
    for group in listening:
        states = [next(answers) for _ in group]
        groups.append(frozenset(host.decode() for state, host in states if state == BUSY and host))
    return groups
