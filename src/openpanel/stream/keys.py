"""Every Redis key of a pool, built here and nowhere else.

A key carries its shard as hash tag, so that all keys of one script call fall into one slot. Scripts get the
fixed keys and the five prefixes below; they only add `<project>:<device hex>` or the like to a prefix, which
is why a project's id has no colon (a device has 16 hex digits and nothing follows a profile).
"""

from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from openpanel.identity.ids import to_hex

NAMESPACE: Final = "op"


@dataclass(frozen=True, slots=True)
class Pool:
    """A set of shards that one worker pool drains."""

    name: str
    shards: int

    def shard_of(self, key: str) -> int:
        """The shard that everything with this key falls into."""
        if self.shards == 1:
            return 0
        return crc32(key.encode("utf-8", "surrogatepass")) % self.shards


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """The keys of one shard."""

    pool: Pool
    index: int
    stream: str = field(init=False)
    depth: str = field(init=False)
    order: str = field(init=False)
    projects: str = field(init=False)
    lease: str = field(init=False)
    fence: str = field(init=False)
    range: str = field(init=False)
    cuts: str = field(init=False)
    epoch: str = field(init=False)
    session_prefix: str = field(init=False)
    live_prefix: str = field(init=False)
    idempotency_prefix: str = field(init=False)
    profile_prefix: str = field(init=False)
    guard_prefix: str = field(init=False)
    claim_prefix: str = field(init=False)
    commit_prefix: str = field(init=False)
    usage_prefix: str = field(init=False)

    def __post_init__(self) -> None:
        tag = f"{NAMESPACE}:{{{self.pool.name}:{self.index}}}:"
        for name in ("stream", "depth", "order", "projects", "lease", "fence", "range", "cuts", "epoch"):
            object.__setattr__(self, name, tag + name)
        object.__setattr__(self, "session_prefix", tag + "session:")
        object.__setattr__(self, "live_prefix", tag + "live:")
        object.__setattr__(self, "idempotency_prefix", tag + "idem:")
        object.__setattr__(self, "profile_prefix", tag + "profile:")
        object.__setattr__(self, "guard_prefix", tag + "guard:")
        object.__setattr__(self, "claim_prefix", tag + "claim:")
        object.__setattr__(self, "commit_prefix", tag + "commit:")
        object.__setattr__(self, "usage_prefix", tag + "usage:")

    def session(self, *, project: str, device: int) -> str:
        """State of the sessions of one device (packed string; `lua/sessions.lua` has the fields)."""
        return f"{self.session_prefix}{project}:{to_hex(device)}"

    def live(self, project: str) -> str:
        """Devices of a project by their last activity (sorted set, device hex → wall-clock ms)."""
        return self.live_prefix + project

    def idempotency(self, key: str) -> str:
        """The answer that the message with this key got (an outcome)."""
        return self.idempotency_prefix + key

    def claim(self, key: str) -> str:
        """Who is about to answer the message with this key, in its home shard (string: shard, since, name)."""
        return self.claim_prefix + key

    def profile(self, *, project: str, profile: str) -> str:
        """Where a profile was last seen (string: device hex, previous device hex, shard of the device)."""
        return f"{self.profile_prefix}{project}:{profile}"

    def commit(self, writer: str) -> str:
        """The last commits of one writer (hash: seq, replies)."""
        return self.commit_prefix + writer

    def usage(self, month: str) -> str:
        """Events that were taken in a month (hash: project → number)."""
        return self.usage_prefix + month


def keys_of(pool: Pool) -> tuple[ShardKeys, ...]:
    """The keys of every shard, by its index."""
    return tuple(ShardKeys(pool, index) for index in range(pool.shards))
