"""Persons described inside events, in pools with several shards: the description goes to the person's shard.

One worker must apply all changes of a person, and the event goes where its device is. Descriptions go first and are
waited for, so that a call that is refused has at most told something twice, which changes nothing. In a pool of one
shard the worker finds the description in the event.
"""

from collections.abc import Sequence
from typing import NamedTuple

from openpanel.identity.ids import NO_ID
from openpanel.stream.errors import Overloaded
from openpanel.stream.frames import Append, Item, Kind
from openpanel.wire.inner import split_identify
from openpanel_api.ingest.placing import NO_RUN, Place, envelope_of, message_key
from openpanel_api.ingest.senders import Sender


class Describing(NamedTuple):
    """An event that describes a person."""

    position: int
    place: Place
    body: bytes
    key: str


class Told(NamedTuple):
    """What became of them: bodies of the events without descriptions, and positions that were turned away."""

    bodies: dict[int, bytes]
    late: dict[int, Overloaded]


async def tell_first(describing: Sequence[Describing], *, sender: Sender, now_ms: int) -> Told:
    """Put the descriptions into the stream and wait until they are kept."""
    bodies: dict[int, bytes] = {}
    groups: dict[tuple[int, str], list[tuple[Describing, bytes]]] = {}
    for one in describing:
        bodies[one.position], described = split_identify(one.body)
        home = sender.lane.pool.shard_of(_profile_key(one.place, sender))
        groups.setdefault((home, one.place.ip), []).append((one, described))
    waiting = [
        (group, sender.lane.commits.append(_append(group, sender=sender, now_ms=now_ms)))
        for group in groups.values()
    ]
    late: dict[int, Overloaded] = {}
    for group, kept in waiting:
        try:
            await kept
        except Overloaded as overloaded:
            late.update((one.position, overloaded) for one, _ in group)
    return Told(bodies, late)


def _append(group: Sequence[tuple[Describing, bytes]], *, sender: Sender, now_ms: int) -> Append:
    items = [
        Item(Kind.IDENTIFY, index, one.place.at_ms, one.place.flags, NO_RUN, NO_ID)
        for index, (one, _) in enumerate(group)
    ]
    keys = tuple(
        message_key(sender.project_id, f"{one.key}\0identify") if one.key else "" for one, _ in group
    )
    first = group[0][0].place
    body = b"[%b]" % b",".join(described for _, described in group)
    envelope = envelope_of(sender, ip=first.ip, body=body, items=items, now_ms=now_ms)
    return Append(first.shard_key, _profile_key(first, sender), (), envelope, keys if any(keys) else ())


def _profile_key(place: Place, sender: Sender) -> str:
    return f"{sender.project_id}|{place.describes}"
