"""Takes back what was inserted for a project that was erased meanwhile.

What a worker knows of a project may be some seconds old, and an insert takes its time: the erasure may have looked
for what is left before the insert was done. So whoever has inserted looks once more, at the project itself, before
it acknowledges. Either the insert came before the erasure's last look, which deletes its rows, or the project was
marked by the time of this look. A block whose worker died in between is repeated, and its repeat looks, too.

Only the word that a project was erased has anything deleted. Metadata that came back without their rows say nothing
of the projects that are missing; and what lies there of a project that was made again is the new one's.
"""

from collections.abc import Callable, Collection
from typing import Final

import structlog

from openpanel import metadata
from openpanel.metadata import Database
from openpanel.tenancy import stored
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form
from openpanel_worker import metrics

FEW: Final = 8  # projects that are asked for one by one

ErasedAmong = Callable[[Collection[str]], Collection[str]]

_log = structlog.get_logger(__name__)


class Erasures:
    """Looks after inserts. Used by one thread at a time."""

    def __init__(self, warehouse: Warehouse, *, form: Form, erased_among: ErasedAmong) -> None:
        """`erased_among` asks the metadata and raises its errors."""
        self._warehouse = warehouse
        self._form = form
        self._erased_among = erased_among
        self._owed: set[str] = set()

    def look_after(self, projects: Collection[str]) -> None:
        """Delete what these have in the warehouse if they are erased; raises the warehouse's errors.

        While the metadata are away nothing can be erased that was not before, so inserts go on and the look is owed.
        """
        self._owed.update(projects)
        try:
            erased = self._erased_among(self._owed)
        except metadata.Unavailable as error:
            _log.warning("erasures cannot be looked for", projects=len(self._owed), error=str(error)[:300])
            return
        for project in erased:
            stored.erase_left_over(self._warehouse, project=project, form=self._form)
            metrics.ERASED_LATE.inc()
            _log.info("erased what was on its way", project=project)
        self._owed.clear()


def erased_among(database: Database, projects: Collection[str]) -> list[str]:
    """Those of the projects whose data are deleted, or are being so."""
    suspects = projects
    if len(projects) > FEW:
        suspects = set(projects).difference(one.id for one in metadata.projects.listed(database))
    return [one for one in suspects if metadata.projects.standing(database, project=one).erased]
