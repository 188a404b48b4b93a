"""Questions about behaviour that cannot be asked are refused, each with what would be right. No store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from openpanel.analytics.attempts import Attempts, Exclusion
from openpanel.analytics.chart_series import MAX_SERIES, EventSeries, FormulaSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.cohorts import (
    Behaviour,
    Behaviours,
    CohortMembers,
    DynamicCohort,
    StaticCohort,
    Traits,
)
from openpanel.analytics.conversions import Conversion
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.flows import Flow
from openpanel.analytics.formulas import BadFormula
from openpanel.analytics.funnels import Funnel, FunnelPeople
from openpanel.analytics.habits import ActiveUsers, Doings
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import BadRange, resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.retention import Retention
from openpanel.analytics.routing import Source
from tests.analytics.behaviour import MONTH, NOW, PERIOD, ZONE

YEAR = resolve("2025-01-01..2026-11-01", timezone=ZONE, now=NOW)
BEFORE_ALL_DAYS = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))  # of UTC it has no name
AFTER_ALL_DAYS = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14)))
SCOPE = Attempts("p", ZONE, PERIOD, (Step("a"), Step("b")))


def chart(*series: EventSeries | FormulaSeries, **chosen: Any) -> Chart:
    return Chart("p", ZONE, PERIOD, series, **chosen)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no series": (chart, "one of events at least"),
    "only a formula": (lambda: chart(FormulaSeries("1")), "one of events at least"),
    "too many series": (lambda: chart(*[EventSeries()] * (MAX_SERIES + 1)), "expected 1 to"),
    "event without a name": (lambda: chart(EventSeries("")), "the name of an event"),
    "four breakdowns": (lambda: chart(EventSeries(), breakdowns=("os", "path", "name", "city")), "at most 3"),
    "the same breakdown twice": (lambda: chart(EventSeries(), breakdowns=("os", "os")), "each field once"),
    "no row": (lambda: chart(EventSeries(), breakdowns=("os",), limit=0), "expected 1 to"),
    "too many points": (
        lambda: replace(chart(*[EventSeries()] * 8), period=YEAR, breakdowns=("os",), limit=500),
        "take a longer interval or fewer values",
    ),
    "one-step funnel": (lambda: Funnel(replace(SCOPE, steps=(Step("a"),))), "expected 2 to"),
    "eleven steps": (lambda: Funnel(replace(SCOPE, steps=(Step("a"),) * 11)), "expected 2 to"),
    "no window": (lambda: Funnel(replace(SCOPE, window=timedelta())), "expected up to"),
    "property without a key": (lambda: Funnel(replace(SCOPE, by="property")), "needs a key"),
    "key that means nothing": (
        lambda: Funnel(replace(SCOPE, key="nonsense")).statement(Source.EVENTS),
        "no such field",
    ),
    "step without a name": (
        lambda: Funnel(replace(SCOPE, steps=(Step("a"), Step("")))),
        "the name of an event",
    ),
    "unknown order": (lambda: Funnel(replace(SCOPE, order="random")), "sequence, strict or any"),  # type: ignore[arg-type]
    "unknown visitor": (lambda: Funnel(replace(SCOPE, by="device")), "session, person or property"),  # type: ignore[arg-type]
    "exclusion behind the end": (
        lambda: Funnel(replace(SCOPE, exclusions=(Exclusion("x", after=2),))),
        "after one and before another of 2 steps",
    ),
    "exclusion between some of any order": (
        lambda: Funnel(
            replace(
                SCOPE, steps=(*SCOPE.steps, Step("c")), order="any", exclusions=(Exclusion("x", before=2),)
            )
        ),
        "between all of them",
    ),
    "dropped at the first step": (lambda: FunnelPeople(SCOPE, 1, dropped=True), "the first drops nobody"),
    "people of no step": (lambda: FunnelPeople(SCOPE, 3), "expected one of 2"),
    "people of half a row": (
        lambda: FunnelPeople(SCOPE, 1, breakdowns=("country", "os"), labels=("KR",)),
        "expected one for each of 2 breakdowns",
    ),
    "page of no people": (lambda: FunnelPeople(SCOPE, 1, limit=0), "expected 1 to"),
    "conversion of three steps": (
        lambda: Conversion(replace(SCOPE, steps=(*SCOPE.steps, Step("c")))),
        "has two",
    ),
    "conversion in any order": (lambda: Conversion(replace(SCOPE, order="any")), "without exclusions"),
    "retention by the hour": (lambda: Retention("p", ZONE, MONTH, "hour"), "day, week or month"),  # type: ignore[arg-type]
    "too many columns": (lambda: Retention("p", ZONE, YEAR, "day"), "take a longer interval"),
    "unknown begin": (lambda: Retention("p", ZONE, MONTH, begins="now"), "ever, period or each"),  # type: ignore[arg-type]
    "window of no day": (lambda: ActiveUsers(Doings("p", ZONE, MONTH), 0), "expected 1 to"),
    "active users of years": (lambda: ActiveUsers(Doings("p", ZONE, YEAR), 7), "at most"),
    "flow from nowhere": (lambda: Flow("p", ZONE, PERIOD), "after needs a start"),
    "flow with one end too many": (
        lambda: Flow("p", ZONE, PERIOD, start=Step("a"), end=Step("b")),
        "after needs a start",
    ),
    "unknown flow": (lambda: Flow("p", ZONE, PERIOD, "around", start=Step("a")), "after, before, between"),  # type: ignore[arg-type]
    "flow of one step": (lambda: Flow("p", ZONE, PERIOD, start=Step("a"), steps=1), "expected 2 to"),
    "cohort of no rule": (lambda: DynamicCohort("c", Behaviours(()), NOW), "expected 1 to"),
    "cohort without id": (lambda: DynamicCohort("", Behaviours((Behaviour(),)), NOW), "needs an id"),
    "at least no times": (
        lambda: DynamicCohort("c", Behaviours((Behaviour(times=0),)), NOW),
        "at least 1 for gte",
    ),
    "two timeframes": (
        lambda: DynamicCohort("c", Behaviours((Behaviour(days=7, start=NOW, end=NOW),)), NOW),
        "days, or start and end",
    ),
    "reversed timeframe": (
        lambda: DynamicCohort("c", Behaviours((Behaviour(start=NOW, end=NOW),)), NOW),
        "before the start",
    ),
    "timeframe before all days": (
        lambda: DynamicCohort("c", Behaviours((Behaviour(start=BEFORE_ALL_DAYS, end=NOW),)), NOW),
        "expected a time from 1970 to 2200",
    ),
    "timeframe after all days": (
        lambda: DynamicCohort("c", Behaviours((Behaviour(start=NOW, end=AFTER_ALL_DAYS),)), NOW),
        "expected a time from 1970 to 2200",
    ),
    "profiles by an event": (
        lambda: DynamicCohort("c", Traits((PropertyFilter("path", "is", ("/",)),)), NOW),
        "fields such as profile.properties.plan",
    ),
    "profiles by nothing": (lambda: DynamicCohort("c", Traits(()), NOW), "one at least"),
    "members by the million": (
        lambda: CohortMembers("p", ZONE, StaticCohort("c", 1), limit=10**6),
        "expected 1 to",
    ),
}


@pytest.mark.parametrize(("ask_it", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_asked_is_refused_with_what_can(ask_it: Callable[[], object], reason: str) -> None:
    with pytest.raises(BadFilter) as refused:
        ask_it()

    assert reason in refused.value.reason


def test_formula_may_only_name_series_before_it() -> None:
    chart(EventSeries(), FormulaSeries("A * 2"), FormulaSeries("B + A"))

    with pytest.raises(BadFormula, match="no series"):
        chart(EventSeries(), FormulaSeries("C"), EventSeries())


def test_minutes_of_a_year_are_refused() -> None:
    with pytest.raises(BadRange, match="longer interval"):
        replace(chart(EventSeries(), interval="minute"), period=YEAR)


@pytest.mark.parametrize(
    "series",
    [
        EventSeries("*", "planet"),  # type: ignore[arg-type]
        EventSeries("*", "property_sum"),
        EventSeries("*", "property_sum", "created_at"),
        EventSeries("*", "property_max", "group.id"),
        EventSeries("*", "user", "properties.price"),
        EventSeries("*", filters=(PropertyFilter("planet", "is", ("Mars",)),)),
    ],
    ids=["segment", "no property", "a moment", "many values", "property of none", "field"],
)
def test_series_that_means_nothing_is_refused(series: EventSeries) -> None:
    with pytest.raises(BadFilter):
        chart(series).statement(Source.EVENTS)


def test_breakdown_by_nothing_known_is_refused() -> None:
    with pytest.raises(BadFilter, match="no such field"):
        chart(EventSeries(), breakdowns=("planet",)).statement(Source.EVENTS)
