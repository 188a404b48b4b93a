"""What the API hands to the stream and what it is answered: runs, appends, resolved sessions.

Values only. Made once per request on the hot path, so they are structs that cost a fraction of a frozen
dataclass. Knows no Redis and no clock.
"""

from enum import IntEnum, IntFlag

import msgspec

MAX_APPEND_MESSAGES = 8_192  # messages of one append; a longer body is split by its caller
GUARD_MS = 100  # a key that is remembered no longer than this is a guard, and is for as long as this


class Kind(IntEnum):
    """What a message asks for."""

    TRACK = 1
    IDENTIFY = 2
    INCREMENT = 3
    DECREMENT = 4
    ALIAS = 5
    REPLAY = 6
    GROUP = 7
    ASSIGN_GROUP = 8
    IMPORT = 9
    BOT = 10


class Flag(IntFlag):
    """What the API noticed about a message; a SIGNAL means that the header was missing."""

    LATE = 1
    SERVER = 2
    SIGNAL_SEC_CH_UA = 4
    SIGNAL_SEC_FETCH = 8
    SIGNAL_ACCEPT_LANGUAGE = 16


class RunMode(IntEnum):
    """How a run meets the sessions of its device."""

    OPEN = 1  # may extend the session or open one
    LATE = 2  # belongs to a known session or to none, never opens one
    PEEK = 3  # reads the live session or the id that a new one would get, writes nothing
    JOIN = 4  # a server's event: reads the live session of its profile, or none; never another profile's


class Item(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One message of a request, without its body."""

    kind: int
    index: int
    """Place in the body when that is an array; -1: the body is the message."""
    at_ms: int
    flags: int
    run: int
    """Index into the runs of the append (in a decoded frame: of the entry); -1: none."""
    device: int
    """Device under the current salt, before sessions are resolved."""
    device_ref: str = ""
    """The device as the client named it; for BOT the bot's name and type joined by `|`."""


class Envelope(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One request as the worker needs it; the body stays whole and the worker splits it."""

    project: str
    client: str
    received_ms: int
    ip: str
    user_agent: str
    origin: str
    sdk_name: str
    sdk_version: str
    body: bytes
    items: list[Item]


class Run(msgspec.Struct, frozen=True, gc=False):
    """Consecutive messages of one device, each less than 30 minutes after the one before, in one request.

    With idempotency keys, a run is left out when all its messages are repeats. A caller that wants a session's
    running counts exact for partly repeated batches gives each keyed message its own run.
    """

    project: str
    device: int
    previous_device: int | None
    """The device under yesterday's salt; None when the id is not salted."""
    first_ms: int
    last_ms: int
    views: int
    """Screen views with a path."""
    events: int
    """All other track events."""
    candidate: int
    """Id of the session if a new one must be opened."""
    mode: RunMode
    profile: str = ""
    path: str = ""
    """Last path of the run: the exit page so far."""


class Append(msgspec.Struct, frozen=True, gc=False):
    """One request for the stream: the runs to resolve and the envelope to keep."""

    shard_key: str
    """Stable over salt rotation, so that a device stays in its shard."""
    profile_key: str
    """Not empty for changes of one profile or group, which one worker must apply in order."""
    runs: tuple[Run, ...]
    envelope: Envelope | None
    """None asks for the ids only; then all runs are PEEK or JOIN."""
    idempotency: tuple[str, ...] = ()
    """One key per item (`""`: none), or empty. A repeated message is not appended again."""
    idempotency_ttl_ms: int = 86_400_000
    """Up to `GUARD_MS` and for one item: a guard against the same bytes sent twice by the same sender, as
    near to one another as that by when their envelopes were received. It holds in the shard of the append, and what
    it stops is answered by the session as it is, not by what was answered first."""


class Resolved(msgspec.Struct, frozen=True, gc=False):
    """The answer for one run. Session 0: none. `started_ms` 0: the session is not open (yet)."""

    device: int
    session: int
    opened: bool
    started_ms: int
