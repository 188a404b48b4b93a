"""Where a message belongs: its kind, its device, its time, and the session run that it is part of.

From a message and its sender to the `Append` that the committer takes. Knows no Redis; the time is given. A run is
made of messages of one device that lie less than half an hour apart; the committer resolves each to a session.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from openpanel.enrich import page
from openpanel.identity.ids import NO_ID, foreign_device, from_hex, to_hex
from openpanel.identity.times import event_time
from openpanel.stream.frames import Append, Envelope, Flag, Item, Kind, Run, RunMode
from openpanel.stream.messages import GUARD_MS
from openpanel.wire import messages, reserved
from openpanel.wire.messages import Message, Properties, Track, profile_of
from openpanel_api.ingest.addresses import canonical
from openpanel_api.ingest.senders import KEY_BYTES, Sender

NO_RUN: Final = -1
WHOLE_BODY: Final = -1  # index of a message that is the body itself
DUPLICATE_MS: Final = GUARD_MS  # the same bytes from the same sender within this time are one call
ADDRESS_KEPT: Final = 512  # characters of a page's address that is worth remembering

# A look-up less each, for every event.
_TRACK: Final = Kind.TRACK
_REPLAY: Final = Kind.REPLAY
_OPEN: Final = RunMode.OPEN
_PEEK: Final = RunMode.PEEK

_KINDS: Final[dict[type, Kind]] = {
    messages.Track: Kind.TRACK,
    messages.Identify: Kind.IDENTIFY,
    messages.Increment: Kind.INCREMENT,
    messages.Decrement: Kind.DECREMENT,
    messages.Alias: Kind.ALIAS,
    messages.Replay: Kind.REPLAY,
    messages.Group: Kind.GROUP,
    messages.AssignGroup: Kind.ASSIGN_GROUP,
}


class Place(msgspec.Struct, gc=False):
    """Where one message belongs. `mode` None: it has nothing to do with sessions."""

    kind: Kind
    at_ms: int
    flags: int
    mode: RunMode | None
    device: int
    previous: int | None
    device_ref: str
    ip: str
    shard_key: str
    profile: str
    """Whose the device is by this message: only an event or an identify says so."""
    profile_key: str = ""
    view: bool = False
    page: str = ""
    """The address of the page as it was sent; its path is only read where a run ends there."""
    answered_ref: str = ""
    """The device as the client named it, to be answered as it was sent."""
    describes: str = ""
    """The profile that the event describes beside itself."""


def place(message: Message, *, sender: Sender, now_ms: int) -> Place:
    """The place of a message of a sender that was let in."""
    if type(message) is Track:
        return _place_track(message.payload, sender, now_ms)
    return _place_other(message, sender, now_ms)


def run_of(place: Place, sender: Sender) -> Run:
    """The run of a message that stands alone."""
    view = place.view
    counted = 1 if place.kind is _TRACK and not view else 0
    return Run(
        sender.project_id,
        place.device,
        place.previous,
        place.at_ms,
        place.at_ms,
        1 if view else 0,
        counted,
        sender.candidate(place.device, place.at_ms),
        place.mode or _PEEK,
        place.profile,
        page_path(place.page),
    )


def item_of(place: Place, *, index: int, run: int) -> Item:
    return Item(place.kind, index, place.at_ms, place.flags, run, place.device, place.device_ref)


def envelope_of(sender: Sender, *, ip: str, body: bytes, items: list[Item], now_ms: int) -> Envelope:
    head = sender.head
    return Envelope(
        sender.project_id,
        sender.client_id,
        now_ms,
        sender.kept_ip if ip == sender.ip else sender.kept_form(ip),
        head.user_agent,
        head.origin,
        head.sdk_name,
        head.sdk_version,
        body,
        items,
    )


def append_single(place: Place, *, sender: Sender, body: bytes, now_ms: int, key: str) -> Append:
    """The append of a call with one message. `key` is what the client calls it, '' when it has no name for it."""
    runs = () if place.mode is None else (run_of(place, sender),)
    item = item_of(place, index=WHOLE_BODY, run=0 if runs else NO_RUN)
    envelope = envelope_of(sender, ip=place.ip, body=body, items=[item], now_ms=now_ms)
    if key:
        return Append(
            place.shard_key, place.profile_key, runs, envelope, (message_key(sender.project_id, key),)
        )
    if sender.head.guarded and place.ip and place.kind is not _REPLAY:
        guard = duplicate_key(sender, ip=place.ip, body=body)
        return Append(place.shard_key, place.profile_key, runs, envelope, (guard,), DUPLICATE_MS)
    return Append(place.shard_key, place.profile_key, runs, envelope)


def append_bots(sender: Sender, *, indexes: Sequence[int], body: bytes, now_ms: int) -> Append:
    """What is kept of page views of a declared bot."""
    name, kind = sender.bot or ("", "")
    items = [
        Item(Kind.BOT, index, now_ms, sender.flags, NO_RUN, NO_ID, f"{name}|{kind}") for index in indexes
    ]
    envelope = envelope_of(sender, ip=sender.ip, body=body, items=items, now_ms=now_ms)
    return Append(sender.shard_key, "", (), envelope)


def message_key(project: str, key: str) -> str:
    """What a message that its client has a name for is remembered under."""
    return blake2b(f"{project}\0{key}".encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).hexdigest()


def duplicate_key(sender: Sender, *, ip: str, body: bytes) -> str:
    """What the bytes of a call are remembered under for a moment."""
    digest = sender.guard.copy() if ip == sender.ip else sender.guard_at(ip)
    digest.update(body)
    return digest.hexdigest()


def _place_track(payload: messages.TrackPayload, sender: Sender, now_ms: int) -> Place:
    profile = messages.profile_text(payload.profile_id)
    place = Place(
        _TRACK,
        now_ms,
        sender.flags,
        _OPEN,
        sender.device,
        sender.previous,
        "",
        sender.ip,
        sender.shard_key,
        profile,
    )
    if payload.properties:
        _apply_properties(place, payload, payload.properties, sender, now_ms)
    if sender.server:
        _place_of_server(place)
    return place


def _apply_properties(
    place: Place, payload: messages.TrackPayload, properties: Properties, sender: Sender, now_ms: int
) -> None:
    """What reserved properties say about device, time, page and person."""
    sent_ms = reserved.sent_ms_of(properties)
    if sent_ms is not None:
        place.at_ms, late = event_time(sent_ms, received_ms=now_ms)
        if late:
            place.flags |= Flag.LATE
            place.mode = RunMode.LATE
    page_address = reserved.path_of(properties)
    if page_address:
        place.page = page_address
        place.view = payload.name == reserved.SCREEN_VIEW
    if sender.names_addresses and reserved.ADDRESS in properties:
        _place_at_address(place, properties, sender)
    if reserved.DEVICE in properties and not sender.project.cookieless:
        _place_on_device(place, properties, sender)
    if place.mode is RunMode.LATE and not place.answered_ref:
        _place_in_its_day(place, sender)
    if described := properties.get(reserved.IDENTIFY):
        place.describes = messages.profile_text(described["profileId"])
        place.profile = place.profile or place.describes


def _place_at_address(place: Place, properties: Properties, sender: Sender) -> None:
    ip = canonical(reserved.address_of(properties))
    if ip and ip != sender.ip:
        place.ip, place.shard_key = ip, sender.shard_key_at(ip)
        place.device, place.previous = sender.devices_at(ip)


def _place_in_its_day(place: Place, sender: Sender) -> None:
    """What comes late was done by the device of its own day, as if it had come then."""
    place.device, place.previous = sender.devices_then(place.ip, place.at_ms)
    if place.device == NO_ID:
        place.mode = None


def _place_on_device(place: Place, properties: Properties, sender: Sender) -> None:
    ref = reserved.device_of(properties)
    if ref:
        place.device, place.previous = foreign_device(sender.project_id, ref), None
        place.device_ref = "" if from_hex(ref) else ref
        place.shard_key = f"{sender.project_id}|{ref}"
        place.answered_ref = ref


def _place_of_server(place: Place) -> None:
    """A program's own device says nothing about a visitor; it only joins sessions that are there."""
    if place.answered_ref:
        place.mode = RunMode.LATE
        return
    place.device, place.previous = NO_ID, None
    joins = place.profile and not place.flags & Flag.LATE
    place.mode = RunMode.JOIN if joins else None


