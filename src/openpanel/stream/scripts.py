"""The Lua scripts: their texts, with the facts they share with Python put in front as constants.

Each `.lua` file says its keys, arguments and answer at its head.
"""

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final

from openpanel.identity.ids import LONGEST_SESSION_MS, SESSION_TIMEOUT_MS
from openpanel.stream.messages import GUARD_MS

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS

LIVE_STATE_MS: Final = 7 * _DAY_MS  # since its last event; longer than the sweep, which ends it, may be away
CLOSED_STATE_MS: Final = 4 * _HOUR_MS  # how long late events find a session after its end
POINTER_MS: Final = 2 * _HOUR_MS  # from a profile to its device
COMMIT_MEMORY_MS: Final = 7 * _DAY_MS  # one per writer and shard; longer than a spool waits for its Redis
ORDER_MS: Final = 5_000  # a wake-up flag whose order was never made stops hindering the next
LIVE_STEP_MS: Final = 1_000  # by which a device's place among the live ones may lag behind
GUARD_WINDOW_MS: Final = 500  # of guards that lie together
KEPT_REPLIES: Final = 4  # of a writer; more than it has commits under way

_CONSTANTS: Final = {
    "SESSION_TIMEOUT_MS": SESSION_TIMEOUT_MS,
    "LONGEST_SESSION_MS": LONGEST_SESSION_MS,
    "LIVE_STATE_MS": LIVE_STATE_MS,
    "CLOSED_STATE_MS": CLOSED_STATE_MS,
    "POINTER_MS": POINTER_MS,
    "COMMIT_MEMORY_MS": COMMIT_MEMORY_MS,
    "ORDER_MS": ORDER_MS,
    "LIVE_STEP_MS": LIVE_STEP_MS,
    "GUARD_WINDOW_MS": GUARD_WINDOW_MS,
    "GUARD_MS": GUARD_MS,
    "KEPT_REPLIES": KEPT_REPLIES,
}
# Scripts that empty the stream: what keeps them from writing keeps a full Redis full.
_IN_ANY_CASE: Final = frozenset({"acquire", "renew", "claim", "cut", "acknowledge", "release", "clear_order"})
_PARTS: Final = {"commit": ("sessions", "rules", "commit"), "sweep": ("sessions", "sweep")}


@cache
def text(name: str) -> str:
    """The script as Redis gets it."""
    head = "#!lua flags=allow-oom\n" if name in _IN_ANY_CASE else ""
    head += "".join(f"local {constant} = {value}\n" for constant, value in _CONSTANTS.items())
    folder = files("openpanel.stream") / "lua"
    return head + "".join(
        (folder / f"{part}.lua").read_text(encoding="utf-8") for part in _PARTS.get(name, (name,))
    )


@cache
def digest(name: str) -> str:
    """The SHA-1 by which Redis knows the script once it is loaded."""
    return sha1(text(name).encode(), usedforsecurity=False).hexdigest()
