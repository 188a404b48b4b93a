"""The twins over a wide world: what an answer leaves out, estimates or cuts shows only where there is much of it.

One world for all; with `OPENPANEL_TWIN_WORLDS` one for every hundred worlds of the other twins, each of them new.
"""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import pytest

from openpanel.analytics.attempts import Attempts
from openpanel.analytics.cohorts import Behaviour, Behaviours
from openpanel.analytics.filters import Filter
from openpanel.analytics.occurrences import Step
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import previous, resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.warehouse import Warehouse
from tests.analytics.twin import (
    test_charts,
    test_cohorts,
    test_event_lists,
    test_exports,
    test_flows,
    test_funnels,
    test_groups,
    test_habits,
    test_one_person,
    test_overview,
    test_pages,
    test_people,
    test_pickers,
    test_realtime,
    test_sessions,
)
from tests.analytics.twin.crowds import Crowd, a_crowd
from tests.analytics.twin.histories import History
from tests.analytics.twin.running import SEED, WORLDS, Twin, on_one_world
from tests.analytics.twin.wide import a_wide_history
from tests.analytics.worlds import Insert, loading_ahead

NOW: Final = datetime(2026, 11, 8, 4, 59, 30, tzinfo=UTC)  # around the end of summer time in New York
ZONE: Final = "America/New_York"
SESSIONS: Final = 200


def _overview(project: str, history: History) -> Overview:
    period = resolve("7d", timezone=history.timezone, now=history.now)
    before = previous(period, timezone=history.timezone)
    return Overview(project, history.timezone, period, previous=before, interval="day")


def _attempts(**chosen: Any) -> Callable[[str, History], Attempts]:
    steps = (Step("screen_view"), Step("click"))

    def over(project: str, history: History) -> Attempts:
        period = resolve("7d", timezone=history.timezone, now=history.now)
        return Attempts(project, history.timezone, period, steps, window=timedelta(days=3), **chosen)

    return over


def _behaviour(_history: History) -> Behaviours:
    return Behaviours((Behaviour("click", (), "gte", 2),))


def _chart(places: list[int], breakdown: tuple[str, ...] = (), **chosen: Any) -> Mapping[str, Any]:
    plain = {"interval": "day", "kind": "bar", "limit": 3, "breakdowns": breakdown}
    return {"range_text": "7d", "places": places, "chosen": {**plain, **chosen}}


_CHARTS: Final = test_charts.test_charts_answer_what_counting_by_hand_answers
_FUNNELS: Final = test_funnels.test_funnels_answer_what_following_by_hand_answers
_PICKED: Final = {"search": "", "event": None, "limit": 1_000}
_RETENTION: Final = {"interval": "day", "begins": "ever", "mode": "on", "filters": ()}
_EVERYBODY: Final = {"kind": "all", "performed": "", "min_sessions": 0, "inactive_days": None}
_FLOW: Final = {"steps": 4, "kept": 3, "include": (), "exclude": (), "filters": ()}
_PAGES: Final = {"search": "", "sort": "pageviews", "descending": True, "limit": 100, "offset": 50}

