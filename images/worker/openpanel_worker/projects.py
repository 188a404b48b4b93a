"""What the worker must know of a project, kept for a few seconds.

The metadata is asked through a function; whoever hears of a change calls `forget`. What was accepted for a project
that was removed since is still written down, unless its data were to go with it: then nothing may come after.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from openpanel.enrich.filters import Condition, EventFilter, column_name
from openpanel.metadata import Filter, ProjectRecord, Unavailable
from openpanel_worker.days import Days

KEPT_MS: Final = 5_000
MAX_PROJECTS: Final = 10_000

Load = Callable[[str], ProjectRecord | None]


@dataclass(frozen=True, slots=True)
class Project:
    """The settings of one project as far as they touch its events."""

    days: Days
    filters: tuple[EventFilter, ...] = ()
    truncate_ip: bool = False
    erased: bool = False
    """Its data are deleted, or are being so: nothing of it may be written."""


class Projects:
    """Projects by id, bounded, read anew after a few seconds; shared between threads."""

    def __init__(self, load: Load, *, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self._load = load
        self._clock = clock
        self._known: dict[str, tuple[int, Project]] = {}
        self._days: dict[str, Days] = {}

    def get(self, project: str) -> Project:
        """The project's settings; raises metadata's Unavailable when nothing is known and nobody answers."""
        known = self._known.get(project)
        now = self._clock()
        if known is not None and known[0] > now:
            return known[1]
        try:
            settings = self._settings(self._load(project))
        except Unavailable:
            if known is None:
                raise
            settings = known[1]  # old settings are better than none
        if len(self._known) >= MAX_PROJECTS:
            self._known.clear()
        self._known[project] = (now + KEPT_MS, settings)
        return settings

    def forget(self, project: str) -> None:
        """Read the project anew the next time; it stays as what is used while nobody answers."""
        if known := self._known.get(project):
            self._known[project] = (0, known[1])

    def _settings(self, record: ProjectRecord | None) -> Project:
        if record is None or is_erased(record):
            return Project(self._days_of("UTC"), erased=True)
        return Project(self._days_of(record.timezone), event_filters(record.filters), record.truncate_ip)

    def _days_of(self, zone: str) -> Days:
        """One cache per zone, whatever the number of projects in it."""
        return self._days.setdefault(zone, Days(zone))


def is_erased(record: ProjectRecord | None) -> bool:
    """Whether the project's data are deleted, or are being so."""
    return record is None or (record.deleted and record.deletion_policy == "Delete")


def event_filters(filters: Iterable[Filter]) -> tuple[EventFilter, ...]:
    """The filters that concern events, as `enrich` evaluates them."""
    return tuple(
        EventFilter(
            one.value,
            tuple(Condition(column_name(c.name), c.operator, c.values) for c in one.conditions),
        )
        for one in filters
        if one.type == "event"
    )
