"""Many messages of one call: their runs, and the appends that they become.

One append as long as all of them fall into one shard, with the body as it was sent; else one per shard, each with a
body of its own messages. Knows no Redis.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from openpanel.identity.ids import SESSION_TIMEOUT_MS
from openpanel.stream.frames import Append, Item, Kind, Run, RunMode
from openpanel.stream.keys import Pool
from openpanel.wire.batch import split
from openpanel_api.ingest.placing import NO_RUN, Place, envelope_of, message_key, page_path
from openpanel_api.ingest.senders import Sender

NOTHING_REWRITTEN: Final[Mapping[int, bytes]] = MappingProxyType({})


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A message of a batch that was let in."""

    position: int  # in the body
    place: Place
    key: str  # what the client calls it, '' when it has no name for it


class Part(NamedTuple):
    """What goes to one shard: the append, and for each of its messages where it was and which run is its."""

    append: Append
    members: Sequence[Placed]
    runs: Sequence[int]


def parts_of(
    placed: Sequence[Placed],
    *,
    sender: Sender,
    body: bytes,
    now_ms: int,
    rewritten: Mapping[int, bytes] = NOTHING_REWRITTEN,
) -> list[Part]:
    """The appends of a batch; `rewritten` has, by position, bodies of messages that are not kept as they were sent."""
    pool = sender.lane.pool
    if pool.shards == 1 and not sender.names_addresses:
        return [_part(placed, sender=sender, body=body, now_ms=now_ms)]
    groups: dict[tuple[int, int, str], list[Placed]] = {}
    for one in placed:
        groups.setdefault(_shards(one.place, pool), []).append(one)
    if len(groups) == 1 and not rewritten:
        return [_part(placed, sender=sender, body=body, now_ms=now_ms)]
    raws = split(body)
    return [
        _part(
            [Placed(position, one.place, one.key) for position, one in enumerate(group)],
            sender=sender,
            body=b"[%b]" % b",".join(rewritten.get(one.position) or raws[one.position] for one in group),
            now_ms=now_ms,
        )._replace(members=group)
        for group in groups.values()
    ]


def runs_of(placed: Sequence[Placed], sender: Sender) -> tuple[tuple[Run, ...], list[int]]:
    """The runs of these messages in the order of their beginnings, and the run of each message."""
    runs: list[list[Place]] = []
    growing: dict[tuple[int, RunMode, str], int] = {}
    of = [NO_RUN] * len(placed)
    for position in _by_time(placed):
        one = placed[position]
        place = one.place
        mode = place.mode
        if mode is None:
            continue
        kind = (place.device, mode, place.profile if mode is RunMode.JOIN else "")
        found = growing.get(kind)
        # A message with a key of its own may be a repeat: what it adds to the run must be leavable.
        if found is None or one.key or place.at_ms - runs[found][-1].at_ms >= SESSION_TIMEOUT_MS:
            found = growing[kind] = len(runs)
            runs.append([])
        runs[found].append(place)
        of[position] = found
    return tuple([_run(places, sender) for places in runs]), of


def _by_time(placed: Sequence[Placed]) -> Sequence[int]:
    """The positions of the messages by their times; most batches are in order already."""
    times = [one.place.at_ms for one in placed]
    order = range(len(times))
    return order if times == sorted(times) else sorted(order, key=times.__getitem__)


def _run(places: Sequence[Place], sender: Sender) -> Run:
    """The run of these messages, which are in the order of their times."""
    first = places[0]
    return Run(
        sender.project_id,
        first.device,
        first.previous,
        first.at_ms,
        places[-1].at_ms,
        [place.view for place in places].count(True),
        [place.kind for place in places if not place.view].count(Kind.TRACK),
        sender.candidate(first.device, first.at_ms),
        first.mode or RunMode.PEEK,
        next((place.profile for place in reversed(places) if place.profile), ""),
        page_path(next((place.page for place in reversed(places) if place.page), "")),
    )


def _shards(place: Place, pool: Pool) -> tuple[int, int, str]:
    """What messages must share to travel together: both shards, and the address that is kept with them."""
    device = pool.shard_of(place.shard_key)
    return device, pool.shard_of(place.profile_key) if place.profile_key else device, place.ip


def _part(placed: Sequence[Placed], *, sender: Sender, body: bytes, now_ms: int) -> Part:
    runs, of = runs_of(placed, sender)
    items = [
        Item(place.kind, one.position, place.at_ms, place.flags, run, place.device, place.device_ref)
        for one, run in zip(placed, of, strict=True)
        for place in (one.place,)
    ]
    first = placed[0].place
    envelope = envelope_of(sender, ip=first.ip, body=body, items=items, now_ms=now_ms)
    named = [one.key for one in placed]
    keys = [message_key(sender.project_id, key) if key else "" for key in named] if any(named) else []
    profile_key = next(filter(None, [one.place.profile_key for one in placed]), "")
    append = Append(first.shard_key, profile_key, runs, envelope, tuple(keys))
    return Part(append, placed, of)
