"""Funnels and conversions against attempts that are followed one by one in plain Python, over random histories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import mean, median
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.attempts import Attempts, Exclusion
from openpanel.analytics.conversions import Conversion, ConversionPoint, Converted
from openpanel.analytics.funnels import Funnel, FunnelPeople, FunnelRow
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import Period, buckets, previous, resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.warehouse import Warehouse
from tests.analytics.twin.histories import History, histories
from tests.analytics.twin.reckoning import Event, Reckoning, milliseconds
from tests.analytics.twin.running import on_one_world, random_worlds
from tests.analytics.worlds import Insert, load

STEPS: Final = (
    Step("screen_view"),
    Step("click"),
    Step('sign "up"'),
    Step("*", (PropertyFilter("path", "is", ("/a",)),)),
    Step("screen_view", (PropertyFilter("properties.plan", "isNot", ("pro",)),)),
    Step("*"),
)
EXCLUSIONS: Final = (
    (),
    (Exclusion("it's 👩‍👩‍👧"),),
    (Exclusion("*", (PropertyFilter("path", "is", ("/한국",)),)), Exclusion("revenue")),
)
WINDOWS: Final = (timedelta(seconds=60), timedelta(hours=1), timedelta(days=3))
BREAKDOWNS: Final = ((), ("properties.plan",), ("group.id", "country"), ("profile.properties.plan",))
KEYS: Final = ("properties.plan", "group.id", "country", "session.entry_path", "properties.items.*.sku")
RANGES: Final = ("today", "7d", "2026-03-30..2026-11-06")


@st.composite
def asked(draw: st.DrawFn) -> Callable[[str, History], Attempts]:
    """A funnel over some history."""
    steps = tuple(draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=4)))
    text = draw(st.sampled_from(RANGES))
    chosen: dict[str, Any] = {
        "window": draw(st.sampled_from(WINDOWS)),
        "by": draw(st.sampled_from(("session", "person", "property"))),
        "order": draw(st.sampled_from(("sequence", "strict", "any"))),
        "exclusions": draw(st.sampled_from(EXCLUSIONS)),
        "filters": draw(st.sampled_from(((), (PropertyFilter("country", "isNot", ("KR",)),)))),
    }
    chosen["key"] = draw(st.sampled_from(KEYS if chosen["by"] == "property" else ("", "", *KEYS)))
    if chosen["order"] != "any" and chosen["exclusions"] and len(steps) > 2:
        chosen["exclusions"] = (replace(chosen["exclusions"][0], after=2), *chosen["exclusions"][1:])

    def over(project: str, history: History) -> Attempts:
        period = resolve(text, timezone=history.timezone, now=history.now)
        return Attempts(project, history.timezone, period, steps, **chosen)

    return over


@st.composite
def asked_up_to_an_event(draw: st.DrawFn) -> Callable[[str, History], Attempts]:
    """A funnel in any order over a period that ends in the midst of what a visitor does."""
    place = draw(st.integers(0, 99))
    steps = tuple(draw(st.lists(st.sampled_from(STEPS[:3]), min_size=2, max_size=3, unique=True)))
    chosen: dict[str, Any] = {
        "window": draw(st.sampled_from(WINDOWS[1:])),
        "by": draw(st.sampled_from(("session", "person"))),
        "exclusions": draw(st.sampled_from(EXCLUSIONS[:2])),
    }

    def over(project: str, history: History) -> Attempts:
        times = [event["created_at"] for event in history.events] or [milliseconds(history.now)]
        end = datetime.fromtimestamp(times[place % len(times)] / 1000, tz=UTC) + timedelta(milliseconds=1)
        period = Period(end - timedelta(days=1), end)
        return Attempts(project, history.timezone, period, steps, order="any", **chosen)

    return over


@dataclass
class Instant:
    """What a visitor did at one millisecond."""

    at: int
    steps: set[int] = field(default_factory=set)
    ends: set[int] = field(default_factory=set)
    first: Event | None = None


@dataclass
class Visitor:
    instants: list[Instant]
    persons: set[int]


class Followed:
    """All visitors of a funnel, and the attempt of each that counts."""

    def __init__(self, scope: Attempts, reckoning: Reckoning) -> None:
        self.scope = scope
        self.reckoning = reckoning
        self.until = milliseconds(scope.period.until)
        self.window = scope.window // timedelta(milliseconds=1)
        self.visitors = self._visitors()

    def attempts(self) -> list[tuple[Visitor, list[int]]]:
        found = [(visitor, self._best(visitor)) for visitor in self.visitors]
        return [(visitor, times) for visitor, times in found if times]

    def labels(self, visitor: Visitor, start: int, names: Sequence[str]) -> list[tuple[str, ...]]:
        event = next(each.first for each in visitor.instants if each.at == start)
        assert event is not None
        found: list[tuple[str, ...]] = [()]
        for name in names:
            found = [(*before, value) for before in found for value in self.reckoning.label(event, name)]
        return found

    def _visitors(self) -> list[Visitor]:
        extended = replace(
            self.scope.period, end=self.scope.period.until + self.scope.window, running_until=None
        )
        by: dict[Any, dict[int, Instant]] = {}
        persons: dict[Any, set[int]] = {}
        for event in self.reckoning.doings(extended):
            person = self.reckoning.person(event)
            steps, ends = self._met(event)
            matters = steps or ends or (self.scope.order == "strict" and self.reckoning.is_named(event, "*"))
            if not matters or not self.reckoning.meets(event, self.scope.filters):
                continue
            for subject in self._subjects(event):
                instants = by.setdefault(subject, {})
                instant = instants.setdefault(event["created_at"], Instant(event["created_at"]))
                instant.steps |= steps
                instant.ends |= ends
                begins = 1 in steps or (self.scope.order == "any" and bool(steps))
                if begins and (instant.first is None or event["event_id"] < instant.first["event_id"]):
                    instant.first = event
                persons.setdefault(subject, set()).add(person)
        return [
            Visitor([each for _, each in sorted(instants.items())], persons[subject])
            for subject, instants in by.items()
        ]

    def _subjects(self, event: Event) -> list[Any]:
        """Whose the event is: nobody's, or a visitor's, or that of each value that joins the steps."""
        visitor = {
            "session": event.get("session_id", 0),
            "person": self.reckoning.person(event),
            "property": 1,
        }[self.scope.by]
        if not self.scope.key:
            return [visitor] if visitor else []
        return [
            (visitor, value) for value in self.reckoning.label(event, self.scope.key) if value and visitor
        ]

    def _met(self, event: Event) -> tuple[set[int], set[int]]:
        last = len(self.scope.steps)
        steps = {
            number
            for number, step in enumerate(self.scope.steps, start=1)
            if self._is(event, step)
            and (number > 1 or self.scope.order == "any" or event["created_at"] < self.until)
        }
        ends = {
            number
            for each in self.scope.exclusions
            if self._is(event, each)
            for number in range(each.after, each.before or last)
        }
        return steps, ends

    def _is(self, event: Event, each: Step | Exclusion) -> bool:
        return self.reckoning.is_named(event, each.name) and self.reckoning.meets(event, each.filters)

    def _best(self, visitor: Visitor) -> list[int]:
        if self.scope.order == "any":
            return self._in_any_order(visitor)
        starts = [number for number, each in enumerate(visitor.instants) if 1 in each.steps]
        found = [self._from(visitor.instants[number:]) for number in starts]
        return max(found, key=lambda times: (len(times), -times[-1], times[0]), default=[])

    def _from(self, instants: list[Instant]) -> list[int]:
        times = [instants[0].at]
        for instant in instants[1:]:
            if len(times) + 1 in instant.steps and instant.at - times[0] <= self.window:
                times.append(instant.at)
            elif self.scope.order == "strict" or len(times) in instant.ends:
                break
        return times

    def _in_any_order(self, visitor: Visitor) -> list[int]:
        """Each beginning within the period with each of its ends, every further step as late as it was done."""
        found: list[list[int]] = []
        for first, begin in enumerate(visitor.instants):
            if begin.at >= self.until:
                break
            last: dict[int, int] = {}
            for number, instant in enumerate(visitor.instants[first:]):
                if instant.at - begin.at > self.window or (number > 0 and instant.ends):
                    break
                last |= dict.fromkeys(instant.steps, instant.at)
                found += [sorted((last | {step: begin.at}).values()) for step in begin.steps]
        return max(found, key=lambda times: (len(times), -times[-1], times), default=[])


@random_worlds(
    8, history=histories(), over=asked(), fields=st.sampled_from(BREAKDOWNS), limit=st.integers(1, 2)
)
def test_funnels_answer_what_following_by_hand_answers(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    over: Callable[[str, History], Attempts],
    *,
    fields: tuple[str, ...],
    limit: int,
) -> None:
    scope = over(load(history, insert), history)
    before = previous(scope.period, timezone=history.timezone)

    answer = ask(warehouse, Funnel(scope, previous=before, breakdowns=fields, limit=limit))

    groups = [_by_labels(replace(scope, period=period), history, fields) for period in (scope.period, before)]
    known = {*groups[0], *groups[1]}
    order = sorted(
        known, key=lambda labels: (-len(groups[0].get(labels, ())), [text.encode() for text in labels])
    )
    kept = [(labels, False) for labels in order[:limit]] + ([((), True)] if len(order) > limit else [])
    expected = kept if fields else [((), False)]
    assert [(row.labels, row.other) for row in answer.rows] == expected
    for rows, group in zip((answer.rows, answer.previous), groups, strict=True):
        for row in rows:
            own = order[limit:] if row.other else [row.labels]
            _check(row, [times for labels in own for times in group.get(labels, [])], len(scope.steps))


@random_worlds(8, history=histories(days=2), over=asked_up_to_an_event())
def test_what_began_in_the_period_goes_on_after_it_in_any_order(
    warehouse: Warehouse, insert: Insert, history: History, over: Callable[[str, History], Attempts]
) -> None:
    answers = on_one_world(test_funnels_answer_what_following_by_hand_answers)

    answers(warehouse, insert, history, over, fields=(), limit=1)


def _by_labels(
    scope: Attempts, history: History, fields: Sequence[str]
) -> dict[tuple[str, ...], list[list[int]]]:
    followed = Followed(scope, Reckoning(history))
    groups: dict[tuple[str, ...], list[list[int]]] = {}
    for visitor, times in followed.attempts():
        for labels in followed.labels(visitor, times[0], fields):
            groups.setdefault(labels, []).append(times)
    return groups


def _check(row: FunnelRow, attempts: list[list[int]], steps: int) -> None:
    counts = [sum(len(times) > number for times in attempts) for number in range(steps)]
    assert [step.count for step in row.steps] == counts
    for number, step in enumerate(row.steps):
        taken = [times[number] - times[number - 1] for times in attempts if len(times) > number > 0]
        assert step.median_s == (pytest.approx(median(taken) / 1000) if taken else None)
        assert step.mean_s == (pytest.approx(mean(taken) / 1000) if taken else None)
        assert step.of_first == (step.count / counts[0] if counts[0] else None)
    whole = [times[-1] - times[0] for times in attempts if len(times) == steps]
    assert row.median_s == (pytest.approx(median(whole) / 1000) if whole else None)


@random_worlds(
    6, history=histories(), over=asked(), dropped=st.booleans(), fields=st.sampled_from(BREAKDOWNS)
)
def test_people_of_a_step_are_those_who_are_counted(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    over: Callable[[str, History], Attempts],
    *,
    dropped: bool,
    fields: tuple[str, ...],
) -> None:
    scope = over(load(history, insert), history)
    followed = Followed(scope, Reckoning(history))
    expected: dict[tuple[str, ...], set[int]] = {}
    for visitor, times in followed.attempts():
        if len(times) == 1 if dropped else len(times) >= 2:
            for labels in followed.labels(visitor, times[0], fields):
                expected.setdefault(labels, set()).update(visitor.persons - {0})
    labels, persons = min(expected.items(), default=(("",) * len(fields), set()))

    found = []
    after: int | None = 0
    while after is not None:
        question = FunnelPeople(
            scope, 2, dropped=dropped, after=after, limit=2, breakdowns=fields, labels=labels
        )
        page = ask(warehouse, question)
        found += [each.person for each in page.people]
        after = page.cursor

    assert found == sorted(persons)


@random_worlds(
    6,
    history=histories(),
    over=asked(),
    fields=st.sampled_from(BREAKDOWNS),
    interval=st.sampled_from(("day", "week")),
)
def test_conversions_answer_what_following_by_hand_answers(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    over: Callable[[str, History], Attempts],
    *,
    fields: tuple[str, ...],
    interval: Any,
) -> None:
    scope = over(load(history, insert), history)
    scope = replace(scope, steps=scope.steps[:2], order="sequence", exclusions=())
    before = previous(scope.period, timezone=history.timezone)

    rows = ask(warehouse, Conversion(scope, interval, before, fields, limit=500))

    assert not any(row.other for row in rows)
    for number, period in enumerate((scope.period, before)):
        expected = _conversions(replace(scope, period=period), history, fields)
        named = {labels for labels, _, _, _ in expected} if fields else {()}
        assert named <= {row.labels for row in rows}
        for row in rows:
            mine = [each[1:] for each in expected if each[0] == row.labels]
            points, total = (row.points, row.total) if number == 0 else (row.previous, row.previous_total)
            assert total == _converted(mine)
            _check_points(points, period, mine, history=history, interval=interval)


Began = tuple[int, int, bool]  # visitor, when, finished


def _check_points(
    points: Sequence[ConversionPoint], period: Period, mine: list[Began], *, history: History, interval: Any
) -> None:
    every = buckets(period, timezone=history.timezone, interval=interval)
    for point, bucket in zip(points, every, strict=True):
        part = [each for each in mine if milliseconds(bucket.start) <= each[1] < milliseconds(bucket.end)]
        assert point.converted == _converted(part)


def _converted(mine: list[Began]) -> Converted:
    return Converted(len({who for who, _, _ in mine}), len({who for who, _, finished in mine if finished}))


def _conversions(
    scope: Attempts, history: History, fields: Sequence[str]
) -> list[tuple[tuple[str, ...], int, int, bool]]:
    followed = Followed(scope, Reckoning(history))
    return [
        (
            labels,
            number,
            begin.at,
            any(2 in end.steps and 0 < end.at - begin.at <= followed.window for end in visitor.instants),
        )
        for number, visitor in enumerate(followed.visitors)
        for begin in visitor.instants
        if 1 in begin.steps
        for labels in followed.labels(visitor, begin.at, fields)
    ]
