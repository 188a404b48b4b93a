"""Which pages may send without a secret: the origins that a project lists.

An entry without `*` is compared without scheme, leading `www.` and trailing slash. With `*` it is a pattern over the
whole origin (each `*` is one or more characters), so `*.example.com` never lets `https://a.example.com.evil.net` in.
"""

import re
from collections.abc import Sequence
from typing import Final

ANY: Final = "*"
_SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*://")


class Origins:
    """The list of one project, compiled."""

    def __init__(self, entries: Sequence[str]) -> None:
        cleaned = [entry.strip().lower() for entry in entries if entry.strip()]
        self._any = ANY in cleaned
        self._exact = frozenset(_bare(entry) for entry in cleaned if "*" not in entry)
        self._patterns = tuple(_pattern(entry) for entry in cleaned if "*" in entry and entry != ANY)

    def allow(self, origin: str) -> bool:
        """Whether a request with this Origin header may come without a secret; '' is a request without one."""
        if not origin:
            return False
        origin = origin.lower().rstrip("/")
        if self._any or _bare(origin) in self._exact:
            return True
        host = _SCHEME.sub("", origin)
        return any(pattern.fullmatch(origin if whole else host) for pattern, whole in self._patterns)


def _bare(text: str) -> str:
    return _SCHEME.sub("", text).removeprefix("www.").rstrip("/")


def _pattern(entry: str) -> tuple[re.Pattern[str], bool]:
    """The pattern, and whether it wants to see the scheme. No origin has a slash where a star may stand.

    Each part between two stars is taken where it first occurs, for good: what can follow it there can follow it
    nowhere better, and without looking back a dozen stars cost no more than one.
    """
    first, *between, last = map(re.escape, entry.rstrip("/").split("*"))
    middle = "".join(f"(?>[^/]+?{part})" for part in between)
    return re.compile(f"{first}{middle}[^/]+{last}"), "://" in entry
