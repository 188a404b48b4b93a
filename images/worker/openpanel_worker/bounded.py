"""How much is remembered of one person or group. Pure: what is known and what is said in, what is known then out.

Messages are bounded one by one; without a bound of their own, people and groups would grow for ever, and each change
of one carries all that is known of it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

MAX_PROPERTIES: Final = 2_000  # of a person or a group
MAX_GROUPS: Final = 2_000  # of a person
_SHOWN: Final = 10


def merged(known: Mapping[str, str], said: Mapping[str, str]) -> Mapping[str, str]:
    """Known properties with their new values, then new ones for as long as there is room."""
    together = {**known, **said}
    room = max(MAX_PROPERTIES, len(known))  # what was known before there was a bound stays
    if len(together) <= room:
        return together
    return dict(list(together.items())[:room])


def joined(known: tuple[str, ...], said: Iterable[str]) -> tuple[str, ...]:
    """Known groups, then new ones for as long as there is room."""
    return tuple(dict.fromkeys((*known, *said)))[: max(MAX_GROUPS, len(known))]


def left_out(said: Iterable[str], kept: Collection[str]) -> str:
    """A sentence on what found no room; empty where everything did."""
    missing = [name for name in said if name not in kept]
    if not missing:
        return ""
    more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
    return f"no room beside {len(kept):,} for {', '.join(map(repr, missing[:_SHOWN]))}{more}"
