"""Cohorts against counting person by person in plain Python: their members, and charts filtered and broken down by them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.asking import LIMITS, ask
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.cohorts import (
    Behaviour,
    Behaviours,
    CohortMembers,
    CohortSize,
    DynamicCohort,
    StaticCohort,
    Traits,
    freezing,
)
from openpanel.analytics.periods import resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.reading import Membership
from openpanel.warehouse import Warehouse, tables
from tests.analytics.twin.histories import PLANS, History, histories
from tests.analytics.twin.reckoning import Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

FILTERS: Final = (
    (),
    (PropertyFilter("country", "isNot", ("KR",)),),
    (PropertyFilter("properties.price", "gt", ("5",), "number"),),
)
TRAITS: Final = (
    PropertyFilter("profile.properties.plan", "is", PLANS[:2]),
    PropertyFilter("profile.email", "contains", ("EXAMPLE",)),
    PropertyFilter("profile.properties.plan", "isNull"),
    PropertyFilter("profile.id", "isNot", ("profile 107",)),
)


@st.composite
def rules(draw: st.DrawFn) -> Callable[[History], Behaviour]:
    frequency: Any = draw(st.sampled_from(("gte", "eq", "lte")))
    rule = Behaviour(
        draw(st.sampled_from(("*", "click", 'sign "up"', "screen_view"))),
        draw(st.sampled_from(FILTERS)),
        frequency,
        draw(st.integers(1 if frequency == "gte" else 0, 4)),
    )
    time = draw(st.sampled_from(("ever", "days", "between")))
    if time == "days":
        rule = replace(rule, days=draw(st.sampled_from((1, 3, 7))))
    if time == "between":
        return lambda history: replace(
            rule, start=history.now - timedelta(days=6), end=history.now - timedelta(days=1)
        )
    return lambda _history: rule


@st.composite
def definitions(draw: st.DrawFn) -> Callable[[History], Behaviours | Traits]:
    combine: Any = draw(st.sampled_from(("and", "or")))
    if draw(st.booleans()):
        traits = Traits(tuple(draw(st.lists(st.sampled_from(TRAITS), min_size=1, max_size=2))), combine)
        return lambda _history: traits
    some = draw(st.lists(rules(), min_size=1, max_size=3))
    return lambda history: Behaviours(tuple(rule(history) for rule in some), combine)


def members(cohort: DynamicCohort, reckoning: Reckoning) -> set[int]:
    definition = cohort.definition
    if isinstance(definition, Traits):
        holds: Callable[[list[bool]], bool] = all if definition.combine == "and" else any
        return {
            reckoning.person(event)
            for event in reckoning.history.events
            if holds([reckoning.meets(event, [item]) for item in definition.filters])
        } - {0}
    everybody = {
        reckoning.person(event) for event in reckoning.doings() if reckoning.is_named(event, "*")
    } - {0}
    every = [_of_rule(rule, cohort, reckoning, everybody) for rule in definition.rules]
    return set.intersection(*every) if definition.combine == "and" else set.union(*every)


def _of_rule(rule: Behaviour, cohort: DynamicCohort, reckoning: Reckoning, everybody: set[int]) -> set[int]:
    start, end = 0, milliseconds(cohort.now)
    if rule.days is not None:
        start = milliseconds(resolve(f"{rule.days}d", timezone=str(reckoning.zone), now=cohort.now).start)
    if rule.start is not None and rule.end is not None:
        start, end = milliseconds(rule.start), milliseconds(rule.end)
    did = [
        reckoning.person(event)
        for event in reckoning.doings()
        if start <= event["created_at"] < end
        and reckoning.is_named(event, rule.name)
        and reckoning.meets(event, rule.filters)
    ]
    compared: dict[str, Callable[[int], bool]] = {
        "gte": lambda times: times >= rule.times,
        "eq": lambda times: times == rule.times,
        "lte": lambda times: times <= rule.times,
    }
    return {person for person in everybody if compared[rule.frequency](did.count(person))}


def found_members(warehouse: Warehouse, project: str, history: History, cohort: Membership) -> Sequence[int]:
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page = ask(warehouse, CohortMembers(project, history.timezone, cohort, after=after, limit=2))
        found += [each.person for each in page.people]
        after = page.cursor
    return found


@random_worlds(8, history=histories(), define=definitions())
def test_members_are_those_who_fit(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    define: Callable[[History], Behaviours | Traits],
) -> None:
    project = load(history, insert)
    cohort = DynamicCohort("c'1", define(history), history.now)

    found = found_members(warehouse, project, history, cohort)

    assert found == sorted(members(cohort, Reckoning(history)))
    assert ask(warehouse, CohortSize(project, history.timezone, cohort)) == len(found)


@random_worlds(
    4,
    history=histories(),
    defines=st.tuples(definitions(), definitions()),
    name=st.sampled_from(("cohort", "cohort:🐇 'a'")),
)
def test_charts_are_filtered_and_broken_down_by_cohorts(
    warehouse: Warehouse, insert: Insert, history: History, *, defines: tuple[Any, Any], name: str
) -> None:
    project = load(history, insert)
    cohorts = (
        DynamicCohort("🐇 'a'", defines[0](history), history.now),
        DynamicCohort("b", defines[1](history), history.now),
    )
    people = {cohort.id: members(cohort, Reckoning(history)) for cohort in cohorts}
    reckoning = Reckoning(history, cohorts=people)
    kept = (
        PropertyFilter("cohort", "notInCohort", ("b",)),
        PropertyFilter("cohort", "inCohort", ("🐇 'a'", "b")),
    )
    period = resolve("30d", timezone=history.timezone, now=history.now)

    answer = ask(
        warehouse,
        Chart(
            project,
            history.timezone,
            period,
            (EventSeries(), *(EventSeries(filters=(item,)) for item in kept)),
            kind="bar",
            breakdowns=(name,),
            limit=5,
            cohorts=cohorts,
        ),
    )

    for row in answer.rows:
        filters = () if row.letter == "A" else (kept["BC".index(row.letter)],)
        done = [event for event in reckoning.doings(period) if reckoning.is_named(event, "*")]
        counted = [event for event in done if reckoning.meets(event, filters)]
        assert row.figures.total == sum(row.labels[0] in reckoning.label(event, name) for event in counted)
    assert {row.labels[0] for row in answer.rows} == {
        value
        for event in reckoning.doings(period)
        if reckoning.is_named(event, "*")
        for value in reckoning.label(event, name)
    }


@random_worlds(4, history=histories(), define=definitions(), later=histories())
def test_static_cohort_stays_as_it_was(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    define: Callable[[History], Behaviours | Traits],
    *,
    later: History,
) -> None:
    project = load(history, insert)
    cohort = DynamicCohort("vip", define(history), history.now)
    command = freezing(project, timezone=history.timezone, cohort=cohort, generation=7)
    warehouse.command(command.sql, parameters=command.parameters, settings=LIMITS)

    frozen = found_members(warehouse, project, history, StaticCohort("vip", 7))
    if later.events:
        insert(tables.EVENTS, [{**event, "project_id": project} for event in later.events])

    assert frozen == sorted(members(cohort, Reckoning(history)))
    assert found_members(warehouse, project, history, StaticCohort("vip", 7)) == frozen
    assert found_members(warehouse, project, history, StaticCohort("vip", 8)) == []
