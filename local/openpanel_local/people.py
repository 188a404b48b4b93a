"""People of a project of this installation: have one erased, and read everything about one. Needs running engines."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Final

from openpanel.identity.ids import foreign_device, person_of_profile
from openpanel.metadata import PersonErasure, person_erasures
from openpanel.tenancy.people import Person, numbers_of, resolved
from openpanel.tenancy.person_export import Line
from openpanel.tenancy.person_export import export_person as pages_of
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.stores import Stores, announce_changes

BY: Final = "openpanel erase-person"
WAIT_S: Final = 600.0
LOOK_EVERY_S: Final = 0.5


def ask(stores: Stores, project: str, whom: str, *, is_device: bool) -> PersonErasure:
    """Ask for a person to be erased; the worker does it."""
    if is_device:
        person, *also = foreign_device(project, whom), person_of_profile(whom)
    else:
        person, *also = numbers_of(whom)
    asked = person_erasures.ask(
        stores.database,
        erasure=str(uuid.uuid4()),
        project=project,
        person=person,
        also=also,
        profile_id=None if is_device else whom,
        device_id=whom if is_device else None,
        by=BY,
    )
    announce_changes(stores)
    return asked


def wait(
    stores: Stores,
    asked: PersonErasure,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] = time.sleep,
) -> PersonErasure:
    """The erasure once it is over; `CommandError` when it failed or takes too long."""
    until = clock() + WAIT_S
    while True:
        found = person_erasures.load(stores.database, project=asked.project, erasure=asked.id)
        if found is None:
            raise CommandError(ExitCode.FAILED, f"project {asked.project} was removed meanwhile")
        if found.state == "failed":
            raise CommandError(ExitCode.FAILED, f"erasure {found.id} failed: {found.reason}")
        if found.state == "done":
            return found
        if clock() > until:
            message = f"erasure {found.id} is not done after {WAIT_S:.0f} s; does the worker run? It goes on by itself"
            raise CommandError(ExitCode.FAILED, message)
        pause(LOOK_EVERY_S)


def export(stores: Stores, project: str, profile: str) -> Iterator[list[Line]]:
    """Everything about a person, page by page."""
    asked = Person(project, numbers_of(profile), (profile,), until_ms=0)
    return pages_of(stores.warehouse, resolved(stores.warehouse, asked))
