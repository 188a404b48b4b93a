"""Funnels: how many get from step to step, how long it takes them, and where they are lost.

What an attempt is stands in `attempts`. A breakdown has the value at the first event of the attempt. Groups of
sessions could be finished on their shard, persons could not: states are merged where the question was asked. Knows no
store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from openpanel.analytics.attempts import Attempts, attempts, check_attempts
from openpanel.analytics.breakdowns import check_breakdowns, spread
from openpanel.analytics.cells import column, together
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.people_pages import PeopleAnswer, check_page, page_of_people, people_of
from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import check_filters
from openpanel.analytics.reading import Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.segments import State
from openpanel.analytics.statements import Row, Statement, fill


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step: how many did it. Shares are between 0 and 1, times in seconds since the step before."""

    name: str
    count: int
    of_first: float | None
    of_previous: float | None
    lost: int  # did the step before and not this one
    is_largest_loss: bool
    median_s: float | None
    mean_s: float | None


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """A funnel: of everybody, of a value of the breakdown, or of all values that were not kept (`other`)."""

    labels: tuple[str, ...]
    other: bool
    steps: tuple[FunnelStep, ...]
    median_s: float | None  # from the first step to the last
    mean_s: float | None

    @property
    def rate(self) -> float | None:
        """The share of those who began that finished."""
        return self.steps[-1].of_first