def _place_other(message: Message, sender: Sender, now_ms: int) -> Place:
    profile = profile_of(message)
    place = Place(
        _KINDS[type(message)],
        now_ms,
        sender.flags,
        RunMode.PEEK,
        sender.device,
        sender.previous,
        "",
        sender.ip,
        sender.shard_key,
        # A page may count for anybody; that makes nobody the one who sits at this device.
        profile if isinstance(message, messages.Identify) else "",
    )
    if isinstance(message, messages.Group):
        place.profile_key = f"{sender.project_id}|group|{message.payload.id}"
    elif profile:
        place.profile_key = f"{sender.project_id}|{profile}"
    elif isinstance(message, messages.AssignGroup) and not sender.server:
        # Who has no name is described as its device, also by whoever names that as a profile.
        place.profile_key = f"{sender.project_id}|{to_hex(place.device)}"
    if sender.server:
        place.device, place.previous, place.mode = NO_ID, None, None
    return place


def page_path(address: str) -> str:
    """The path of a page's address, as events keep it; '' for none."""
    if not address:
        return ""
    # Long ones are hardly ever seen again, and a thousand of a megabyte would be a gigabyte.
    return _known_path(address) if len(address) <= ADDRESS_KEPT else page.parse(address).path


@lru_cache(maxsize=8_192)
def _known_path(address: str) -> str:
    return page.parse(address).path
