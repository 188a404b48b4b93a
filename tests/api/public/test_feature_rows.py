"""What is promised of overview, charts and behaviour, asked as by curl: a test for each row of the feature table.

The world is the shop of `world`: four visits of three people on three days; every number is counted there by hand.
"""

import json
from typing import Any, Final

import pytest

from tests.api.public.asking import Json, asked, insight, managed
from tests.api.public.conftest import Place

DAYS: Final = {"startDate": "2026-02-27", "endDate": "2026-03-01"}
VIEWS: Final = {"name": "screen_view"}
STEPS: Final = [VIEWS, {"name": "signup"}]
ADA, SECOND, THIRD = "ada", "0000000000000002", "0000000000000003"


def picked(rows: Json, *names: str) -> list[tuple[Any, ...]]:
    """These columns of a list."""
    return [tuple(row[name] for name in names) for row in rows]


async def values(shop: Place, *series: Json, **others: Any) -> list[list[float | None]]:
    """The points of each line of a chart."""
    answer = await asked(shop, "/export/charts", body={**DAYS, "series": series, **others})
    assert answer.status_code == 200, answer.text
    lines = sorted(answer.json()["series"], key=lambda line: line["event"]["id"])
    return [[point["count"] for point in line["data"]] for line in lines]


async def test_overview_has_all_that_its_page_shows(shop: Place) -> None:
    """Row 15."""
    today = await insight(shop, "overview", {"range": "today", "interval": "hour", "previous": "true"})
    names = (
        "unique_visitors", "total_sessions", "total_screen_views", "bounce_rate", "avg_session_duration",
        "views_per_session", "total_revenue",
    )  # fmt: skip
    assert [today["summary"][name] for name in names] == [2, 2, 2, 100.0, 30.0, 1.0, 0]
    assert [today["previous"]["summary"][name] for name in names] == [1, 1, 2, 0.0, 40.0, 2.0, 0]
    assert {row["date"][11:13] for row in today["series"] if row["total_sessions"]} == {"11", "20"}
    on_pricing = {**DAYS, "filters": json.dumps([{"name": "path", "operator": "is", "value": ["/pricing"]}])}
    narrowed = (await insight(shop, "overview", on_pricing))["summary"]
    assert [narrowed[name] for name in names] == [2, 2, 2, 0.0, 110.0, 1.0, 5000]

    lists = {
        "referrer_name": [("", 2), ("Bing", 1), ("Google", 1)],
        "country": [("KR", 3), ("DE", 1)],
        "os": [("Mac OS", 2), ("Windows", 1), ("iOS", 1)],
    }
    for name, expected in lists.items():
        assert picked(await insight(shop, name), "name", "sessions") == expected
    assert picked(await insight(shop, "pages/top"), "path", "pageviews") == [("/", 4), ("/pricing", 2)]
    entries = await insight(shop, "pages/entry_exit", {"mode": "entry"})
    exits = await insight(shop, "pages/entry_exit", {"mode": "exit"})
    assert picked(entries, "path", "sessions") == [("/", 3), ("/pricing", 1)]
    assert picked(exits, "path", "sessions") == [("/", 3), ("/pricing", 1)]
    conversions = await insight(shop, "events/conversions")
    assert picked(conversions, "name", "persons", "rate") == [("signup", 2, 66.67)]
    assert picked(await insight(shop, "links"), "href", "clicks") == [("https://github.com/shop", 1)]
    assert picked(await insight(shop, "map"), "city", "sessions") == [
        ("Seoul", 2),
        ("Berlin", 1),
        ("Busan", 1),
    ]
    visits = [row for row in await insight(shop, "heat_map") if row["sessions"]]
    assert picked(visits, "weekday", "hour") == [(5, 10), (6, 9), (7, 11), (7, 20)]
    assert (await insight(shop, "live"))["visitors"] == 1


