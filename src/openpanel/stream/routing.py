"""Which shard an append belongs to, and what has to be asked of other shards before it is committed.

Only pools with several shards come here; everything asked is read only. In at most three round trips, and
only for commits that hold such messages: pointers of profiles and answers of idempotency keys, then sessions
that lie in other shards than the envelope.
"""

from collections.abc import Iterator, Mapping, Sequence

from openpanel.identity.ids import to_hex
from openpanel.stream.keys import Pool, ShardKeys
from openpanel.stream.link import Command, Link, checked
from openpanel.stream.messages import Append, RunMode
from openpanel.stream.outcomes import (
    NO_ID_HEX,
    KeptAnswer,
    Outcome,
    answer_of,
    decode_answer,
    decode_outcomes,
)
from openpanel.stream.plan import (
    Note,
    Routed,
    Row,
    call_arguments,
    device_shard,
    fixed_row,
    frame_shard,
    profile_shard,
    reading_call,
    run_row,
)

Place = tuple[int, int]
"""Of a run: its append's place among the waiting, its index in the append."""
Pointer = tuple[str, str, int]
"""Device, previous device (`""`: none) and shard of the device."""


class Routing:
    """Asks on the link of the committer, between two of its commits."""

    def __init__(self, link: Link, *, pool: Pool, keys: Sequence[ShardKeys]) -> None:
        self._link = link
        self._pool = pool
        self._keys = keys

    async def route(self, appends: Sequence[Append], *, now_ms: int) -> list[Routed]:
        """Every append with its shard; raises link.Away."""
        pointers = await self._pointers(appends)
        known = await self._known_answers(appends)
        shards = [self._shard(append, place, pointers) for place, append in enumerate(appends)]
        found: list[dict[int, Row]] = [{} for _ in appends]
        foreign: dict[int, dict[Place, Row]] = {}
        for (place, index), (row, home) in self._readings(appends, pointers):
            if home != shards[place]:
                foreign.setdefault(home, {})[place, index] = row
            elif appends[place].runs[index].mode == RunMode.JOIN:
                found[place][index] = row
        for (place, index), outcome in await self._read(foreign, now_ms=now_ms):
            found[place][index] = fixed_row(appends[place].runs[index], outcome)
        return [
            Routed(append, shards[place], found[place], known.get(place, {}))
            for place, append in enumerate(appends)
        ]

    def route_blindly(self, appends: Sequence[Append]) -> list[Routed]:
        """`route` while Redis is away: from what the appends themselves tell, the same at every repetition."""
        routed = []
        for append in appends:
            shard = frame_shard(append, pool=self._pool)
            foreign = shard != device_shard(append, pool=self._pool)
            found = {
                index: fixed_row(run, Outcome("", to_hex(run.candidate), 0, 0))
                for index, run in enumerate(append.runs)
                if foreign and run.mode == RunMode.PEEK
            }
            routed.append(Routed(append, shard, found))
        return routed

    def answer_notes(self, one: Routed, outcomes: Sequence[Outcome]) -> Iterator[Note]:
        """What keyed messages were answered, for the home shards of their keys.

        A key that comes again from another address looks there. What stays open is the same key from two
        addresses at the same moment: both ask before either is recorded, and both messages are kept.
        """
        append = one.append
        items = append.envelope.items if append.envelope is not None else ()
        for key, item in zip(append.idempotency, items, strict=False):
            home = self._pool.shard_of(key)
            if not key or key in one.known or home == one.shard:
                continue
            has_run = item.run >= 0
            answer = answer_of(
                outcomes[item.run] if has_run else None, append.runs[item.run] if has_run else None
            )
            name = self._keys[home].idempotency(key)
            yield Note(name, answer, append.idempotency_ttl_ms, absent_only=True)

    async def _pointers(self, appends: Sequence[Append]) -> dict[Place, Pointer]:
        asked: dict[Place, str] = {}
        for place, append in enumerate(appends):
            for index, run in enumerate(append.runs):
                if run.mode == RunMode.JOIN and run.profile:
                    home = self._keys[profile_shard(run, pool=self._pool)]
                    asked[place, index] = home.profile(project=run.project, profile=run.profile)
        values = await self._get(list(asked.values()))
        return {place: _pointer(value) for place, value in zip(asked, values, strict=True) if value}

    async def _known_answers(self, appends: Sequence[Append]) -> dict[int, dict[str, KeptAnswer]]:
        asked = [(place, key) for place, append in enumerate(appends) for key in append.idempotency if key]
        values = await self._get([self._keys[self._pool.shard_of(key)].idempotency(key) for _, key in asked])
        known: dict[int, dict[str, KeptAnswer]] = {}
        for (place, key), value in zip(asked, values, strict=True):
            if value:
                known.setdefault(place, {})[key] = decode_answer(value)
        return known

    async def _get(self, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        replies = await self._link.exchange([("GET", key) for key in keys])
        return [checked(reply) for reply in replies]

    def _shard(self, append: Append, place: int, pointers: Mapping[Place, Pointer]) -> int:
        # An append of server events goes to the shard of the device whose session the first of them joins.
        if not append.profile_key and all(run.mode > RunMode.LATE for run in append.runs):
            for index in range(len(append.runs)):
                if (place, index) in pointers:
                    return pointers[place, index][2]
        return frame_shard(append, pool=self._pool)

    def _readings(
        self, appends: Sequence[Append], pointers: Mapping[Place, Pointer]
    ) -> Iterator[tuple[Place, tuple[Row, int]]]:
        """Runs that read a session, each with the row to read it by and the shard that has it."""
        for place, append in enumerate(appends):
            for index, run in enumerate(append.runs):
                if run.mode == RunMode.PEEK:
                    home = device_shard(append, pool=self._pool)
                    yield (place, index), (run_row(run, pool=self._pool, shard=home), home)
                elif (place, index) in pointers:
                    device, previous, home = pointers[place, index]
                    row = run_row(run, pool=self._pool, shard=home)
                    yield (place, index), ((row[0], device, previous, *row[3:]), home)

    async def _read(
        self, foreign: Mapping[int, Mapping[Place, Row]], *, now_ms: int
    ) -> list[tuple[Place, Outcome]]:
        """What the sessions in other shards are."""
        if not foreign:
            return []
        calls: list[Command] = [
            call_arguments(
                reading_call(shard, list(rows.values()), now_ms=now_ms),
                keys=self._keys[shard],
                writer="",
                high_water=0,
            )
            for shard, rows in foreign.items()
        ]
        replies = await self._link.run("commit", calls)
        read: list[tuple[Place, Outcome]] = []
        for rows, reply in zip(foreign.values(), replies, strict=True):
            read.extend(zip(rows, decode_outcomes(checked(reply)[1]), strict=True))
        return read


def _pointer(value: bytes) -> Pointer:
    device, previous, shard = value[:16].decode(), value[16:32].decode(), int(value[32:])
    return device, "" if previous == NO_ID_HEX else previous, shard
