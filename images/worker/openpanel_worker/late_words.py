"""Has an erasure of a person look again when something of the person may have come in after it looked.

A block may have been made before its worker heard of the erasure, and be inserted after the erasure has looked. So
whoever has inserted asks, before it acknowledges, which erasures there are now, and has those look again that the block
was made without. So it is with those by which the block left something out: a worker that died may have inserted it,
its session is in Redis, and where it tells of a further device of the person, what is there of that device goes, too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from openpanel import metadata
from openpanel.metadata import ForgottenPerson
from openpanel.tenancy import people
from openpanel.warehouse import Warehouse
from openpanel_worker.forgotten import LeftOut, Met

ForgottenAmong = Callable[[Collection[str]], Mapping[str, tuple[ForgottenPerson, ...]]]

_log = structlog.get_logger(__name__)


class LookAgain(Protocol):
    """Has an erasure look again, for these numbers, too."""

    def __call__(self, erasure: str, persons: Iterable[int]) -> None: ...


class ForgetTraces(Protocol):
    """Drops what Redis has of a person: `stream.forgetting.forget_person` in the worker's pool."""

    def __call__(
        self, *, project: str, persons: Collection[int], devices: Sequence[int], profiles: Sequence[str]
    ) -> object: ...


class LateWords:
    """Looks after inserts. Used by one thread at a time."""

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        forgotten_among: ForgottenAmong,
        look_again: LookAgain,
        forget_traces: ForgetTraces,
    ) -> None:
        """The first two functions ask the metadata and raise their errors."""
        self._warehouse = warehouse
        self._forgotten_among = forgotten_among
        self._look_again = look_again
        self._forget_traces = forget_traces
        self._owed = Met()

    def look_after(self, met: Met) -> None:
        """Have erasures look again that this block may have escaped; raises errors of the warehouse and of Redis.

        While the metadata are away nobody can be erased who was not before, so inserts go on and the look is owed.
        """
        self._owed.join(met)
        try:
            self._look(self._owed)
        except metadata.Unavailable as error:
            _log.warning(
                "erasures of persons cannot be looked for",
                projects=len(self._owed.known),
                error=str(error)[:300],
            )
        else:
            self._owed = Met()

    def _look(self, met: Met) -> None:
        for project, persons in self._forgotten_among(met.known.keys()).items():
            for person in persons:
                told = met.left_out.get(person.erasure)
                if told is None and met.known[project].get(person.erasure) == len(person.persons):
                    continue
                further = self._clear(project, person, told) if told else ()
                self._look_again(person.erasure, further)
                _log.info("an erased person is looked for once more", erasure=person.erasure)

    def _clear(self, project: str, person: ForgottenPerson, told: LeftOut) -> Collection[int]:
        """Drop the sessions that such messages had; further devices that are this person's."""
        own = told.own_devices.difference(person.persons)
        further = people.unclaimed(self._warehouse, project=project, devices=own) if own else set()
        self._forget_traces(
            project=project,
            persons=further.union(person.persons),
            devices=sorted(told.devices),
            profiles=sorted(told.names),
        )
        return further