SEGMENTS: Final = [
    ({**VIEWS, "segment": "event"}, 6), ({**VIEWS, "segment": "user"}, 3), ({**VIEWS, "segment": "session"}, 4),
    ({**VIEWS, "segment": "group"}, 1), ({**VIEWS, "segment": "user_average"}, 2),
    ({**VIEWS, "segment": "one_event_per_user"}, 3),
    ({"name": "revenue", "segment": "property_sum", "property": "revenue"}, 5000),
    ({"name": "session_end", "segment": "property_average", "property": "duration"}, 250_000 / 3),
    ({"name": "session_end", "segment": "property_max", "property": "duration"}, 180_000),
    ({"name": "session_end", "segment": "property_min", "property": "duration"}, 30_000),
]  # fmt: skip
FILTERS: Final = [
    ({"name": "country", "operator": "is", "value": ["KR", "FR"]}, 4),
    ({"name": "country", "operator": "isNot", "value": ["KR", "FR"]}, 2),
    ({"name": "path", "operator": "contains", "value": ["pri"]}, 2),
    ({"name": "path", "operator": "doesNotContain", "value": ["pri", "cing"]}, 4),
    ({"name": "path", "operator": "startsWith", "value": ["/p"]}, 2),
    ({"name": "path", "operator": "endsWith", "value": ["g"]}, 2),
    ({"name": "path", "operator": "regex", "value": ["^/p.*g$"]}, 2),
    ({"name": "referrerName", "operator": "isNull"}, 2),
    ({"name": "referrerName", "operator": "isNotNull"}, 4),
    ({"name": "session.duration", "operator": "gt", "value": [40_000]}, 2),
    ({"name": "session.duration", "operator": "gte", "value": ["40000"], "type": "number"}, 4),
    ({"name": "session.duration", "operator": "lt", "value": [40_000]}, 2),
    ({"name": "session.duration", "operator": "lte", "value": [40_000]}, 4),
    ({"name": "createdAt", "operator": "gte", "value": ["2026-03-01"], "type": "date"}, 2),
    ({"name": "session.is_bounce", "operator": "is", "value": ["true"], "type": "boolean"}, 2),
    ({"name": "utm_source", "value": "mail"}, 2),
    ({"name": "has_profile", "value": "true"}, 3),
    ({"name": "profile.properties.plan", "value": "pro"}, 3),
    ({"name": "profile.email", "operator": "endsWith", "value": "@example.com"}, 3),
    ({"name": "group.properties.size", "value": "12"}, 3),
]  # fmt: skip
RANGES: Final = {
    "30min": "2026-03-01T20:31", "lastHour": "2026-03-01T20:01", "last24h": "2026-02-28T22:00",
    "today": "2026-03-01T00:00", "yesterday": "2026-02-28T00:00", "7d": "2026-02-23T00:00",
    "30d": "2026-01-31T00:00", "3m": "2026-01-01T00:00", "6m": "2025-10-01T00:00", "12m": "2025-04-01T00:00",
    "monthToDate": "2026-03-01T00:00", "lastMonth": "2026-02-01T00:00", "yearToDate": "2026-01-01T00:00",
    "lastYear": "2025-01-01T00:00",
}  # fmt: skip


async def test_charts_have_all_kinds_segments_filters_breakdowns_intervals_and_ranges(shop: Place) -> None:
    """Row 16."""
    for kind in ("linear", "area", "histogram"):
        assert await values(shop, VIEWS, chartType=kind) == [[2, 2, 2]]
    for kind in ("bar", "pie", "metric", "map"):
        assert await values(shop, VIEWS, chartType=kind) == [[6]]
    for series, expected in SEGMENTS:
        assert await values(shop, series, chartType="metric") == [[pytest.approx(expected)]], series
    for condition, expected in FILTERS:
        assert await values(shop, VIEWS, chartType="metric", filters=[condition]) == [[expected]], condition

    fields = ["country", "os", "properties.plan"]
    answer = await asked(
        shop, "/export/charts", body={**DAYS, "series": [VIEWS], "breakdowns": fields, "limit": 2}
    )
    lines = [(line["names"], line["metrics"]["count"]) for line in answer.json()["series"]]
    assert lines == [
        (["screen_view", "KR", "Mac OS", ""], 3), (["screen_view", "DE", "Windows", ""], 2), (["screen_view", "Other"], 1),
    ]  # fmt: skip

    assert await values(shop, VIEWS, interval="month") == [[4, 2]]
    assert await values(shop, VIEWS, interval="week") == [[6]]
    # Until now, which is 21:00.
    hours = (await values(shop, VIEWS, startDate="2026-03-01", interval="hour"))[0]
    assert (len(hours), hours[11], hours[20]) == (22, 1, 1)
    minutes = {"startDate": "2026-02-27 10:00:00", "endDate": "2026-02-27 10:04:59", "interval": "minute"}
    assert await values(shop, VIEWS, **minutes) == [[1, 1, 0, 0, 0]]
    for name, start in RANGES.items():
        assert (await insight(shop, "overview", {"range": name}))["startDate"] == f"{start}:00+09:00", name


