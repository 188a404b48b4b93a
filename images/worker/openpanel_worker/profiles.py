"""What is known about a person, and how it changes: pure values, no store.

Later words win over earlier ones and empty words over none; nothing said is ever taken back, and what is new counts
for as long as there is room (`bounded`). A change is applied only to a profile of an older version, so that a change
that is met twice counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from openpanel.enrich.geo import Place
from openpanel.enrich.properties import flatten, number_text
from openpanel.enrich.text import storable
from openpanel.enrich.user_agent import Agent
from openpanel.identity.ids import person_of_profile
from openpanel.wire.messages import IdentifyPayload
from openpanel_worker.batch import Row
from openpanel_worker.bounded import joined, left_out, merged
from openpanel_worker.fragments import Fragments

SERVER: Final = "server"
_COLUMNS_OF_PLACE: Final = ("country", "region", "city", "longitude", "latitude")
_COLUMNS_OF_AGENT: Final = Agent._fields


class NotANumber(ValueError):
    """The property that is to be counted up holds something else than a number, or one too large to be added to."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A person of a project as far as told; version 0: nothing was told yet."""

    project: str
    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    avatar: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    created_ms: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody says who the person is: `identify`."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    avatar: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of the person grows by `amount`, which may be negative: `increment` and `decrement`."""

    property: str
    amount: float


@dataclass(frozen=True, slots=True)
class Joined:
    """The person belongs to groups: `assign_group`."""

    groups: tuple[str, ...]


Change = Told | Counted | Joined


def changed(profile: Profile, change: Change, *, order: int, at_ms: int) -> Profile:
    """The profile after a change; the same one if it has seen the change. Raises NotANumber."""
    if order <= profile.version:
        return profile
    known = replace(profile, version=order, created_ms=profile.created_ms or at_ms)
    match change:
        case Told():
            return _told(known, change)
        case Counted():
            return replace(known, properties=merged(known.properties, {change.property: _sum(known, change)}))
        case Joined():
            return replace(known, groups=joined(known.groups, change.groups))


def left_of_change(profile: Profile, change: Change) -> str:
    """What of a change found no room in the profile after it, as a sentence; empty: all of it did."""
    match change:
        case Told():
            return left_out(change.properties, profile.properties)
        case Counted():
            return left_out((change.property,), profile.properties)
        case Joined():
            return left_out(change.groups, frozenset(profile.groups))


def told(payload: IdentifyPayload, *, place: Place, agent: Agent) -> Told:
    """What an `identify` says, with what its request says about place and device; servers have neither."""
    surroundings: dict[str, str] = {}
    if agent.device != SERVER:
        surroundings = {name: value for name, value in zip(_COLUMNS_OF_AGENT, agent, strict=True) if value}
        if place.country:
            surroundings |= {
                name: str(value) for name, value in zip(_COLUMNS_OF_PLACE, place, strict=True) if value
            }
    return Told(
        storable(payload.first_name or "").strip(),
        storable(payload.last_name or "").strip(),
        storable(payload.email or "").strip(),
        storable(payload.avatar or "").strip(),
        surroundings | flatten(payload.properties or {}),
    )


def profile_row(profile: Profile, fragments: Fragments) -> Row:
    """The row of `profiles`."""
    return (
        profile.project,
        fragments[profile.id],
        fragments[profile.first_name],
        fragments[profile.last_name],
        fragments[profile.email],
        fragments[profile.avatar],
        (tuple(profile.properties), tuple(map(fragments.__getitem__, profile.properties.values()))),
        tuple(map(fragments.__getitem__, profile.groups)),
        profile.created_ms,
        profile.version,
        0,
        person_of_profile(profile.id),
    )


def _told(known: Profile, change: Told) -> Profile:
    return replace(
        known,
        first_name=change.first_name or known.first_name,
        last_name=change.last_name or known.last_name,
        email=change.email or known.email,
        avatar=change.avatar or known.avatar,
        properties=merged(known.properties, change.properties),
    )


def _sum(profile: Profile, change: Counted) -> str:
    present = profile.properties.get(change.property, "0")
    try:
        number: float = int(present)
    except ValueError:
        number = _float(present)
    try:
        total = number + change.amount
    except OverflowError:  # an integer that no float can hold
        raise NotANumber(present[:100]) from None
    if total - total != 0:
        raise NotANumber(present[:100])
    return number_text(total)


def _float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise NotANumber(text[:100]) from None
    if number - number != 0:  # infinite, or no number at all
        raise NotANumber(text[:100])
    return number
