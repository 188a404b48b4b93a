"""Tickets for browsers: who may not know a secret gets a word that opens one project's live figures for a minute.

A page's own server fetches the ticket with its credentials and hands it to the page. Redis has only its fingerprint,
so reading Redis opens nothing; a revoked client's tickets open nothing either.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from redis.asyncio import Redis

KEPT: Final = timedelta(minutes=1)
BYTES: Final = 24
MAX_LENGTH: Final = 100  # of what is looked up as one


class Ticket(NamedTuple):
    """What a ticket opens, and by whose credentials."""

    client: str
    project: str


async def issue(redis: Redis, *, word: str, ticket: Ticket) -> None:
    """Let `word` open it for a minute."""
    await redis.set(_key(word), msgspec.json.encode(ticket), px=KEPT)


async def redeem(redis: Redis, *, word: str) -> Ticket | None:
    """What the word opens; it may be used again within its minute, as browsers do that lose a connection."""
    if not 0 < len(word) <= MAX_LENGTH:
        return None
    kept = await redis.get(_key(word))
    return msgspec.json.decode(kept, type=Ticket) if kept else None


def _key(word: str) -> str:
    return f"op:live-ticket:{sha256(word.encode('utf-8', 'surrogatepass')).hexdigest()}"
