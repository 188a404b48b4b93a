"""Changes by several people at once: who read an older version than there is now changes nothing."""

from datetime import datetime
from typing import Protocol

from openpanel.metadata.errors import Stale


class Versioned(Protocol):
    """A row that counts its changes."""

    version: int
    updated_at: datetime


def check(row: Versioned, *, subject: str, expected: int | None) -> None:
    """Raise `Stale` unless this is the version that was read; without one, whatever there is."""
    if expected is not None and row.version != expected:
        raise Stale(subject, version=row.version)


def advance(row: Versioned, *, at: datetime) -> None:
    """Count a change."""
    row.version, row.updated_at = row.version + 1, at
