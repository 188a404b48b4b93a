"""How many come back: persons by the week they first came in, and the weeks in which they came again.

Read from one row per person and week. Persons that are one count once. Weeks start on Monday in the project's time
zone. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, fill, person_of

MAX_WEEKS: Final = 53


@dataclass(frozen=True, slots=True)
class Cohort:
    """Persons first seen, within the asked weeks, in the week of this Monday, and how many came again after 1, 2, … weeks."""

    week: date
    persons: int
    returned: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ComingBack:
    """Of those who came in a week, how many came again? `first` is a Monday."""

    project: str
    first: date
    weeks: int = 12

    def __post_init__(self) -> None:
        if self.first.weekday() or not 1 <= self.weeks <= MAX_WEEKS:
            message = f"{self.weeks} weeks from {self.first}: expected 1 to {MAX_WEEKS} from a Monday"
            raise ValueError(message)

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.ROLLUP
        sql = fill(_WEEKS, person=person_of("weekly.person"), known=KNOWN_PERSONS)
        end = self.first + timedelta(weeks=self.weeks)
        return Statement(sql, {"project": self.project, "first": self.first, "end": end})

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[Cohort, ...]:
        assert source is Source.ROLLUP
        counts = {(start, distance): persons for start, distance, persons in rows}
        return tuple(
            Cohort(
                week=self.first + timedelta(weeks=start),
                persons=counts.get((start, 0), 0),
                returned=tuple(counts.get((start, distance), 0) for distance in range(1, self.weeks - start)),
            )
            for start in range(self.weeks)
        )


_WEEKS: Final = """\
SELECT start, distance, count() AS persons
FROM
(
    SELECT
        groupBitOr(bitShiftLeft(toUInt64(1), intDiv(weekly.week - {first:Date}, 7))) AS weeks,
        bitCount(bitXor(weeks, weeks - 1)) - 1 AS start,
        arrayJoin(arrayMap(position -> toInt64(position) - start, bitPositionsToArray(weeks))) AS distance
    FROM r_person_week AS weekly
    GLOBAL ANY LEFT JOIN
    (
<<known>>
    ) AS known ON weekly.person = known.person
    WHERE weekly.project_id = {project:String} AND weekly.week >= {first:Date} AND weekly.week < {end:Date}
    GROUP BY <<person>>
)
GROUP BY start, distance
ORDER BY start, distance"""
