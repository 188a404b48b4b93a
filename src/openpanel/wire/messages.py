"""The messages of the wire, one struct per type, with the names that clients use on the outside.

The API decodes them to check, the worker to work: both read the same bytes with the same structs. Unknown keys are
ignored, `null` means "not given" wherever a field may be left out. Rules that a type cannot say are in `checks`.
"""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from openpanel.wire import limits

Text = Annotated[str, Meta(min_length=1)]
IdText = Annotated[str, Meta(min_length=1, max_length=limits.PROFILE_ID)]
ProfileId = IdText | int | float
Properties = dict[str, Any]
Amount = (
    Annotated[int, Meta(gt=0, le=limits.SAFE_INTEGER)] | Annotated[float, Meta(gt=0, le=limits.SAFE_INTEGER)]
)
Moment = Annotated[datetime, Meta(tz=True)]


class TrackPayload(Struct, rename="camel", gc=False):
    """One event. `properties` also carries the reserved ones, whose names start with two underscores."""

    name: Text
    properties: Properties | None = None
    profile_id: ProfileId | None = None
    groups: Annotated[list[str], Meta(max_length=limits.GROUPS)] | None = None


class IdentifyPayload(Struct, rename="camel"):
    """What is known about a person. Empty text never overwrites what is known already."""

    profile_id: ProfileId
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    avatar: str | None = None
    properties: Properties | None = None


class StepPayload(Struct, rename="camel"):
    """A change of a number of a profile."""

    profile_id: ProfileId
    property: Text
    value: Amount | None = None


class AliasPayload(Struct, rename="camel"):
    """Another id of the same person."""

    profile_id: ProfileId
    alias: ProfileId


class ReplayPayload(Struct):
    """A piece of a session recording. Web SDKs leave `sessionId` out until their first answer has come."""

    chunk_index: Annotated[int, Meta(ge=0, le=limits.CHUNK_INDEX)]
    events_count: Annotated[int, Meta(ge=1, le=limits.EVENTS_OF_CHUNK)]
    is_full_snapshot: bool
    started_at: Moment
    ended_at: Moment
    payload: Annotated[str, Meta(max_length=limits.REPLAY_CHARACTERS)]
    session_id: Annotated[str, Meta(max_length=limits.SESSION_REF)] | None = msgspec.field(
        default=None, name="sessionId"
    )


class GroupPayload(Struct):
    """What is known about a group of people, such as a customer's account."""

    id: IdText
    type: Text
    name: Text
    properties: Properties | None = None


class AssignGroupPayload(Struct, rename="camel"):
    """The groups that a person is in; without a profile id the device's."""

    group_ids: Annotated[list[IdText], Meta(min_length=1, max_length=limits.GROUPS)]
    profile_id: ProfileId | None = None


class _Message(Struct, tag_field="type", rename="camel", kw_only=True, gc=False):
    """What every message may carry beside its payload."""

    client_id: str | None = None
    client_secret: str | None = None
    message_id: Annotated[str, Meta(max_length=limits.IDEMPOTENCY_KEY)] | None = None


class Track(_Message, tag="track"):
    payload: TrackPayload


class Identify(_Message, tag="identify"):
    payload: IdentifyPayload


class Increment(_Message, tag="increment"):
    payload: StepPayload


class Decrement(_Message, tag="decrement"):
    payload: StepPayload


class Alias(_Message, tag="alias"):
    payload: AliasPayload


class Replay(_Message, tag="replay"):
    payload: ReplayPayload


class Group(_Message, tag="group"):
    payload: GroupPayload


class AssignGroup(_Message, tag="assign_group"):
    payload: AssignGroupPayload


Message = Track | Identify | Increment | Decrement | Alias | Replay | Group | AssignGroup

MESSAGE: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)
MESSAGES: Final[msgspec.json.Decoder[list[Message]]] = msgspec.json.Decoder(list[Message])


def profile_text(profile: str | float | None) -> str:
    """A profile id as text, as JavaScript would write it; '' when there is none.

    >>> profile_text(7), profile_text(7.0), profile_text("a"), profile_text(None)
    ('7', '7', 'a', '')
    """
    if profile is None:
        return ""
    if isinstance(profile, float) and profile.is_integer():
        return str(int(profile))
    return str(profile)


def profile_of(message: Message) -> str:
    """The profile that a message belongs to; '' when it names none. `__identify` inside an event counts."""
    payload = message.payload
    if isinstance(payload, TrackPayload):
        return profile_text(payload.profile_id) or _identified(payload)
    if isinstance(payload, GroupPayload | ReplayPayload):
        return ""
    return profile_text(payload.profile_id)


def profiles_named(message: Message) -> tuple[str, ...]:
    """Every profile that a message names in any way: what a project's filters are asked about."""
    payload = message.payload
    if isinstance(payload, TrackPayload):
        return profile_text(payload.profile_id), _identified(payload)
    if isinstance(payload, AliasPayload):
        return profile_text(payload.profile_id), profile_text(payload.alias)
    return (profile_of(message),)


def _identified(payload: TrackPayload) -> str:
    identify = payload.properties and payload.properties.get("__identify")
    return profile_text(identify["profileId"]) if identify else ""
