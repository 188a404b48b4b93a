"""What a session's events have in common: referrer, campaign, place and device of its first event.

Kept in a bounded memory of the process and in Redis, so that a session may be continued by another worker. The
event that opens a session writes it down before anything is inserted, and once only: a repeat finds its own words.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import redis

from openpanel.enrich.geo import NOWHERE, Place
from openpanel.enrich.page import NO_UTM, Utm
from openpanel.enrich.referrer import DIRECT, Referral
from openpanel.enrich.user_agent import Agent
from openpanel.identity.ids import to_hex
from openpanel.stream.keys import Pool
from openpanel_worker.fragments import EMPTY, Fragments

KEPT_SECONDS: Final = 26 * 3_600  # longer than a visit can last over a change of salts
MAX_VISITS: Final = 100_000  # of the memory; the oldest go first
NOBODY: Final = (
    0  # starter of a session none of whose events was kept yet: the first was filtered away or is dead
)
NO_AGENT: Final = Agent("", "", "", "", "", "", "")
LOST: Final = 1  # starter of a session that was opened in forgotten times

Values = tuple[Any, ...]  # of columns


class Visit(msgspec.Struct, array_like=True, gc=False):
    """What all events of a session share. `starter` is the event that stands behind its session_start."""

    starter: int
    referral: Referral = DIRECT
    utm: Utm = NO_UTM
    place: Place = NOWHERE
    agent: Agent = NO_AGENT


class Shared:
    """A visit as columns: what stands before and after the amounts in a row. `path` is where it was last seen."""

    __slots__ = ("origin", "path", "sources", "starter", "surroundings")

    def __init__(self, starter: int, sources: Values, surroundings: Values) -> None:
        self.starter = starter
        self.sources = sources
        self.surroundings = surroundings
        self.path = EMPTY
        self.origin = ""


UNKNOWN: Final = Shared(NOBODY, (EMPTY, *("",) * 7), ("", "", EMPTY, 0.0, 0.0, *("",) * 7))


def sources_of(referral: Referral, utm: Utm, fragments: Fragments) -> Values:
    """Columns referrer … utm_content."""
    return (fragments[referral.url], referral.name, referral.type, *utm)


def surroundings_of(place: Place, agent: Agent, fragments: Fragments) -> Values:
    """Columns country … model."""
    return (place.country, place.region, fragments[place.city], place.longitude, place.latitude, *agent)


class Visits:
    """The visits that one drain worker knows. Not shared between threads."""

    def __init__(self, client: redis.Redis, *, pool: Pool, fragments: Fragments) -> None:
        self._redis = client
        self._pool = pool
        self._fragments = fragments
        self._known: dict[int, Shared] = {}
        self._unstarted: dict[
            int, Shared
        ] = {}  # for one block only: whoever starts them may be another worker
        self._new: list[tuple[int, Visit, bool]] = []
        self._shard = 0

    def turn_to(self, shard: int) -> None:
        """Begin a block: sessions that open from now on belong to this shard."""
        self._shard = shard
        self._new.clear()
        self._unstarted.clear()

    def fetch(self, sessions: Iterable[int]) -> None:
        """Read the visits that are not in memory, in one round trip per shard that may have them."""
        missing = [session for session in dict.fromkeys(sessions) if self.get(session) is None]
        own = self._pool.shards == 1
        for shard in [self._shard] if own else [self._shard, *self._others()]:
            if missing:
                missing = self._fetch_from(shard, missing)

    def get(self, session: int) -> Shared | None:
        """The visit, if it is known; `starter` NOBODY: none of its events was kept yet."""
        return self._known.get(session) or self._unstarted.get(session)

    def open(self, session: int, visit: Visit) -> Shared:
        """Take a visit down, to be written by `write_down`; it takes the place of one that nobody had started."""
        self._new.append((session, visit, self._unstarted.pop(session, None) is not None))
        return self._remember(session, visit)

    def write_down(self) -> None:
        """Write the new visits to Redis, before their events are inserted; started ones stay as they are."""
        if not self._new:
            return
        with self._redis.pipeline(transaction=False) as pipeline:
            for session, visit, instead in self._new:
                pipeline.set(
                    visit_key(self._pool, self._shard, session),
                    _encoder.encode(visit),
                    nx=not instead,
                    ex=KEPT_SECONDS,
                )
            pipeline.execute()
        self._new.clear()

    def _others(self) -> list[int]:
        return [shard for shard in range(self._pool.shards) if shard != self._shard]

    def _fetch_from(self, shard: int, sessions: list[int]) -> list[int]:
        packed: Any = self._redis.mget([visit_key(self._pool, shard, session) for session in sessions])
        missing = []
        for session, one in zip(sessions, packed, strict=True):
            if one is None:
                missing.append(session)
                continue
            try:
                self._remember(session, _decoder.decode(one))
            except msgspec.DecodeError:  # of another version: as good as unknown
                missing.append(session)
        return missing

    def _remember(self, session: int, visit: Visit) -> Shared:
        shared = Shared(
            visit.starter,
            sources_of(visit.referral, visit.utm, self._fragments),
            surroundings_of(visit.place, visit.agent, self._fragments),
        )
        if visit.starter == NOBODY:
            self._unstarted[session] = shared
            return shared
        if len(self._known) >= MAX_VISITS:
            for oldest in list(self._known)[: MAX_VISITS // 10]:
                del self._known[oldest]
        self._known[session] = shared
        return shared


def visit_key(pool: Pool, shard: int, session: int) -> str:
    """Where a session's visit lies in Redis (string, msgpack of a Visit)."""
    return f"op:{{{pool.name}:{shard}}}:ctx:{to_hex(session)}"


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Visit)
