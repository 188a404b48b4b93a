"""Idempotency keys in pools with several shards: one append at a time answers a key, wherever it comes from.

A key has a home shard, which knows what it was answered and, before that, who is at it: a claim. The same key from
another address, at the same moment, finds the claim and waits until the answer is there. A claim whose owner is gone
is looked into where the owner would have written the answer, and taken over when there is none.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from openpanel.stream.keys import Pool, ShardKeys
from openpanel.stream.link import Command, Link, checked
from openpanel.stream.messages import Append
from openpanel.stream.outcomes import KeptAnswer, Outcome, answer_of, kept_answer
from openpanel.stream.plan import Routed, is_guarded

CLAIM_MS: Final = 10_000  # a claim as old as this without an answer has no owner any more
CLAIM_KEPT_MS: Final = 60_000  # for as long the answer is looked for where the owner would have written it

_MINE, _ANSWERED = 0, 1  # what hold.lua says; else another's claim

Place = tuple[int, str]
"""An append's place among the waiting and one of its keys."""


class Holds:
    """Claims of the appends of one commit, asked for on the link of the committer."""

    def __init__(self, link: Link, *, pool: Pool, keys: Sequence[ShardKeys]) -> None:
        self._link = link
        self._pool = pool
        self._keys = keys

    async def take(
        self, appends: Sequence[Append], shards: Sequence[int], *, now_ms: int
    ) -> tuple[dict[int, dict[str, KeptAnswer]], set[int]]:
        """Claim the keys of appends that will lie in these shards; raises errors.Away.

        Gives what keys were answered before, by place, and the places of appends that must wait. Those claim nothing.
        """
        wanted = {
            (place, key): shards[place]
            for place, append in enumerate(appends)
            for key in keys_of_append(append)
        }
        known, others = await self.claim(wanted, now_ms=now_ms)
        late = {place for place, _ in others}
        mine = [one for one in wanted if one not in others and not _is_known(one, known)]
        if given_up := [key for place, key in mine if place in late]:
            await self._link.exchange(self.releases(given_up))
        return known, late

    async def claim(
        self, wanted: Mapping[Place, int], *, now_ms: int
    ) -> tuple[dict[int, dict[str, KeptAnswer]], dict[Place, int]]:
        """Claim keys for the shards in which their messages will lie; raises errors.Away.

        Gives what keys were answered before, by place, and those that others are at, with the shards of these.
        """
        token = secrets.token_hex(8)
        asked = {one: f"{shard}|{now_ms}|{token}-{one[0]}" for one, shard in wanted.items()}
        known: dict[int, dict[str, KeptAnswer]] = {}
        others = await self._hold(asked, {}, known)
        orphans = await self._look_into(others, known, now_ms=now_ms)
        others = await self._hold({one: asked[one] for one in orphans}, orphans, known) | {
            one: claim for one, claim in others.items() if one not in orphans and not _is_known(one, known)
        }
        return known, {one: _shard_of(claim) for one, claim in others.items()}

    def releases(self, keys: Sequence[str]) -> list[Command]:
        """Gives up claims of keys that are not answered."""
        return [("DEL", self._home(key).claim(key)) for key in keys]

    def answers(self, one: Routed, outcomes: Sequence[Outcome]) -> Iterator[Command]:
        """Writes what keyed messages were answered to the home shards of their keys, in place of the claims."""
        append = one.append
        if is_guarded(append):
            return
        items = append.envelope.items if append.envelope is not None else ()
        for key, item in zip(append.idempotency, items, strict=False):
            if not key or key in one.known:
                continue
            home = self._home(key)
            if home.index != one.shard:  # there the commit itself has written it
                run = item.run
                answer = answer_of(
                    outcomes[run] if run >= 0 else None, append.runs[run] if run >= 0 else None
                )
                yield "SET", home.idempotency(key), answer, "PX", append.idempotency_ttl_ms
            yield "DEL", home.claim(key)

    async def _hold(
        self,
        claims: Mapping[Place, str],
        instead: Mapping[Place, str],
        known: dict[int, dict[str, KeptAnswer]],
    ) -> dict[Place, str]:
        """Take the claims; gives those of others that are in the way, and adds to what is known."""
        if not claims:
            return {}
        calls: list[Command] = []
        for one, claim in claims.items():
            home = self._home(one[1])
            names = (home.idempotency(one[1]), home.claim(one[1]))
            calls.append((2, *names, claim, CLAIM_KEPT_MS, instead.get(one, "")))
        others = {}
        for one, reply in zip(claims, await self._link.run("hold", calls), strict=True):
            state, value = checked(reply)
            if state == _ANSWERED:
                known.setdefault(one[0], {})[one[1]] = kept_answer(value)
            elif state != _MINE:
                others[one] = value.decode()
        return others

    async def _look_into(
        self, others: Mapping[Place, str], known: dict[int, dict[str, KeptAnswer]], *, now_ms: int
    ) -> dict[Place, str]:
        """Ask for answers where the owners of these claims would have written them; gives the claims without owner."""
        if not others:
            return {}
        commands: list[Command] = [
            ("GET", self._keys[_shard_of(claim)].idempotency(key)) for (_, key), claim in others.items()
        ]
        orphans = {}
        for (one, claim), reply in zip(others.items(), await self._link.exchange(commands), strict=True):
            if value := checked(reply):
                known.setdefault(one[0], {})[one[1]] = kept_answer(value)
            elif now_ms - int(claim.split("|")[1]) > CLAIM_MS:
                orphans[one] = claim
        return orphans

    def _home(self, key: str) -> ShardKeys:
        return self._keys[self._pool.shard_of(key)]


def keys_of_append(append: Append) -> tuple[str, ...]:
    """The keys that are remembered for long; a guard holds where the append lies."""
    if is_guarded(append):
        return ()
    return tuple(dict.fromkeys(key for key in append.idempotency if key))


def _shard_of(claim: str) -> int:
    return int(claim.partition("|")[0])


def _is_known(one: Place, known: Mapping[int, Mapping[str, KeptAnswer]]) -> bool:
    return one[1] in known.get(one[0], {})
