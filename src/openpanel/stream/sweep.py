"""What looks at all sessions of a pool at once: ending idle ones, counting live ones, forgetting a project's.

Synchronous, for workers and scheduled jobs. Knows no lease: every step is safe beside commits, drains and
other sweeps.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import redis

from openpanel.stream import scripts
from openpanel.stream.keys import NAMESPACE, Pool, keys_of

FORGET_CHUNK: Final = 1_000  # keys of one UNLINK


def sweep_sessions(redis: redis.Redis, *, pool: Pool, now_ms: int, limit: int) -> int:
    """End sessions without activity for 30 minutes, at most `limit` per shard; how many there were.

    Their ends are appended for the worker in the same step. No order is made for them: ask `shards_waiting`.
    """
    script = redis.register_script(scripts.text("sweep"))
    ended = 0
    for keys in keys_of(pool):
        names = [keys.stream, keys.depth, keys.projects, keys.session_prefix, keys.live_prefix]
        ended += int(cast("Any", script(keys=names, args=[now_ms, limit])))
    return ended


def live_visitors(redis: redis.Redis, *, pool: Pool, project: str, since_ms: int) -> int:
    """Devices of the project with activity since then, by wall clock."""
    pipeline = redis.pipeline(transaction=False)
    for keys in keys_of(pool):
        pipeline.zcount(keys.live(project), since_ms, "+inf")
    return sum(pipeline.execute())


def forget(redis: redis.Redis, *, pool: Pool, project: str) -> None:
    """Drop the sessions and pointers of a deleted project, in one look through all of Redis.

    Its entries in the streams are the worker's.
    """
    shards = keys_of(pool)
    pipeline = redis.pipeline(transaction=False)
    for keys in shards:
        pipeline.srem(keys.projects, project)
        pipeline.unlink(keys.live(project))
    pipeline.execute()
    prefixes = tuple(
        f"{prefix}{project}:".encode()
        for keys in shards
        for prefix in (keys.session_prefix, keys.profile_prefix)
    )
    pattern = f"{NAMESPACE}:{{{_literal(pool.name)}:*}}:*:{_literal(project)}:*"
    for chunk in _chunks(redis, pattern, prefixes):
        redis.unlink(*chunk)


def _literal(text: str) -> str:
    """The text as a pattern that means nothing else."""
    return "".join("\\" + char if char in "*?[]\\^" else char for char in text)


def _chunks(redis: redis.Redis, pattern: str, prefixes: tuple[bytes, ...]) -> Iterator[Sequence[bytes]]:
    """The keys of that pattern that begin with one of these."""
    chunk: list[bytes] = []
    for name in redis.scan_iter(match=pattern, count=FORGET_CHUNK):
        if name.startswith(prefixes):
            chunk.append(name)
        if len(chunk) >= FORGET_CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
