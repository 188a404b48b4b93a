"""Overviews over random histories: every kind of filter, a cohort, periods that run and periods that are over."""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.cohorts import Behaviour, Behaviours, DynamicCohort
from openpanel.analytics.filters import Filter
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import allowed_intervals, previous, resolve
from openpanel.analytics.property_filters import PropertyFilter
from tests.analytics.twin.histories import History
from tests.analytics.twin.reckoning import Reckoning
from tests.analytics.twin.visiting import Visiting

Over = Callable[[str, History], Overview]
RANGES: Final = ("today", "yesterday", "7d", "mtd", "24h", "2026-03-28..2026-10-30")
FILTERS: Final = (
    (),
    (),
    (Filter("country", "is", ("KR", "")),),
    (Filter("page", "is", ("/a", "/한국")),),
    (Filter("entry", "starts", ("/",)), Filter("event", "is", ("click", "revenue"))),
)
PROPERTIES: Final = (
    (),
    (),
    (PropertyFilter("path", "is", ("/a",)),),
    (PropertyFilter("title", "isNot", ("Home",)), PropertyFilter("properties.plan", "is", ("pro", "🦊"))),
    (PropertyFilter("origin", "contains", ("O'NEIL",)), PropertyFilter("has_profile", "is", ("true",))),
    (PropertyFilter("cohort", "inCohort", ("clicked",)), PropertyFilter("name", "isNot", ("click",))),
    (PropertyFilter("profile.properties.plan", "isNot", ("pro",)), PropertyFilter("group.id", "isNotNull")),
    (PropertyFilter("session.is_bounce", "is", ("true",)), PropertyFilter("properties.price", "gt", ("1",))),
)


@st.composite
def overviews(draw: st.DrawFn) -> Over:
    """An overview of some history."""
    text = draw(st.sampled_from(RANGES))
    chosen: dict[str, Any] = {
        "filters": draw(st.sampled_from(FILTERS)),
        "property_filters": draw(st.sampled_from(PROPERTIES)),
    }

    def over(project: str, history: History) -> Overview:
        period = resolve(text, timezone=history.timezone, now=history.now)
        return Overview(
            project,
            history.timezone,
            period,
            previous=previous(period, timezone=history.timezone),
            interval=next(
                name for name in ("hour", "day", "week", "month") if name in allowed_intervals(period)
            ),
            cohorts=(DynamicCohort("clicked", Behaviours((Behaviour("click"),)), history.now),),
            **chosen,
        )

    return over


def visiting(scope: Overview, history: History) -> Visiting:
    """The scope, read by hand."""
    plain = Reckoning(history)
    clicked = {
        plain.person(event) for event in plain.doings(until=history.now) if plain.is_named(event, "click")
    }
    return Visiting(scope, Reckoning(history, cohorts={"clicked": clicked - {0}}))
