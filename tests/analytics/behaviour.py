"""Every question about behaviour (charts, funnels, retention, flow, cohorts), once in each way it can be put.

For pinned text, for the cluster, for injections: `text` stands wherever somebody may type one.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from openpanel.analytics.asking import Question
from openpanel.analytics.attempts import Attempts, Exclusion
from openpanel.analytics.chart_people import ChartPeople
from openpanel.analytics.chart_series import EventSeries, FormulaSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.cohorts import (
    Behaviour,
    Behaviours,
    CohortMembers,
    CohortSize,
    DynamicCohort,
    StaticCohort,
    Traits,
)
from openpanel.analytics.conversions import Conversion
from openpanel.analytics.flows import Flow
from openpanel.analytics.funnels import Funnel, FunnelPeople
from openpanel.analytics.habits import ActiveUsers, Doings, LastSeen, Stickiness
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import previous, resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.retention import Retention

NOW: Final = datetime(2026, 11, 22, 14, 5, 33, tzinfo=UTC)
ZONE: Final = "Asia/Seoul"
PERIOD: Final = resolve("7d", timezone=ZONE, now=NOW)
BEFORE: Final = previous(PERIOD, timezone=ZONE)
MONTH: Final = resolve("30d", timezone=ZONE, now=NOW)


def filters(text: str) -> tuple[PropertyFilter, ...]:
    """One of each operator and type."""
    return (
        PropertyFilter(f"properties.{text}", "is", (text, "")),
        PropertyFilter("path", "doesNotContain", (text,)),
        PropertyFilter("properties.items.*.sku", "startsWith", (text,)),
        PropertyFilter("properties.price", "gt", ("9.5",), "number"),
        PropertyFilter("properties.due", "lte", ("2026-11-01",), "date"),
        PropertyFilter("created_at", "gte", ("2026-01-01T00:00:00",)),
        PropertyFilter("properties.paid", "is", ("true",), "boolean"),
        PropertyFilter("profile.properties.plan", "isNot", (text,)),
        PropertyFilter("session.entry_path", "endsWith", (text,)),
        PropertyFilter("group.type", "isNotNull"),
        PropertyFilter("has_profile", "is", ("true",)),
    )


def cohorts(text: str) -> tuple[DynamicCohort | StaticCohort, ...]:
    """One of each kind."""
    rules = (
        Behaviour(text, (PropertyFilter("country", "is", (text,)),), "gte", 2, days=30),
        Behaviour("revenue", frequency="lte", times=1),
    )
    return (
        DynamicCohort(f"active {text}", Behaviours(rules), NOW),
        DynamicCohort("paying", Traits((PropertyFilter(f"profile.properties.{text}", "is", (text,)),)), NOW),
        StaticCohort("kept", 7),
    )


def questions(project: str, *, text: str = "click") -> Mapping[str, Question[Any]]:
    """All of them, by name. The texts of a breakdown's values come back in answers."""
    steps = (
        Step(text),
        Step("screen_view", (PropertyFilter("path", "is", ("/a",)),)),
        Step("*", (PropertyFilter("properties.plan", "is", (text,)),)),
    )
    attempts = Attempts(project, ZONE, PERIOD, steps, cohorts=())
    chart = Chart(
        project,
        ZONE,
        PERIOD,
        (EventSeries(text), EventSeries("*", "user", display_name="people")),
        previous=BEFORE,
    )
    doings = Doings(project, ZONE, PERIOD, text, (PropertyFilter("country", "isNot", (text,)),))
    everybody = Doings(project, ZONE, PERIOD)
    return {
        "chart": chart,
        "chart_segments": replace(chart, previous=None, kind="bar", series=_segments(text)),
        "chart_broken_down": replace(
            chart,
            series=(*chart.series, FormulaSeries("A / B * 100")),
            breakdowns=("country", f"properties.{text}", "group.name"),
        ),
        "chart_filtered": replace(chart, previous=None, filters=filters(text)),
        "chart_by_cohort": replace(
            chart,
            previous=None,
            kind="pie",
            filters=(PropertyFilter("cohort", "notInCohort", ("kept",)),),
            breakdowns=("cohort", "cohort:paying"),
            cohorts=cohorts(text),
        ),
        "chart_people": ChartPeople(
            project,
            ZONE,
            PERIOD,
            chart.events[0],
            breakdowns=("path",),
            labels=(text,),
            filters=filters(text)[:1],
        ),
        "funnel": Funnel(attempts, previous=BEFORE),
        "funnel_of_persons": Funnel(
            replace(attempts, by="person", order="strict", exclusions=(Exclusion("revenue", after=2),)),
            breakdowns=("profile.email",),
        ),
        "funnel_in_any_order": Funnel(replace(attempts, order="any", exclusions=(Exclusion(text),))),
        "funnel_of_groups": Funnel(replace(attempts, by="property", key="group.id")),
        "funnel_of_same_value": Funnel(replace(attempts, key=f"properties.{text.replace('*', '')}")),
        "funnel_people": FunnelPeople(attempts, 2, dropped=True),
        "funnel_people_of_a_row": FunnelPeople(attempts, 2, breakdowns=("country",), labels=(text,)),
        "conversion": Conversion(
            replace(attempts, steps=steps[:2], window=timedelta(days=3), by="person"),
            previous=BEFORE,
            breakdowns=("country",),
        ),
        "retention": Retention(project, ZONE, MONTH),
        "retention_since_ever": Retention(project, ZONE, MONTH, begins="ever"),
        "retention_by_day": Retention(project, ZONE, MONTH, "day"),
        "retention_of_events": Retention(
            project,
            ZONE,
            MONTH,
            "day",
            starts=steps[0],
            comes_back=steps[1],
            begins="ever",
            mode="on",
            breakdowns=("os",),
        ),
        "active_users": ActiveUsers(everybody, 30),
        "active_users_of_events": ActiveUsers(doings, 7),
        "stickiness": Stickiness(everybody),
        "stickiness_of_events": Stickiness(doings, "week"),
        "last_seen": LastSeen(project, ZONE, date(2026, 11, 22)),
        "flow_after": Flow(project, ZONE, PERIOD, start=steps[0], include=(text, "screen_view")),
        "flow_before": Flow(project, ZONE, PERIOD, "before", end=steps[1], exclude=(text,)),
        "flow_between": Flow(project, ZONE, PERIOD, "between", start=steps[1], end=steps[0]),
        "cohort_members": CohortMembers(project, ZONE, cohorts(text)[0]),
        "cohort_size": CohortSize(project, ZONE, cohorts(text)[1]),
        "cohort_kept": CohortSize(project, ZONE, cohorts(text)[2]),
    }


def _segments(text: str) -> tuple[EventSeries, ...]:
    price = f"properties.{text.replace('*', '')}"  # a key with a star has many values, and no sum
    return (
        EventSeries(text),
        EventSeries("*", "session"),
        EventSeries("*", "group"),
        EventSeries("*", "user_average"),
        EventSeries("*", "one_event_per_user"),
        EventSeries("*", "property_sum", price),
        EventSeries("*", "property_average", price),
        EventSeries("*", "property_max", price),
        EventSeries("*", "property_min", "revenue"),
        EventSeries("*", "property_median", price),
        EventSeries("*", "property_p90", price),
        EventSeries("*", "property_distinct", price),
    )