@dataclass(frozen=True, slots=True)
class FunnelAnswer:
    """The largest first, "other" last; `previous` are the same rows of the compared period, where there is one."""

    rows: tuple[FunnelRow, ...]
    previous: tuple[FunnelRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many got how far?"""

    scope: Attempts
    previous: Period | None = None
    breakdowns: tuple[str, ...] = ()
    limit: int = 10

    def __post_init__(self) -> None:
        check_attempts(self.scope)
        check_filters(self.scope.filters)
        check_breakdowns(self.breakdowns, limit=self.limit)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.scope.timezone, cohorts=self.scope.cohorts)
        periods = (self.scope.period,) if self.previous is None else (self.scope.period, self.previous)
        parts = [self._cells(number, period, reading) for number, period in enumerate(periods)]
        kept = together(
            parts,
            states=_STATES,
            sizes=[f"sumForEachMergeIf({column(0)}, period = 0)[1]"],
            limit=reading.value("UInt32", self.limit) if self.breakdowns else None,
        )
        finished = ", ".join(f"finalizeAggregation({column(number)})" for number in range(len(_STATES)))
        return Statement(fill(_FUNNEL, finished=finished, kept=kept), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> FunnelAnswer:
        assert source is Source.EVENTS
        keys = list(dict.fromkeys((bool(row[0]), () if row[0] else tuple(row[1])) for row in rows))
        if not self.breakdowns:
            keys = [(False, ())]
        found = {(bool(row[0]), () if row[0] else tuple(row[1]), row[2]): row[3:] for row in rows}
        periods = [
            tuple(
                self._row(labels, other, found.get((other, labels, period), _NOBODY))
                for other, labels in keys
            )
            for period in (0, 1)
        ]
        return FunnelAnswer(periods[0], periods[1] if self.previous else ())

    def _cells(self, number: int, period: Period, reading: Reading) -> str:
        source = attempts(replace(self.scope, period=period), reading, breakdowns=self.breakdowns)
        states = ",\n    ".join(f"{state.make} AS {column(place)}" for place, state in enumerate(_STATES))
        return fill(
            _CELLS,
            number=str(number),
            labels=spread(self.breakdowns, "carried"),
            last=str(len(self.scope.steps)),
            states=fill(states, last=str(len(self.scope.steps))),
            attempts=source,
        )

    def _row(self, labels: tuple[str, ...], other: bool, columns: Sequence[Any]) -> FunnelRow:
        counts, medians, means, median, mean = columns
        steps = tuple(self._step(number, counts, medians, means) for number in range(len(self.scope.steps)))
        return FunnelRow(labels, other, _with_largest_loss(steps), _seconds(median), _seconds(mean))

    def _step(
        self, number: int, counts: Sequence[int], medians: Sequence[float], means: Sequence[float]
    ) -> FunnelStep:
        def reached(place: int) -> int:
            return int(counts[place]) if place < len(counts) else 0

        count, first = reached(number), reached(0)
        before = reached(number - 1) if number else count
        step = self.scope.steps[number]
        return FunnelStep(
            name=step.display_name or step.name,
            count=count,
            of_first=count / first if first else None,
            of_previous=count / before if before else None,
            lost=before - count,
            is_largest_loss=False,
            median_s=_seconds(medians[number - 1]) if number and count else None,
            mean_s=_seconds(means[number - 1]) if number and count else None,
        )


@dataclass(frozen=True, slots=True)
class FunnelPeople:
    """Who did step `step` (from 1), or, `dropped`, did the one before and got no further? By person id, in pages.

    `labels` name the row, where the funnel is broken down.
    """

    scope: Attempts
    step: int
    dropped: bool = False
    after: int = 0
    limit: int = 100
    breakdowns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_attempts(self.scope)
        check_filters(self.scope.filters)
        check_page(self.limit)
        check_breakdowns(self.breakdowns, limit=1)
        if len(self.labels) != len(self.breakdowns):
            raise BadFilter("labels", reason=f"expected one for each of {len(self.breakdowns)} breakdowns")
        if not (2 if self.dropped else 1) <= self.step <= len(self.scope.steps):
            raise BadFilter(
                f"step {self.step}", reason=f"expected one of {len(self.scope.steps)}, the first drops nobody"
            )

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.scope.timezone, cohorts=self.scope.cohorts)
        persons = fill(
            _PEOPLE_OF_ROW if self.breakdowns else _PEOPLE,
            labels=spread(self.breakdowns, "carried"),
            attempts=attempts(self.scope, reading, breakdowns=self.breakdowns, people=True),
            relation="=" if self.dropped else ">=",
            step=reading.value("UInt32", self.step - 1 if self.dropped else self.step),
            wanted=reading.texts(self.labels) if self.labels else "",
        )
        return Statement(
            page_of_people(persons, reading, after=self.after, limit=self.limit), reading.parameters
        )

    def answer(self, rows: Sequence[Row], source: Source) -> PeopleAnswer:
        assert source is Source.EVENTS
        return people_of(rows, limit=self.limit)


# How many reached each step; times between steps; time from the first to the last. In milliseconds.
_STATES: Final = (
    State("sumForEachState(arrayWithConstant(length(times), toUInt64(1)))", "sumForEach"),
    State("quantileExactInclusiveForEachState(0.5)(taken)", "quantileExactInclusiveForEach(0.5)"),
    State("avgForEachState(taken)", "avgForEach"),
    State(
        "quantileExactInclusiveState(0.5)(if(length(times) = <<last>>, times[-1] - times[1], NULL))",
        "quantileExactInclusive(0.5)",
    ),
    State("avgState(if(length(times) = <<last>>, times[-1] - times[1], NULL))", "avg"),
)
_NOBODY: Final = ((), (), (), None, None)

_CELLS: Final = """\
SELECT
    <<number>> AS period,
    <<labels>> AS labels,
    0 AS bucket,
    <<states>>
FROM
(
    SELECT times, arrayPopFront(arrayDifference(times)) AS taken, carried
    FROM
    (
<<attempts>>
    )
)
GROUP BY labels"""

_FUNNEL: Final = """\
SELECT other, labels, period, <<finished>>
FROM
(
<<kept>>
)
ORDER BY other, place, labels, period"""

_PEOPLE: Final = """\
SELECT arrayJoin(persons) AS person
FROM
(
<<attempts>>
)
WHERE length(times) <<relation>> <<step>>"""


_PEOPLE_OF_ROW: Final = """\
SELECT arrayJoin(persons) AS person
FROM
(
SELECT persons, <<labels>> AS labels
FROM
(
<<attempts>>
)
WHERE length(times) <<relation>> <<step>>
)
WHERE labels = <<wanted>>"""


def _with_largest_loss(steps: tuple[FunnelStep, ...]) -> tuple[FunnelStep, ...]:
    """The first of the steps at which most are lost is marked."""
    most = max(step.lost for step in steps)
    place = next(number for number, step in enumerate(steps) if step.lost == most)
    return tuple(
        replace(step, is_largest_loss=most > 0 and number == place) for number, step in enumerate(steps)
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