async def test_formula_of_hidden_series_is_drawn_alone(shop: Place) -> None:
    """Row 17."""
    share = {"type": "formula", "formula": "round(B / A * 100) + 0 * max(A, 1)", "hideSeries": ["A", "B"]}

    assert await values(shop, *STEPS, share) == [[50, 0, 50]]


async def test_chart_is_compared_with_the_time_before(shop: Place) -> None:
    """Row 18."""
    question = {
        "series": [{**VIEWS, "segment": "user"}],
        "range": "today",
        "interval": "day",
        "previous": True,
    }

    (line,) = (await asked(shop, "/export/charts", body=question)).json()["series"]
    (of_last_year,) = (
        await asked(shop, "/export/charts", body={**question, "previous": None, "compare": "year"})
    ).json()["series"]

    twice = {"value": 1.0, "diff": 100.0, "state": "positive"}
    assert line["data"][0] == {"date": "2026-03-01T00:00:00+09:00", "count": 2.0, "previous": twice}
    assert line["metrics"]["previous"] == dict.fromkeys(("sum", "average", "min", "max", "count"), twice)
    assert of_last_year["data"][0]["previous"] == {"value": 0.0, "diff": None, "state": "positive"}


async def test_funnel_tells_how_far_sessions_and_people_get_and_who_they_are(shop: Place) -> None:
    """Row 19."""
    plain = {**DAYS, "steps": json.dumps(["screen_view", "signup"])}
    sessions = await insight(shop, "funnel", plain)
    assert picked(sessions["steps"], "eventName", "users", "dropoffCount") == [
        ("screen_view", 4, 0),
        ("signup", 2, 2),
    ]
    assert (sessions["overallConversionRate"], sessions["steps"][1]["dropoffPercent"]) == (50.0, 50.0)
    people = await insight(shop, "funnel", {**plain, "groupBy": "profile_id"})
    assert (people["totalUsers"], people["completedUsers"]) == (3, 2)
    in_36_seconds = await insight(shop, "funnel", {**plain, "windowHours": "0.01"})
    assert (in_36_seconds["totalUsers"], in_36_seconds["completedUsers"]) == (4, 1)

    question = {**DAYS, "steps": STEPS, "groupBy": "profile_id", "breakdowns": ["country"]}
    rows = (await insight(shop, "funnel", body={**question, "previous": True}))["rows"]
    assert picked(rows, "breakdowns", "totalUsers", "completedUsers") == [
        ({"country": "KR"}, 2, 2), ({"country": "DE"}, 1, 0),
    ]  # fmt: skip
    for country, dropped, expected in (
        ("KR", False, [THIRD, ADA]),
        ("DE", False, []),
        ("DE", True, [SECOND]),
    ):
        behind = {**question, "step": 2, "dropped": dropped, "labels": [country]}
        found = await insight(shop, "funnel/people", body=behind)
        assert [each["id"] for each in found["people"]] == expected
    joined = {**DAYS, "steps": [VIEWS, {"name": "link_out"}], "groupBy": "property", "key": "browser"}
    (row,) = (await insight(shop, "funnel", body=joined))["rows"]
    assert (row["totalUsers"], row["completedUsers"]) == (3, 1)


async def test_conversion_over_time_counts_by_the_first_step(shop: Place) -> None:
    """Row 20."""
    body = {**DAYS, "steps": STEPS, "interval": "day"}

    (sessions,) = await insight(shop, "conversion", body=body)
    (people,) = await insight(shop, "conversion", body={**body, "groupBy": "profile_id"})

    numbers = ("total", "conversions", "rate")
    assert picked(sessions["data"], *numbers) == [(1, 1, 100.0), (1, 0, 0.0), (2, 1, 50.0)]
    assert picked(people["data"], *numbers) == [(1, 1, 100.0), (1, 0, 0.0), (2, 1, 50.0)]
    assert picked([sessions, people], *numbers) == [(4, 2, 50.0), (3, 2, 66.67)]


async def test_retention_is_told_by_matrix_by_week_and_by_rolling_days(shop: Place) -> None:
    """Row 21."""
    matrix = await insight(shop, "retention/cohort", {**DAYS, "interval": "day", "mode": "on"})
    weeks = await insight(shop, "retention", {"weeks": 2})
    rolling = await insight(shop, "active_users", {**DAYS, "days": 2})

    assert picked(matrix, "cohort_interval", "sum", "values") == [
        ("Weighted Average", 3, [2, 0, None]), ("2026-02-27", 1, [1, 0, None]), ("2026-02-28", 1, [1, None]),
        ("2026-03-01", 1, [None]),
    ]  # fmt: skip
    assert picked(weeks, "date", "active_users") == [("2026-02-16", 0), ("2026-02-23", 3)]
    assert picked(rolling["series"], "date", "users") == [
        ("2026-02-27", 1),
        ("2026-02-28", 2),
        ("2026-03-01", 3),
    ]


