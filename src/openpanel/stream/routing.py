"""Which shard an append belongs to, and what has to be asked of other shards before it is committed.

Only pools with several shards come here. In a few round trips, and only for commits that hold such messages:
where profiles and named devices are, who answers an idempotency key (`holds`), then sessions that lie in other
shards than the envelope.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from openpanel.stream.holds import Holds, keys_of_append
from openpanel.stream.keys import Pool, ShardKeys
from openpanel.stream.link import Command, Link, checked
from openpanel.stream.messages import Append, RunMode
from openpanel.stream.outcomes import NO_ID_HEX, Outcome, decode_outcomes
from openpanel.stream.plan import (
    Routed,
    Row,
    call_arguments,
    device_shard,
    fixed_row,
    frame_shard,
    named_device,
    profile_shard,
    reading_call,
    run_row,
)

Place = tuple[int, int]
"""Of a run: its append's place among the waiting, its index in the append."""
Pointer = tuple[str, str, int]
"""Device, previous device (`""`: none) and shard of the device."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of appends before they are routed, by place."""

    pointers: Mapping[Place, Pointer]
    devices: Mapping[int, int]
    """Shards in which named devices have sessions, where those are not the ones that their names lead to."""


class Routing:
    """Asks on the link of the committer, between two of its commits."""

    def __init__(self, link: Link, *, pool: Pool, keys: Sequence[ShardKeys]) -> None:
        self._link = link
        self._pool = pool
        self._keys = keys
        self.holds = Holds(link, pool=pool, keys=keys)

    def asks(self, appends: Sequence[Append]) -> bool:
        """Whether anything has to be asked before these are committed."""
        return any(
            keys_of_append(append)
            or named_device(append) is not None
            or any(run.mode in (RunMode.PEEK, RunMode.JOIN) for run in append.runs)
            for append in appends
        )

    async def route(self, appends: Sequence[Append], *, now_ms: int) -> tuple[list[Routed], set[int]]:
        """Every append with its shard, and the places of those that must wait; raises errors.Away."""
        found = Found(await self._pointers(appends), await self._devices(appends))
        shards = [self._shard(append, place, found) for place, append in enumerate(appends)]
        known, late = await self.holds.take(appends, shards, now_ms=now_ms)
        rows: list[dict[int, Row]] = [{} for _ in appends]
        foreign: dict[int, dict[Place, Row]] = {}
        for (place, index), (row, home) in self._readings(appends, found):
            if home != shards[place]:
                foreign.setdefault(home, {})[place, index] = row
            elif appends[place].runs[index].mode == RunMode.JOIN:
                rows[place][index] = row
        for (place, index), outcome in await self._read(foreign, now_ms=now_ms):
            rows[place][index] = fixed_row(appends[place].runs[index], outcome)
        routed = [
            Routed(
                append,
                shards[place],
                rows[place],
                known.get(place, {}),
                self._device_shard(append, place, found),
            )
            for place, append in enumerate(appends)
        ]
        return routed, late

    def route_simply(self, appends: Sequence[Append]) -> list[Routed]:
        """`route` for appends of which nothing has to be asked."""
        pool = self._pool
        return [
            Routed(append, frame_shard(append, pool=pool), {}, {}, device_shard(append, pool=pool))
            for append in appends
        ]

    def route_blindly(self, appends: Sequence[Append]) -> list[Routed]:
        """`route` while Redis is away: from what the appends themselves tell, the same at every repetition."""
        routed = []
        for append in appends:
            shard, home = frame_shard(append, pool=self._pool), device_shard(append, pool=self._pool)
            foreign = shard != home
            found = {
                index: fixed_row(run, Outcome(run.device, run.candidate, 0))
                for index, run in enumerate(append.runs)
                if foreign and run.mode == RunMode.PEEK
            }
            routed.append(Routed(append, shard, found, {}, home))
        return routed

    async def _pointers(self, appends: Sequence[Append]) -> dict[Place, Pointer]:
        asked: dict[Place, str] = {}
        for place, append in enumerate(appends):
            for index, run in enumerate(append.runs):
                if run.mode == RunMode.JOIN and run.profile:
                    home = self._keys[profile_shard(run, pool=self._pool)]
                    asked[place, index] = home.profile(project=run.project, profile=run.profile)
        values = await self._get(list(asked.values()))
        return {place: _pointer(value) for place, value in zip(asked, values, strict=True) if value}

    async def _devices(self, appends: Sequence[Append]) -> dict[int, int]:
        """Where devices have sessions that are named by an id which was made elsewhere, from an address."""
        asked: list[tuple[int, int, str]] = []
        for place, append in enumerate(appends):
            named = named_device(append)
            if named is None:
                continue
            project, device = named
            own = device_shard(append, pool=self._pool)
            asked += [
                (place, keys.index, keys.session(project=project, device=device))
                for keys in self._keys
                if keys.index != own
            ]
        if not asked:
            return {}
        replies = await self._link.exchange([("EXISTS", key) for _, _, key in asked])
        return {
            place: shard for (place, shard, _), reply in zip(asked, replies, strict=True) if checked(reply)
        }

    async def _get(self, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        replies = await self._link.exchange([("GET", key) for key in keys])
        return [checked(reply) for reply in replies]

    def _shard(self, append: Append, place: int, found: Found) -> int:
        if place in found.devices:
            return found.devices[place]
        # An append of server events goes to the shard of the device whose session the first of them joins.
        if not append.profile_key and all(run.mode > RunMode.LATE for run in append.runs):
            for index in range(len(append.runs)):
                if (place, index) in found.pointers:
                    return found.pointers[place, index][2]
        return frame_shard(append, pool=self._pool)

    def _device_shard(self, append: Append, place: int, found: Found) -> int:
        known = found.devices.get(place)
        return device_shard(append, pool=self._pool) if known is None else known

    def _readings(self, appends: Sequence[Append], found: Found) -> Iterator[tuple[Place, tuple[Row, int]]]:
        """Runs that read a session, each with the row to read it by and the shard that has it."""
        for place, append in enumerate(appends):
            for index, run in enumerate(append.runs):
                if run.mode == RunMode.PEEK:
                    home = device_shard(append, pool=self._pool)
                    yield (place, index), (run_row(run, pool=self._pool, shard=home), home)
                elif (place, index) in found.pointers:
                    device, previous, home = found.pointers[place, index]
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
