"""Idempotency keys of spooled commits, which were made while nobody could ask whose they are.

Only pools with several shards need this: in a shard the commit script knows the keys itself. Before a commit of the
spool is brought in, the home shards of its keys say what was answered meanwhile, or take a claim; afterwards they are
told what became of it. All of it may be done twice, and by the heir of a dead process too.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from openpanel.stream.errors import Held
from openpanel.stream.holds import Holds
from openpanel.stream.keys import ShardKeys
from openpanel.stream.link import Command, Link, checked
from openpanel.stream.plan import Call, Request

_requests: Final = msgspec.msgpack.Decoder(list[Request])
_encoder: Final = msgspec.msgpack.Encoder()


class _Keyed(NamedTuple):
    """A key of a call, and for how long its answer is kept."""

    call: int
    key: str
    ttl_ms: int


class SpooledKeys:
    """Claims and answers of the keys of spooled calls, on the link that replays them."""

    def __init__(self, link: Link, *, keys: Sequence[ShardKeys]) -> None:
        self._link = link
        self._keys = keys
        self._pool = keys[0].pool
        self._holds = Holds(link, pool=self._pool, keys=keys)
        self._mine: set[str] = set()  # claims

    def waves(self, calls: Sequence[Call]) -> Iterator[list[Call]]:
        """The calls in their order, cut before each that repeats a key of another shard: its answer has to be there."""
        if self._pool.shards == 1:
            yield list(calls)
            return
        wave: list[Call] = []
        shards: dict[str, int] = {}
        for call in calls:
            names = [one.key for one in _keyed([call])]
            if any(shards.get(name, call.shard) != call.shard for name in names):
                yield wave
                wave, shards = [], {}
            wave.append(call)
            shards.update(dict.fromkeys(names, call.shard))
        yield wave

    async def claimed(self, wave: Sequence[Call], *, now_ms: int) -> list[Call]:
        """The calls with what their keys were answered before; the other keys are theirs from now on.

        Raises errors.Held while somebody else is answering one of them, and errors.Away.
        """
        keyed = [] if self._pool.shards == 1 else _keyed(wave)
        if not keyed:
            return list(wave)
        shards = {(one.call, one.key): wave[one.call].shard for one in keyed}
        known, others = await self._holds.claim(shards, now_ms=now_ms)
        self._mine.update(
            key for at, key in shards if (at, key) not in others and key not in known.get(at, {})
        )
        # A claim for the shard of the call is no hindrance: the script there answers one after the other.
        if any(owner != shards[place] for place, owner in others.items()):
            mine, self._mine = self._mine, set()
            if mine:
                await self._link.exchange(self._holds.releases(sorted(mine)))
            raise Held("a key is being answered by another request")
        return [_informed(call, known.get(place, {})) for place, call in enumerate(wave)]

    async def told(self, wave: Sequence[Call]) -> None:
        """Tell the home shards what the keys of these calls were answered in theirs; raises errors.Away."""
        if self._pool.shards == 1:
            return
        keyed = _keyed(wave)
        if not keyed:
            return
        own = [self._keys[wave[one.call].shard] for one in keyed]
        asked = [("GET", keys.idempotency(one.key)) for keys, one in zip(own, keyed, strict=True)]
        commands: list[Command] = []
        for keys, one, reply in zip(own, keyed, await self._link.exchange(asked), strict=True):
            home = self._keys[self._pool.shard_of(one.key)]
            answer = checked(reply)
            if answer and home is not keys:
                commands.append(("SET", home.idempotency(one.key), answer, "PX", one.ttl_ms))
            if answer or one.key in self._mine:
                commands.append(("DEL", home.claim(one.key)))
        if commands:
            await self._link.exchange(commands)
        self._mine.clear()


def _keyed(calls: Sequence[Call]) -> list[_Keyed]:
    """The keys whose answers are not known yet."""
    return [
        _Keyed(place, key, ttl_ms)
        for place, call in enumerate(calls)
        for _, _, messages, ttl_ms, _ in _requests_of(call)
        for key, _, answer in messages
        if key and not answer
    ]


def _requests_of(call: Call) -> list[Request]:
    try:
        return _requests.decode(call.requests) if call.requests else []
    except (msgspec.DecodeError, UnicodeDecodeError):  # the script says so, and the record is set aside
        return []


def _informed(call: Call, known: dict[str, str]) -> Call:
    """The call with these answers, so that the script drops their messages."""
    if not known:
        return call
    requests = [
        (
            run,
            runs,
            [(key, one, answer or known.get(key, "")) for key, one, answer in messages],
            ttl_ms,
            first,
        )
        for run, runs, messages, ttl_ms, first in _requests_of(call)
    ]
    return msgspec.structs.replace(call, requests=_encoder.encode(requests))
