"""What a message has to do with persons that were erased: pure, but for the bodies that it reads.

A message is its profile's, whichever device it came from; one that names no profile is its device's. What was received
up to the erasure is not written any more; what comes later begins a new story, and builds on nothing that was told
before.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from openpanel.identity.ids import NO_ID, foreign_device, person_of_profile
from openpanel.metadata import ForgottenPerson
from openpanel.stream.drain import EndedSession, Message
from openpanel.stream.frames import Kind
from openpanel.wire.messages import MESSAGE, Group, profile_text, profiles_named
from openpanel.wire.rows import ROW
from openpanel_worker.bodies import Bodies, kept
from openpanel_worker.projects import Project

ORDER_BITS: Final = 20  # of a place in the stream, below its milliseconds

Persons = Mapping[int, ForgottenPerson]

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError)
_NAMES: Final = re.compile(rb'"(?:profileId|profile_id|alias)"\s*:\s*(?:("(?:[^"\\]|\\.)*")|([0-9]+))')


@dataclass(slots=True)
class LeftOut:
    """What the messages tell of a person that were left out."""

    names: set[str] = field(default_factory=set)
    devices: set[int] = field(default_factory=set)
    own_devices: set[int] = field(default_factory=set)
    """Without those that a server only borrows from the visit that it joins."""


@dataclass(slots=True)
class Met:
    """What a block knew of erased persons when it was made, and what it met of them."""

    known: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of each of its projects the erasures, with how many numbers of the person were known."""
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    """By erasure."""

    def knew(self, projects: Mapping[str, Project]) -> None:
        """Note what is known by now."""
        for name, project in projects.items():
            self.known[name] = {one.erasure: len(one.persons) for one in project.forgotten.values()}

    def join(self, other: "Met") -> None:
        """Take another block's for this one's: what either did not know was not known."""
        for project, known in other.known.items():
            before = self.known.get(project, known)
            self.known[project] = {one: size for one, size in known.items() if before.get(one) == size}
        for erasure, told in other.left_out.items():
            mine = self.left_out.setdefault(erasure, LeftOut())
            mine.names |= told.names
            mine.devices |= told.devices
            mine.own_devices |= told.own_devices

    def leave_out(self, message: Message, person: ForgottenPerson, names: Iterable[str]) -> None:
        """Note that a message was left out, which names these profiles."""
        told = self.left_out.setdefault(person.erasure, LeftOut())
        told.names.update(names)
        told.devices.add(message.device)
        if message.item.device != NO_ID:
            told.own_devices.add(message.device)


def whose(message: Message, bodies: Bodies, persons: Persons, met: Met) -> ForgottenPerson | None:
    """The erased person that the message is of, if it was received before; what it tells is noted."""
    if message.item.kind == Kind.BOT:
        return None
    names = _named(message, bodies)
    if names is None:
        return None
    numbers: Iterable[int] = map(person_of_profile, names) if names else (message.device,)
    person = _earlier(numbers, persons, message.envelope.received_ms)
    if person is not None:
        met.leave_out(message, person, names)
    return person


def of_ended(ended: EndedSession, persons: Persons) -> ForgottenPerson | None:
    """The erased person whose session has ended, if that was before."""
    number = person_of_profile(ended.profile) if ended.profile else ended.device
    return _earlier((number,), persons, ended.ended_ms)


def is_of_before(profile: str, project: str, *, version: int, persons: Persons) -> bool:
    """Whether what is known of a profile was told before its person was erased."""
    numbers = (person_of_profile(profile), foreign_device(project, profile))
    return _earlier(numbers, persons, version >> ORDER_BITS) is not None


def _earlier(numbers: Iterable[int], persons: Persons, at_ms: int) -> ForgottenPerson | None:
    found = (person for number in numbers if (person := persons.get(number)) is not None)
    return next((person for person in found if at_ms <= person.until_ms), None)


def _named(message: Message, bodies: Bodies) -> set[str] | None:
    """The profiles that a message names; None: it is of nobody."""
    try:
        body = bodies.of(message)
        if message.item.kind == Kind.IMPORT:
            row = ROW.decode(body)
            profile = profile_text(row.profile_id)
            return {profile} - {"", row.device_id or ""}  # how exports write an anonymous visitor
        sent = MESSAGE.decode(body)
        return None if isinstance(sent, Group) else set(profiles_named(sent)) - {""}
    except _UNREADABLE:
        return _named_in(kept(message).encode())


def _named_in(body: bytes) -> set[str]:
    """The same in what cannot be read."""
    names: set[str] = set()
    for text, number in _NAMES.findall(body):
        try:
            names.add(msgspec.json.decode(text, type=str) if text else number.decode())
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return names - {""}
