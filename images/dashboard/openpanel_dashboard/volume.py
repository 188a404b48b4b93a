"""How much was ever counted in a project, and since when. Tells a page that waits from one that has numbers.

Also the version of everything counted: an event that arrives late changes it too.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.metadata.records import ProjectRecord
from openpanel.warehouse import Warehouse

_COUNTED: Final = """\
SELECT sum(r_day.events), min(day)
FROM r_day
WHERE project_id = {project:String} AND name NOT IN ('session_start', 'session_end')"""
_LIMITS: Final = {"max_execution_time": 5, "max_rows_to_read": 10_000_000}


@dataclass(frozen=True, slots=True)
class Volume:
    """Events ever counted, and the first day with one."""

    events: int
    since: date | None

    def earliest(self, timezone: str) -> datetime | None:
        """The beginning of the first day in the project's zone."""
        return datetime.combine(self.since, time(), ZoneInfo(timezone)) if self.since else None


def volume(warehouse: Warehouse, *, project: ProjectRecord) -> Volume:
    """What was counted until now."""
    rows = warehouse.query(_COUNTED, parameters={"project": project.id}, settings=_LIMITS)
    events, since = rows[0]
    return Volume(events=events, since=since if events else None)
