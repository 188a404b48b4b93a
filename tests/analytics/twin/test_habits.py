"""Retention, active users, stickiness and last seen against counting person by person, over random histories.

What the rollup of persons' weeks can answer is asked of it and of the events: both must be what counting says.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from openpanel.analytics.asking import LIMITS, Question
from openpanel.analytics.habits import ActiveUsers, Doings, LastSeen, Stickiness
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import Bucket, Period, buckets, resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.retention import ANYTHING, Begins, Mode, Retention, RetentionRow
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse
from tests.analytics.twin.histories import History, a_history, histories
from tests.analytics.twin.reckoning import Event, Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import MOMENTS, Insert, load

RANGES: Final = ("7d", "30d", "mtd", "2026-03-20..2026-04-04", "12m")
STEPS: Final = (
    ANYTHING,
    ANYTHING,
    Step("click"),
    Step("screen_view", (PropertyFilter("country", "isNot", ("KR",)),)),
)
FILTERS: Final = ((), (), (PropertyFilter("has_profile", "is", ("true",)),))
BREAKDOWNS: Final = ((), (), ("properties.plan",), ("group.id", "country"))


def answers(warehouse: Warehouse, question: Question[Any]) -> Sequence[Any]:
    """From events, and where a rollup can answer from that."""
    found = []
    for source in dict.fromkeys((Source.EVENTS, question.exact)):
        statement = question.statement(source)
        rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
        found.append(question.answer(rows, source))
    return found


@random_worlds(
    8,
    history=histories(sessions=20, days=40),
    text=st.sampled_from(RANGES),
    steps=st.tuples(st.sampled_from(STEPS), st.sampled_from(STEPS)),
    fields=st.sampled_from(BREAKDOWNS),
    chosen=st.fixed_dictionaries(
        {
            "interval": st.sampled_from(("day", "week", "month")),
            "begins": st.sampled_from(("ever", "period", "each")),
            "mode": st.sampled_from(("on", "on_or_after")),
            "filters": st.sampled_from(FILTERS),
        }
    ),
)
def test_retention_answers_what_counting_by_hand_answers(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    text: str,
    *,
    steps: tuple[Step, Step],
    fields: tuple[str, ...],
    chosen: dict[str, Any],
) -> None:
    if text == "12m" and chosen["interval"] == "day":
        chosen = {**chosen, "interval": "week"}
    period = resolve(text, timezone=history.timezone, now=history.now)
    question = Retention(
        load(history, insert),
        history.timezone,
        period,
        starts=steps[0],
        comes_back=steps[1],
        breakdowns=fields,
        limit=500,
        **chosen,
    )
    begun, came = _begun_and_came(question, Reckoning(history))

    for rows in answers(warehouse, question):
        assert {row.labels for row in rows} == ({labels for _, _, labels in begun} if fields else {()})
        for row in rows:
            mine = [(person, bucket) for person, bucket, labels in begun if labels == row.labels]
            _check(question, row, mine, came)


@random_worlds(
    6,
    history=histories(sessions=25, days=60),
    text=st.sampled_from(("30d", "12m", "2026-03-04..2026-03-06", "2026-03-20..2026-05-06")),
    begins=st.sampled_from(("ever", "period", "each")),
    mode=st.sampled_from(("on", "on_or_after")),
)
def test_weeks_of_the_rollup_are_those_counted_by_hand(
    warehouse: Warehouse, insert: Insert, history: History, text: str, *, begins: Begins, mode: Mode
) -> None:
    period = resolve(text, timezone=history.timezone, now=history.now)
    question = Retention(load(history, insert), history.timezone, period, begins=begins, mode=mode)
    begun, came = _begun_and_came(question, Reckoning(history))

    assert question.exact is Source.ROLLUP
    for (row,) in answers(warehouse, question):
        _check(question, row, [(person, bucket) for person, bucket, _ in begun], came)


def _begun_and_came(
    question: Retention, reckoning: Reckoning
) -> tuple[list[tuple[int, int, tuple[str, ...]]], Mapping[int, set[int]]]:
    """Who began in which bucket with which labels, and in which buckets each person came."""
    start = milliseconds(question.period.start)
    began: dict[int, list[Event]] = {}
    came: dict[int, set[int]] = {}
    for event in reckoning.doings(until=question.period.until):
        person = reckoning.person(event)
        if not person or not reckoning.meets(event, question.filters):
            continue
        if _is(reckoning, event, question.starts):
            began.setdefault(person, []).append(event)
        if _is(reckoning, event, question.comes_back) and event["created_at"] >= start:
            came.setdefault(person, set()).add(_place(question.buckets, event))
    begun = []
    for person, events in began.items():
        inside = [event for event in events if event["created_at"] >= start]
        if question.begins == "ever":
            inside = inside[:1] if events[0]["created_at"] >= start else []
        if question.begins == "period":
            inside = inside[:1]
        firsts = {_place(question.buckets, event): event for event in reversed(inside)}
        begun += [
            (person, bucket, labels)
            for bucket, event in firsts.items()
            for labels in _labels(reckoning, event, question.breakdowns)
        ]
    return begun, came


def _is(reckoning: Reckoning, event: Event, step: Step) -> bool:
    return reckoning.is_named(event, step.name) and reckoning.meets(event, step.filters)


def _labels(reckoning: Reckoning, event: Event, names: Sequence[str]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for name in names:
        found = [(*before, value) for before in found for value in reckoning.label(event, name)]
    return found


def _place(every: Sequence[Bucket], event: Event) -> int:
    return next(
        number
        for number, bucket in enumerate(every)
        if milliseconds(bucket.start) <= event["created_at"] < milliseconds(bucket.end)
    )


def _check(
    question: Retention, row: RetentionRow, mine: Sequence[tuple[int, int]], came: Mapping[int, set[int]]
) -> None:
    returns: Callable[[int, int, int], bool] = (
        (lambda person, bucket, k: bucket + k in came.get(person, ()))
        if question.mode == "on"
        else (lambda person, bucket, k: any(place >= bucket + k for place in came.get(person, ())))
    )
    assert len(row.cohorts) == len(question.buckets)
    pooled: dict[int, list[tuple[int, int]]] = {}
    for number, cohort in enumerate(row.cohorts):
        persons = [person for person, bucket in mine if bucket == number]
        columns = range(len(question.buckets) - number)
        assert cohort.persons == len(persons)
        assert list(cohort.returned) == [
            sum(returns(person, number, k) for person in persons) for k in columns
        ]
        for k in columns:
            if question.buckets[number + k].end <= question.period.until:
                pooled.setdefault(k, []).append((cohort.returned[k], cohort.persons))
    for k, average in enumerate(row.average):
        counted = pooled.get(k, [])
        people = sum(persons for _, persons in counted)
        assert average == (pytest.approx(sum(back for back, _ in counted) / people) if people else None)


def test_no_history_knows_what_comes_after_now() -> None:
    """A rollup counts the running day as whole: nothing has happened after the moment of asking."""
    dice = random.Random(7)

    for number in range(40):
        now = MOMENTS[number % len(MOMENTS)]
        history = a_history(dice, sessions=40, days=1, timezone="Asia/Seoul", now=now)
        assert max(event["created_at"] for event in history.events) < milliseconds(now)


@random_worlds(
    6,
    history=histories(sessions=20, days=40),
    text=st.sampled_from(("7d", "mtd", "2026-03-20..2026-04-04")),
    window=st.sampled_from((1, 7, 30)),
    filters=st.sampled_from(FILTERS),
    interval=st.sampled_from(("day", "week", "month")),
)
def test_activity_answers_what_counting_by_hand_answers(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    text: str,
    *,
    window: int,
    filters: tuple[PropertyFilter, ...],
    interval: Any,
) -> None:
    period = resolve(text, timezone=history.timezone, now=history.now)
    doings = Doings(load(history, insert), history.timezone, period, filters=filters)
    reckoning = Reckoning(history)
    active = {
        (
            reckoning.person(event),
            datetime.fromtimestamp(event["created_at"] / 1000, tz=reckoning.zone).date(),
        )
        for event in reckoning.doings(until=period.until)
        if reckoning.is_named(event, "*") and reckoning.person(event) and reckoning.meets(event, filters)
    }

    for days in answers(warehouse, ActiveUsers(doings, window)):
        for each in days:
            held = {each.day - timedelta(days=back) for back in range(window)}
            assert each.persons == len({person for person, day in active if day in held})
    every = buckets(period, timezone=history.timezone, interval=interval)
    counted = _active_buckets(reckoning, period, every, filters)
    for persons in answers(warehouse, Stickiness(doings, interval)):
        assert list(persons) == [
            sum(len(places) == k for places in counted.values()) for k in range(1, len(every) + 1)
        ]


def _active_buckets(
    reckoning: Reckoning, period: Period, every: Sequence[Bucket], filters: Sequence[PropertyFilter]
) -> Mapping[int, set[int]]:
    found: dict[int, set[int]] = {}
    for event in reckoning.doings(period):
        person = reckoning.person(event)
        if reckoning.is_named(event, "*") and person and reckoning.meets(event, filters):
            found.setdefault(person, set()).add(_place(every, event))
    return found


@random_worlds(5, history=histories(sessions=20, days=40), known=st.booleans())
def test_last_seen_answers_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, *, known: bool
) -> None:
    reckoning = Reckoning(history)
    today = history.now.astimezone(reckoning.zone).date()
    question = LastSeen(load(history, insert), history.timezone, today, known=known)
    statement = question.statement(Source.ROLLUP)

    rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
    answer = question.answer(rows, Source.ROLLUP)

    last: dict[int, Any] = {}
    for event in reckoning.doings():
        if reckoning.is_named(event, "*") and reckoning.person(event):
            last[reckoning.person(event)] = datetime.fromtimestamp(
                event["created_at"] / 1000, tz=reckoning.zone
            ).date()
    with_profile = {reckoning.person(event) for event in history.events if event["profile_id"]}
    ago = [(today - day).days for person, day in last.items() if person in with_profile or not known]
    assert dict(answer.days) == {days: ago.count(days) for days in ago}
    assert answer.persons(first=0) == len(ago)
    assert answer.persons(first=8, last=14) == sum(8 <= days <= 14 for days in ago)
