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
AT_ONCE: Final = 1_000  # visits of one call of the script
NO_AGENT: Final = Agent("", "", "", "", "", "", "")
LOST: Final = 1  # starter of a session that was opened in forgotten times

# One command for many values: a pipeline of as many costs more than making their rows.
# Also where Redis is full: what is drained makes room.
WRITE_DOWN: Final = """#!lua flags=allow-oom
-- KEYS of visits, or of tallies   ARGV 1 seconds to keep   2 NX: those that are there stay   3… values, one per key
for place, key in ipairs(KEYS) do
  if ARGV[2] == 'NX' then
    redis.call('SET', key, ARGV[place + 2], 'NX', 'EX', ARGV[1])
  else
    redis.call('SET', key, ARGV[place + 2], 'EX', ARGV[1])
  end
end
"""

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
        self._new: dict[int, Visit] = {}
        self._instead: dict[int, Visit] = {}
        self._write_down = client.register_script(WRITE_DOWN)
        self._shard = 0

    def turn_to(self, shard: int) -> None:
        """Begin a block: sessions that open from now on belong to this shard."""
        self._shard = shard
        for unwritten in (self._new, self._instead):  # of a block that is tried again
            for session in unwritten:
                self._known.pop(session, None)
            unwritten.clear()
        self._unstarted.clear()

    def fetch(self, sessions: Iterable[int]) -> None:
        """Read the visits that are not in memory, in one round trip per shard that may have them."""
        missing = [session for session in set(sessions).difference(self._known) if self.get(session) is None]
        own = self._pool.shards == 1
        for shard in [self._shard] if own else [self._shard, *self._others()]:
            if missing:
                missing = self._fetch_from(shard, missing)

    def get(self, session: int) -> Shared | None:
        """The visit, if it is known; `starter` NOBODY: none of its events was kept yet."""
        return self._known.get(session) or self._unstarted.get(session)

    def shared(self, visit: Visit) -> Shared:
        """A visit as columns."""
        return Shared(
            visit.starter,
            sources_of(visit.referral, visit.utm, self._fragments),
            surroundings_of(visit.place, visit.agent, self._fragments),
        )

    def open(self, session: int, visit: Visit, shared: Shared | None = None) -> None:
        """Take a visit down, to be written by `write_down`; it takes the place of one that nobody had started."""
        if self._unstarted.pop(session, None) is None:
            self._new[session] = visit
        else:
            self._instead[session] = visit
            self._new.pop(session, None)
        self._remember(session, shared or self.shared(visit))

    def write_down(self) -> None:
        """Write the new visits to Redis, before their events are inserted; started ones stay as they are."""
        self._write(self._new, "NX")
        self._write(self._instead, "")

    def _write(self, visits: dict[int, Visit], condition: str) -> None:
        sessions = list(visits)
        for start in range(0, len(sessions), AT_ONCE):
            piece = sessions[start : start + AT_ONCE]
            prefix = visit_prefix(self._pool, self._shard)
            keys = [prefix + to_hex(session) for session in piece]
            values = [_encoder.encode(visits[session]) for session in piece]
            self._write_down(keys=keys, args=[KEPT_SECONDS, condition, *values])
        visits.clear()

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
                self._remember(session, self.shared(_decoder.decode(one)))
            except msgspec.DecodeError:  # of another version: as good as unknown
                missing.append(session)
        return missing

    def _remember(self, session: int, shared: Shared) -> None:
        if shared.starter == NOBODY:
            self._unstarted[session] = shared
            return
        if len(self._known) >= MAX_VISITS:
            for oldest in list(self._known)[: MAX_VISITS // 10]:
                del self._known[oldest]
        self._known[session] = shared


def visit_key(pool: Pool, shard: int, session: int) -> str:
    """Where a session's visit lies in Redis (string, msgpack of a Visit)."""
    return visit_prefix(pool, shard) + to_hex(session)


def visit_prefix(pool: Pool, shard: int) -> str:
    """What the keys of all visits of a shard begin with; the session's hexadecimal form follows."""
    return f"op:{{{pool.name}:{shard}}}:ctx:"


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Visit)
