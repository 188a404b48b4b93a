"""Who is behind a point of a chart: the persons of a series, in a stretch of time, with a value of the breakdown.

Persons may have devices on several shards: they are made distinct where the question was asked. Knows no store and no
clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.breakdowns import check_breakdowns
from openpanel.analytics.breakdowns import labels as labels_of
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.occurrences import occurs
from openpanel.analytics.people_pages import PeopleAnswer, check_page, page_of_people, people_of
from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import Membership, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill


@dataclass(frozen=True, slots=True)
class ChartPeople:
    """Who did it? `period` is that of the bucket; `labels` name the row, where the chart is broken down."""

    project: str
    timezone: str
    period: Period
    series: EventSeries
    filters: tuple[PropertyFilter, ...] = ()
    breakdowns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    cohorts: tuple[Membership, ...] = ()
    after: int = 0
    limit: int = 100

    def __post_init__(self) -> None:
        check_page(self.limit)
        check_breakdowns(self.breakdowns, limit=1)
        check_filters(self.filters)
        check_filters(self.series.filters)
        if len(self.labels) != len(self.breakdowns):
            raise BadFilter("labels", reason=f"expected one for each of {len(self.breakdowns)} breakdowns")

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone, cohorts=self.cohorts)
        conditions = (
            occurs(self.series.name, self.series.filters, reading),
            *met(self.filters, reading),
        )
        row = labels_of(self.breakdowns, reading)
        persons = fill(
            _PERSONS,
            person=reading.person(),
            labels=row,
            events=reading.events(self.period, conditions=conditions),
            wanted=reading.texts(self.labels),
        )
        return Statement(
            page_of_people(persons, reading, after=self.after, limit=self.limit), reading.parameters
        )

    def answer(self, rows: Sequence[Row], source: Source) -> PeopleAnswer:
        assert source is Source.EVENTS
        return people_of(rows, limit=self.limit)


_PERSONS: Final = """\
SELECT person
FROM
(
SELECT DISTINCT <<person>> AS person, <<labels>> AS labels
<<events>>
)
WHERE labels = <<wanted>>"""
