"""The questions about sites: pages, live, maps, links, money. `text` stands wherever somebody may type one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from openpanel.analytics.asking import Question
from openpanel.analytics.cohorts import Behaviour, Behaviours, DynamicCohort
from openpanel.analytics.engagement import Engagement, WeeklyRetention
from openpanel.analytics.heat_map import HeatMap
from openpanel.analytics.map import Map
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.outgoing import OutgoingLinks
from openpanel.analytics.overview import Overview
from openpanel.analytics.page_conversions import PageConversions
from openpanel.analytics.pages import Pages
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.realtime import Realtime
from openpanel.analytics.revenue import Revenue
from openpanel.analytics.series import Series
from openpanel.analytics.top_events import TopEvents
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_series import TopSeries
from openpanel.analytics.top_values import TopValues

TODAY: Final = date(2026, 11, 22)


def property_filters(text: str) -> tuple[PropertyFilter, ...]:
    """On pageviews, on events and on persons."""
    return (
        PropertyFilter("path", "isNot", (text,)),
        PropertyFilter("title", "doesNotContain", (text,)),
        PropertyFilter(f"properties.{text}", "isNot", (text,)),
        PropertyFilter("session.entry_path", "isNot", (text,)),
        PropertyFilter("profile.properties.plan", "isNot", (text,)),
        PropertyFilter("cohort", "notInCohort", (text,)),
    )


def questions(plain: Overview, *, text: str = "click") -> Mapping[str, Question[Any]]:
    """All of them, by name, over a scope without filters."""
    assert plain.period.running_until is not None
    cohort = DynamicCohort(text, Behaviours((Behaviour(text),)), plain.period.running_until)
    narrow = replace(plain, property_filters=property_filters(text), cohorts=(cohort,))
    return {
        "metrics_by_properties": Metrics(narrow),
        "series_by_properties": Series(narrow),
        "top_pages_by_properties": TopPages(narrow),
        "top_values_detailed": TopValues(plain, dimension="city", detailed=True),
        "top_values_by_properties": TopValues(narrow, dimension="referrer_url"),
        "top_series": TopSeries(plain, dimension="os_version"),
        "top_series_of_pages": TopSeries(narrow, dimension="page"),
        "pages": Pages(plain),
        "pages_searched": Pages(narrow, search=text, sort="average", descending=False, offset=1),
        "page_conversions": PageConversions(plain, (text, "revenue")),
        "page_conversions_by_properties": PageConversions(narrow, (text,)),
        "heat_map": HeatMap(plain),
        "map": Map(plain),
        "map_by_properties": Map(narrow),
        "outgoing_links": OutgoingLinks(plain),
        "top_events": TopEvents(plain),
        "conversions_by_properties": TopEvents(narrow, names=(text, "revenue")),
        "revenue": Revenue(plain),
        "revenue_by_properties": Revenue(narrow, dimension="country"),
        "weekly_retention": WeeklyRetention(plain.project, plain.timezone, TODAY),
        "engagement": Engagement(plain.project, plain.timezone, TODAY),
        "realtime": Realtime(plain.project, plain.period.running_until),
    }
