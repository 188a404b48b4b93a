"""The questions that are measured, by name: what the pages of a project ask of a large one.

Panels of the overview, charts and reports, pickers, a person's page, lists, and what sites ask. Periods are of the
made-up traffic, in whole days.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from benchmarks import traffic
from openpanel.analytics.asking import Question
from openpanel.analytics.attempts import Attempts
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.events import Events, Selection
from openpanel.analytics.funnels import Funnel
from openpanel.analytics.heat_map import HeatMap
from openpanel.analytics.map import Map
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.occurrences import Step
from openpanel.analytics.outgoing import OutgoingLinks
from openpanel.analytics.overview import Overview
from openpanel.analytics.pages import Pages
from openpanel.analytics.people import People, PeopleSelection
from openpanel.analytics.periods import Period, previous, resolve
from openpanel.analytics.person_activity import PersonActivity, PersonTopEvents
from openpanel.analytics.person_metrics import PersonMetrics
from openpanel.analytics.pickers import EventNames, PropertyKeys
from openpanel.analytics.property_values import PropertyValues
from openpanel.analytics.realtime import Realtime
from openpanel.analytics.retention import Retention
from openpanel.analytics.revenue import Revenue
from openpanel.analytics.routing import Source
from openpanel.analytics.series import Series
from openpanel.analytics.sessions import Sessions, SessionSelection
from openpanel.analytics.top_countries import TopCountries
from openpanel.analytics.top_devices import TopDevices
from openpanel.analytics.top_events import TopEvents
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_referrers import TopReferrers
from openpanel.analytics.top_values import TopValues

ZONE: Final = "UTC"
WEEKS: Final = 12
FIRST_WEEK: Final = traffic.LAST_DAY - timedelta(days=traffic.LAST_DAY.weekday(), weeks=WEEKS - 1)
NOON: Final = datetime.combine(traffic.LAST_DAY, time(12), tzinfo=UTC)  # many are on the site
STEPS: Final = ("screen_view", "add_to_cart", "signup")
TABS: Final = (
    "entry",
    "exit",
    "region",
    "city",
    "referrer_type",
)  # lists of the overview without a question of their own


@dataclass(frozen=True, slots=True)
class Asked:
    """A question; `raw` is where it can be read instead of a rollup, for the same answer."""

    name: str
    question: Question[Any]
    raw: Source | None = None


def asked(profile: str) -> tuple[Asked, ...]:
    """All of them; `profile` is the person whose page is looked at."""
    found = (*panels("30d"), *reports(), *pickers(), *person(profile), *lists(), *sites())
    return tuple(each if each.raw or not each.question.rolled_up else _with_raw(each) for each in found)


def scope(text: str, *, compared: bool = False) -> Overview:
    """The overview of a period of this name, up to the last moment of the traffic."""
    period = resolve(text, timezone=ZONE, now=traffic.NOW)
    return Overview(
        traffic.LARGE, ZONE, period, previous=previous(period, timezone=ZONE) if compared else None
    )


def page(text: str) -> tuple[Question[Any], ...]:
    """What the overview asks when it is opened."""
    plain = scope(text)
    return (
        Metrics(scope(text, compared=True)),
        Series(plain),
        TopPages(plain),
        TopReferrers(plain),
        TopCountries(plain),
        *(TopDevices(plain, kind=kind) for kind in ("device", "browser", "os")),
    )


def panels(text: str) -> Iterator[Asked]:
    """Every panel of the overview and every list that is a click away from it."""
    plain = scope(text)
    for question in page(text):
        kind = f" {question.kind}" if isinstance(question, TopDevices) else ""
        yield Asked(f"panel {type(question).__name__}{kind}", question)
    for dimension in TABS:
        yield Asked(f"panel {dimension}", TopValues(plain, dimension=dimension))
    yield Asked("panel outgoing links", OutgoingLinks(plain))
    yield Asked("panel events", TopEvents(plain))
    yield Asked("panel conversions", TopEvents(plain, names=("signup", "revenue")))


def reports() -> Iterator[Asked]:
    """Charts, funnels, retention."""
    month = resolve("30d", timezone=ZONE, now=traffic.NOW)
    series = (EventSeries("screen_view"), EventSeries("add_to_cart", "user"))
    chart = Chart(traffic.LARGE, ZONE, month, series)
    broken_down = replace(chart, breakdowns=("country", "properties.plan"))
    funnel = Attempts(traffic.LARGE, ZONE, month, tuple(Step(name) for name in STEPS))
    start = datetime.combine(FIRST_WEEK, time(), tzinfo=UTC)
    weeks = Period(start, start + timedelta(weeks=WEEKS))
    yield Asked("chart, two series", chart)
    yield Asked("chart, two series, two breakdowns", broken_down)
    yield Asked("funnel, three steps", Funnel(funnel))
    yield Asked("funnel, three steps, of persons", Funnel(replace(funnel, by="person")))
    yield Asked(f"retention, {WEEKS} weeks", Retention(traffic.LARGE, ZONE, weeks), raw=Source.EVENTS)


def pickers() -> Iterator[Asked]:
    """What there is to choose from."""
    yield Asked("picker of event names", EventNames(traffic.LARGE))
    yield Asked("picker of property keys", PropertyKeys(traffic.LARGE))
    yield Asked("picker of a property's values", PropertyValues(traffic.LARGE, "properties.plan"))
    yield Asked("picker of paths", PropertyValues(traffic.LARGE, "path", search="12"))
    yield Asked("picker of titles, newest events", PropertyValues(traffic.LARGE, "title"))


def person(profile: str) -> Iterator[Asked]:
    """A person's page."""
    sessions = SessionSelection(traffic.LARGE, ZONE, profile=profile)
    yield Asked("person, figures", PersonMetrics(traffic.LARGE, ZONE, profile, conversions=("signup",)))
    yield Asked("person, activity", PersonActivity(traffic.LARGE, ZONE, profile))
    yield Asked("person, top events", PersonTopEvents(traffic.LARGE, profile))
    yield Asked("person, sessions", Sessions(sessions))


def lists() -> Iterator[Asked]:
    """First pages of everything."""
    yield Asked("list of sessions", Sessions(SessionSelection(traffic.LARGE, ZONE)))
    yield Asked("list of people", People(PeopleSelection(traffic.LARGE, ZONE, traffic.NOW)))
    yield Asked("list of events", Events(Selection(traffic.LARGE)))


def sites() -> Iterator[Asked]:
    """Pages, who is here now, places, hours, money."""
    month = scope("30d")
    yield Asked("pages", Pages(month))
    yield Asked("realtime", Realtime(traffic.LARGE, NOON))
    yield Asked("map", Map(month))
    yield Asked("heat map", HeatMap(month))
    yield Asked("revenue", Revenue(scope("30d", compared=True)))


def _with_raw(each: Asked) -> Asked:
    return replace(each, raw=each.question.exact)
