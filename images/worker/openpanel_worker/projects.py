"""What the worker must know of a project, kept for a few seconds.

The metadata is asked through a function; whoever hears of a change calls `forget`. What was accepted for a project
that was removed since is still written down, unless its data were to go with it: then nothing may come after, and
what still waits of it is not written into the next project of its name either. A project that is merely missing was
not erased: who knew it goes on as before, and who did not keeps what comes of it aside.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from openpanel.enrich.filters import Condition, EventFilter, column_name
from openpanel.metadata import Filter, ForgottenPerson, Standing, Unavailable
from openpanel_worker.days import Days

KEPT_MS: Final = 5_000
MAX_PROJECTS: Final = 10_000
NEVER: Final = -1
FOR_GOOD: Final = 2**63

Load = Callable[[str], Standing]


@dataclass(frozen=True, slots=True)
class Project:
    """The settings of one project as far as they touch its events."""

    days: Days
    filters: tuple[EventFilter, ...] = ()
    truncate_ip: bool = False
    left_out_until_ms: int = NEVER
    """What was accepted until then is not written: it is of a project that was erased, or of one that nobody knows."""
    known: bool = True
    told: int = 0
    """How often somebody said since that the project is not what it was."""
    forgotten: Mapping[int, ForgottenPerson] = field(default_factory=dict)
    """Persons that are erased, by each of their numbers."""

    @property
    def erased(self) -> bool:
        """Its data are deleted, or are being so: nothing of it may be written."""
        return self.known and self.left_out_until_ms == FOR_GOOD

    @property
    def life(self) -> tuple[int, int, int]:
        """Another one: what was remembered of the project's data may not be there any more."""
        return self.left_out_until_ms, self.told, len(self.forgotten)


class Projects:
    """Projects by id, bounded, read anew after a few seconds; shared between threads."""

    def __init__(self, load: Load, *, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self._load = load
        self._clock = clock
        self._known: dict[str, tuple[int, Project]] = {}
        self._told: dict[str, int] = {}
        self._days: dict[str, Days] = {}

    def get(self, project: str) -> Project:
        """The project's settings; raises metadata's Unavailable when nothing is known and nobody answers."""
        until_ms, known = self._known.get(project, (0, None))
        now = self._clock()
        if known is not None and until_ms > now:
            return known
        told = self._told.get(project, 0)
        try:
            settings = replace(self._settings(self._load(project), before=known), told=told)
        except Unavailable:
            if known is None:
                raise
            settings = known  # old settings are better than none
        if len(self._known) >= MAX_PROJECTS:
            self._known.clear()
            self._told.clear()
        self._known[project] = (now + KEPT_MS, settings)
        return settings

    def forget(self, project: str) -> None:
        """Read the project anew the next time; it stays as what is used while nobody answers."""
        if known := self._known.get(project):
            self._told[project] = self._told.get(project, 0) + 1
            self._known[project] = (0, known[1])

    def _settings(self, found: Standing, *, before: Project | None) -> Project:
        record = found.record
        if found.erased:
            return Project(self._days_of("UTC"), left_out_until_ms=FOR_GOOD)
        if record is None:
            return before or Project(self._days_of("UTC"), left_out_until_ms=FOR_GOOD, known=False)
        return Project(
            self._days_of(record.timezone),
            event_filters(record.filters),
            record.truncate_ip,
            int(found.erased_at.timestamp() * 1_000) if found.erased_at else NEVER,
            forgotten={number: person for person in found.forgotten for number in person.persons},
        )

    def _days_of(self, zone: str) -> Days:
        """One cache per zone, whatever the number of projects in it."""
        return self._days.setdefault(zone, Days(zone))


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