OF_HISTORIES: Final[Mapping[str, tuple[Twin, Mapping[str, Any]]]] = {
    "charts": (_CHARTS, _chart([0, 1, 11], kind="linear")),
    "medians": (_CHARTS, _chart([9, 10, 4])),
    "charts by plan": (_CHARTS, _chart([0, 1], ("properties.plan",))),
    "charts by profile": (_CHARTS, _chart([1, 2], ("profile.properties.plan", "path"))),
    "people of a point": (
        test_charts.test_people_of_a_point_are_those_who_are_counted,
        {"series": test_charts.SERIES[1], "fields": ()},
    ),
    "figures": (test_overview.test_figures_answer_what_counting_by_hand_answers, {"over": _overview}),
    "sources": (
        test_overview.test_lists_answer_what_counting_by_hand_answers,
        {"over": _overview, "dimension": "referrer", "detailed": False, "limit": 100},
    ),
    "cities": (
        test_overview.test_lists_answer_what_counting_by_hand_answers,
        {"over": _overview, "dimension": "city", "detailed": True, "limit": 20},
    ),
    "entries over time": (
        test_overview.test_lists_over_time_answer_what_counting_by_hand_answers,
        {"over": _overview, "dimension": "entry", "limit": 20},
    ),
    "map": (
        test_overview.test_maps_answer_what_counting_by_hand_answers,
        {"over": _overview, "limit": 100},
    ),
    "revenue": (
        test_overview.test_revenue_answers_what_adding_by_hand_answers,
        {"over": _overview, "dimension": "city"},
    ),
    "pages": (
        test_pages.test_pages_answer_what_counting_by_hand_answers,
        {"over": _overview, "chosen": _PAGES},
    ),
    "pages before conversions": (
        test_pages.test_pages_before_conversions_answer_what_looking_back_by_hand_answers,
        {"over": _overview, "names": ("click",), "hours": 24, "limit": 100},
    ),
    "retention": (
        test_habits.test_retention_answers_what_counting_by_hand_answers,
        {
            "text": "7d",
            "steps": (Step("*"), Step("*")),
            "fields": ("properties.plan",),
            "chosen": _RETENTION,
        },
    ),
    "activity": (
        test_habits.test_activity_answers_what_counting_by_hand_answers,
        {"text": "7d", "window": 7, "filters": (), "interval": "day"},
    ),
    "last seen": (test_habits.test_last_seen_answers_what_counting_by_hand_answers, {"known": False}),
    "funnel of persons": (
        _FUNNELS,
        {"over": _attempts(by="person"), "fields": ("properties.plan",), "limit": 2},
    ),
    "funnel by plan": (
        _FUNNELS,
        {"over": _attempts(by="property", key="properties.plan"), "fields": (), "limit": 2},
    ),
    "flow": (
        test_flows.test_flows_are_the_ways_that_sessions_took,
        {"mode": "after", "ends": (Step("screen_view"), Step("*")), "chosen": _FLOW},
    ),
    "cohort": (test_cohorts.test_members_are_those_who_fit, {"define": _behaviour}),
    "live": (
        test_realtime.test_live_page_answers_what_counting_by_hand_answers,
        {"place": 900, "later": timedelta(), "limit": 4},
    ),
    "weeks": (
        test_realtime.test_weeks_answer_what_counting_by_hand_answers,
        {"back": 0, "weeks": 3, "known": False},
    ),
}
OF_CROWDS: Final[Mapping[str, tuple[Twin, Mapping[str, Any]]]] = {
    "people": (
        test_people.test_pages_hold_everybody_who_is_asked_for_once,
        {
            "text": "",
            "filters": ((), ()),
            "search": "",
            "chosen": _EVERYBODY,
            "order": ("last_seen", True, 50),
        },
    ),
    "power users": (
        test_people.test_pages_hold_everybody_who_is_asked_for_once,
        {
            "text": "7d",
            "filters": ((), (PropertyFilter("profile.first_name", "is", ("Ana",)),)),
            "search": "profile",
            "chosen": {**_EVERYBODY, "kind": "power"},
            "order": ("events", True, 30),
        },
    ),
    "sessions": (
        test_sessions.test_pages_hold_every_session_that_is_asked_for_once,
        {
            "text": "7d",
            "filters": (Filter("country", "not", ("DE",)),),
            "of_events": (),
            "chosen": {"profile": "", "search": ""},
            "limit": 50,
        },
    ),
    "members of a group": (
        test_groups.test_members_and_numbers_are_those_counted_by_hand,
        {"group": "acme", "text": "7d", "interval": "day", "limit": 40},
    ),
    "one person": (
        test_one_person.test_numbers_and_details_are_of_everything_the_person_did,
        {"profile": f"{107:016x}", "text": "", "limit": 100},
    ),
    "events": (
        test_event_lists.test_pages_hold_every_event_that_is_asked_for_once,
        {"text": "7d", "names": (), "filters": (), "profile": "", "search": "", "limit": 200},
    ),
    "export": (
        test_exports.test_export_has_every_event_once_with_all_that_was_stored,
        {"text": "", "names": (), "filters": (), "search": "", "limit": 250},
    ),
    "plans to pick": (test_pickers.test_everything_there_is_can_be_picked, {**_PICKED, "key": "plan"}),
}


@pytest.fixture(scope="module")
def crowds(insert: Insert) -> list[Crowd]:
    """The worlds, loaded at once as often as they are asked about."""
    numbers = count(SEED)
    found = [_a_wide_crowd(next(numbers)) for _ in range(WORLDS // 100 or 1)]
    with loading_ahead(insert) as take:
        for crowd in found:
            for world in (crowd.history,) * len(OF_HISTORIES) + (crowd,) * (len(OF_CROWDS) - 1):
                take(world)
            take(test_pickers.in_days_to_come(crowd))
    return found


@pytest.mark.parametrize("name", OF_HISTORIES)
def test_answer_over_a_wide_history(
    warehouse: Warehouse, insert: Insert, crowds: list[Crowd], name: str
) -> None:
    twin, drawn = OF_HISTORIES[name]

    for crowd in crowds:
        on_one_world(twin)(warehouse, insert, history=crowd.history, **drawn)


@pytest.mark.parametrize("name", OF_CROWDS)
def test_answer_over_a_wide_crowd(
    warehouse: Warehouse, insert: Insert, crowds: list[Crowd], name: str
) -> None:
    twin, drawn = OF_CROWDS[name]

    for crowd in crowds:
        in_days_to_come = test_pickers.in_days_to_come(crowd) if name == "plans to pick" else crowd
        on_one_world(twin)(warehouse, insert, crowd=in_days_to_come, **drawn)


def _a_wide_crowd(seed: int) -> Crowd:
    dice = random.Random(seed)
    return a_crowd(dice, a_wide_history(dice, sessions=SESSIONS, timezone=ZONE, now=NOW))
