"""What Redis has of one person: the sessions of its devices, where its profiles were seen last, who is live.

Synchronous, for jobs. Messages that wait in the streams are the worker's. Safe beside commits: a session whose state is
gone begins anew with the next event.
"""

from collections.abc import Collection, Sequence
from typing import Final, cast

import redis

from openpanel.identity.ids import to_hex
from openpanel.stream.keys import Pool, ShardKeys, keys_of

AT_ONCE: Final = 1_000  # keys of one command


def forget_person(
    redis: redis.Redis,
    *,
    pool: Pool,
    project: str,
    persons: Collection[int],
    devices: Sequence[int],
    profiles: Sequence[str],
) -> int:
    """Drop the sessions and pointers of a person; how many keys there were.

    `persons` are the numbers that are this person's alone. On others of its devices, which somebody else uses, too, a
    session goes if it is one of these profiles.
    """
    removed = 0
    for keys in keys_of(pool):
        pointers = [keys.profile(project=project, profile=profile) for profile in profiles]
        sessions = {device: keys.session(project=project, device=device) for device in devices}
        gone = [device for device in devices if device in persons]
        gone += _seen_as(redis, keys, project, [each for each in devices if each not in persons], profiles)
        removed += _unlink(redis, [*pointers, *(sessions[device] for device in gone)])
        for start in range(0, len(gone), AT_ONCE):
            redis.zrem(keys.live(project), *map(to_hex, gone[start : start + AT_ONCE]))
    return removed


def _seen_as(
    redis: redis.Redis, keys: ShardKeys, project: str, devices: Sequence[int], profiles: Sequence[str]
) -> list[int]:
    """Those of the devices whose session is one of these profiles; its state holds the profile's id as it is."""
    names = [profile.encode(errors="surrogatepass") for profile in profiles]
    found: list[int] = []
    for start in range(0, len(devices), AT_ONCE):
        some = devices[start : start + AT_ONCE]
        asked = [keys.session(project=project, device=device) for device in some]
        states = cast("list[bytes | None]", redis.mget(asked))
        found += [
            device
            for device, state in zip(some, states, strict=True)
            if state is not None and any(name in state for name in names)
        ]
    return found


def _unlink(redis: redis.Redis, keys: Sequence[str]) -> int:
    removed = 0
    for start in range(0, len(keys), AT_ONCE):
        removed += redis.unlink(*keys[start : start + AT_ONCE])
    return removed