async def test_ways_of_sessions_are_followed_forwards_backwards_and_between(shop: Place) -> None:
    """Row 22."""
    after = await insight(
        shop, "user_flow", {"startEvent": "screen_view", "steps": 2, "include": "screen_view"}
    )
    before = await insight(shop, "user_flow", {"mode": "before", "endEvent": "signup", "steps": 2})
    between = {"mode": "between", "startEvent": "screen_view", "endEvent": "signup", "steps": 3}

    assert picked(after["links"], "source", "target", "value") == [
        ("1-path-/", "2-path-/pricing", 1), ("1-path-/pricing", "2-path-/", 1),
    ]  # fmt: skip
    assert picked(before["nodes"], "step", "label", "value") == [
        (1, "/", 1),
        (1, "/pricing", 1),
        (2, "signup", 2),
    ]
    assert picked((await insight(shop, "user_flow", between))["links"], "source", "target", "value") == [
        ("1-path-/", "2-path-/pricing", 1), ("1-path-/", "2-event-signup", 1), ("2-path-/pricing", "3-event-signup", 1),
    ]  # fmt: skip


async def test_cohorts_filter_and_break_down_what_is_asked(shop: Place) -> None:
    """Row 23."""
    cohorts = "projects/shop/cohorts"
    payers = {"kind": "events", "rules": [{"name": "revenue", "frequency": "gte", "times": 1, "days": 30}]}
    pros = {"kind": "profile", "filters": [{"name": "profile.properties.plan", "value": "pro"}]}
    assert await managed(shop, "POST", f"{cohorts}/preview", {"definition": payers}) == {"members": 1}
    made = [
        await managed(shop, "POST", cohorts, {"name": kind, "type": kind, "definition": definition})
        for kind, definition in (("dynamic", payers), ("static", pros))
    ]
    try:
        for cohort in made:
            assert (cohort["members"], cohort["name"]) == (1, cohort["type"])
            inside = {"name": "cohort", "operator": "inCohort", "value": [cohort["id"]]}
            outside = {**inside, "operator": "notInCohort"}
            counted = [
                await values(shop, VIEWS, chartType="metric", filters=[each]) for each in (inside, outside)
            ]
            assert counted == [[[3]], [[3]]]
            overview = await insight(shop, "overview", {**DAYS, "filters": json.dumps([inside])})
            assert overview["summary"]["total_sessions"] == 2
            body = {**DAYS, "series": [VIEWS], "breakdowns": [f"cohort:{cohort['id']}"]}
            lines = (await asked(shop, "/export/charts", body=body)).json()["series"]
            assert sorted((line["names"][1], line["metrics"]["count"]) for line in lines) == [
                ("false", 3),
                ("true", 3),
            ]
            members = await managed(shop, "GET", f"{cohorts}/{cohort['id']}/members")
            assert [each["profileId"] for each in members] == [ADA]
    finally:
        for cohort in made:
            await managed(shop, "DELETE", f"{cohorts}/{cohort['id']}")


async def test_references_stand_on_charts_of_their_time(shop: Place) -> None:
    """Row 25."""
    release = {"projectId": "shop", "title": "Release 2", "datetime": "2026-02-28T03:00:00Z"}
    made = await managed(shop, "POST", "references", release)
    try:
        mark = {
            "id": made["id"],
            "title": "Release 2",
            "description": "",
            "date": "2026-02-28T12:00:00+09:00",
        }
        chart = await asked(shop, "/export/charts", body={**DAYS, "series": [VIEWS]})
        assert chart.json()["references"] == [mark]
        assert (await insight(shop, "overview", DAYS))["references"] == [mark]
        assert await insight(shop, "references", DAYS) == [mark]
        assert (await insight(shop, "overview", {"range": "today"}))["references"] == []
        changed = await managed(shop, "PATCH", f"references/{made['id']}", {"title": "Release 2.1"})
        assert await managed(shop, "GET", f"references/{made['id']}") == changed
        assert picked(await insight(shop, "references"), "title") == [("Release 2.1",)]
    finally:
        await managed(shop, "DELETE", f"references/{made['id']}")
    assert await insight(shop, "references") == []
