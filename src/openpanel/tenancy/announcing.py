"""Tells caches everywhere what changed, so that a revoked client stops within a second.

News wait in the database until they are told; the channel itself belongs to the caller.
"""

from collections.abc import Callable

from openpanel.metadata import Database, announcements

Announce = Callable[[str], None]  # sends `client:<id>` or `project:<id>`


def tell(database: Database, *, announce: Announce) -> None:
    """Tell all news that wait, also those that a crashed call left behind."""
    waiting = announcements.pending(database)
    for topic in dict.fromkeys(topic for _, topic in waiting):
        announce(topic)
    if waiting:
        announcements.done(database, numbers=[number for number, _ in waiting])
