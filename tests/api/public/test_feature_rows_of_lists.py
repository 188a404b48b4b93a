"""What is promised of lists, pages, pickers, management and time zones, asked as by curl: a test for each row of the
feature table. The world is the shop of `world`, counted by hand; the live row stands in `live/test_watching`."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from openpanel.identity.ids import person_of_profile
from openpanel.warehouse import tables
from tests.api.public.asking import Json, asked, insight, managed
from tests.api.public.conftest import Place
from tests.warehouse.rows import insert

DAYS: Final = {"startDate": "2026-02-27", "endDate": "2026-03-01"}
SECOND, THIRD = "0000000000000002", "0000000000000003"


def picked(rows: Json, *names: str) -> list[tuple[Any, ...]]:
    """These columns of a list."""
    return [tuple(row[name] for name in names) for row in rows]


async def test_events_are_listed_in_pages_shown_with_their_neighbours_and_counted(shop: Place) -> None:
    """Row 27."""
    first = await asked(shop, "/insights/shop/events", {"eventNames": "screen_view", "limit": 4})
    rest = await asked(shop, first.links["next"]["url"])
    views = [*first.json(), *rest.json()]
    assert [view["path"] for view in views] == ["/", "/", "/", "/pricing", "/pricing", "/"]
    assert "next" not in rest.links
    of_plan = {"properties": '{"plan":"pro"}', "profileId": "ada", "country": "KR", "path": ""}
    assert picked(await insight(shop, "events", of_plan), "name", "createdAt") == [
        ("signup", "2026-02-27T01:02:00.000Z")
    ]

    detail = await insight(shop, f"events/{views[4]['id']}")
    assert [detail[part]["name"] for part in ("before", "event", "after")] == [
        "screen_view",
        "screen_view",
        "signup",
    ]

    found = await insight(shop, "events/conversions", DAYS)
    assert picked(found, "name", "events", "persons", "sessions", "rate") == [("signup", 2, 2, 2, 66.67)]
    (stats,) = await insight(shop, "events/stats", {**DAYS, "event": "screen_view"})
    assert (stats["total"], [point["count"] for point in stats["data"]]) == (6, [2, 2, 2])
    assert picked(await insight(shop, "events/top"), "name", "events") == [
        ("signup", 2),
        ("link_out", 1),
        ("revenue", 1),
    ]


async def test_sessions_are_listed_in_pages_and_shown_with_their_events(shop: Place) -> None:
    """Row 28."""
    first = await asked(shop, "/insights/shop/sessions", {"limit": 3})
    rest = await asked(shop, first.links["next"]["url"])
    assert picked([*first.json(), *rest.json()], "profileId", "duration", "screenViewCount", "eventCount", "isBounce") == [
        ("", 30_000, 1, 1, True), ("ada", 0, 1, 0, True), ("", 40_000, 2, 1, False), ("ada", 180_000, 2, 2, False),
    ]  # fmt: skip
    for narrowing in (
        {"country": "DE"},
        {"referrerName": "Bing"},
        {"search": "bing.com"},
        {"path": "/pricing", "os": "Windows"},
    ):
        assert picked(await insight(shop, "sessions", narrowing), "id") == [(SECOND,)], narrowing

    session = await insight(shop, f"sessions/{SECOND}")
    told = ("entryPath", "exitPath", "startedAt", "endedAt", "referrerName", "city", "browser", "hasReplay")
    assert [session[name] for name in told] == [
        "/pricing", "/", "2026-02-28T00:00:00.000Z", "2026-02-28T00:00:40.000Z", "Bing", "Berlin", "Firefox", False,
    ]  # fmt: skip
    events = await insight(shop, "events", {"sessionId": SECOND})
    assert [event["name"] for event in events if not event["name"].startswith("session_")] == [
        "link_out", "screen_view", "screen_view",
    ]  # fmt: skip


async def test_people_are_listed_and_shown_with_what_they_did(shop: Place) -> None:
    """Row 30."""
    assert picked(await insight(shop, "profiles"), "id", "events") == [(THIRD, 2), ("ada", 5), (SECOND, 3)]
    kinds = {"identified": ["ada"], "anonymous": [THIRD, SECOND], "power": ["ada"]}
    for kind, expected in kinds.items():
        assert [row["id"] for row in await insight(shop, "profiles", {"kind": kind})] == expected
    for narrowing in (
        {"name": "lovelace"},
        {"email": "ADA@"},
        {"minSessions": 2},
        {"performedEvent": "revenue"},
    ):
        assert picked(await insight(shop, "profiles", narrowing), "id") == [("ada",)], narrowing
    assert picked(await insight(shop, "profiles", {"inactiveDays": 1}), "id") == [(SECOND,)]

    ada = (await insight(shop, "profiles/ada", {"eventLimit": 3}))["profile"]
    assert (ada["firstName"], ada["properties"], ada["groups"]) == ("Ada", {"plan": "pro"}, ["acme"])
    numbers = await insight(shop, "profiles/ada/metrics")
    assert numbers == {
        "profileId": "ada", "firstSeen": "2026-02-27T01:00:00.000Z", "lastSeen": "2026-03-01T02:00:00.000Z",
        "sessions": 2, "screenViews": 3, "totalEvents": 5, "conversionEvents": 1, "uniqueDaysActive": 2,
        "avgSessionDurationMin": 3.0, "p90SessionDurationMin": 3.0, "avgEventsPerSession": 2.5,
        "avgTimeBetweenSessionsSec": 176_400.0, "bounceRate": 50.0, "revenue": 5000,
    }  # fmt: skip
    assert picked(await insight(shop, "profiles/ada/activity"), "day", "events") == [
        ("2026-02-27", 4),
        ("2026-03-01", 1),
    ]
    assert picked(await insight(shop, "profiles/ada/sessions"), "entryPath", "screenViewCount") == [
        ("/", 1),
        ("/", 2),
    ]
    assert picked(await insight(shop, "profiles/ada/events"), "name", "events") == [
        ("screen_view", 3), ("revenue", 1), ("signup", 1),
    ]  # fmt: skip
    assert picked(await insight(shop, "profiles/ada/pages"), "path", "views") == [("/", 2), ("/pricing", 1)]


async def test_pages_have_titles_times_bounces_curves_and_conversions(shop: Place) -> None:
    """Row 31."""
    performance = await insight(shop, "pages/performance", {"sortBy": "pageviews"})
    assert picked(performance["pages"], "path", "title", "sessions", "pageviews", "avg_duration", "bounce_rate", "revenue") == [
        ("/", "Home", 4, 4, 1.0, 50.0, 5000), ("/pricing", "Pricing", 2, 2, 0.5, 0.0, 5000),
    ]  # fmt: skip
    searched = await insight(shop, "pages/performance", {"search": "pric"})
    assert (searched["total_pages"], searched["pages"][0]["title"]) == (1, "Pricing")
    curves = await insight(shop, "pages/series", DAYS)
    assert [(row["name"], [point["pageviews"] for point in row["data"]]) for row in curves] == [
        ("/", [1, 1, 2]), ("/pricing", [1, 1, 0]),
    ]  # fmt: skip
    assert picked(await insight(shop, "pages/conversions"), "path", "visitors", "converted") == [
        ("/", 3, 2),
        ("/pricing", 2, 1),
    ]


async def test_everything_is_exported_asked_and_managed_by_programs(shop: Place) -> None:
    """Row 39; `/import` belongs to ingest."""
    exported = await asked(
        shop, "/export/events", {"event": "signup", "includes": "properties,profile", "end": "2026-02-28"}
    )
    (signup,) = exported.json()["data"]
    assert (signup["properties"], signup["profile"]["email"], exported.json()["meta"]["totalCount"]) == (
        {"plan": "pro"}, "ada@example.com", 1,
    )  # fmt: skip
    table = await asked(shop, "/export/events", {"event": "screen_view", "format": "csv"})
    assert [row["path"] for row in csv.DictReader(io.StringIO(table.text))] == [
        "/",
        "/pricing",
        "/pricing",
        "/",
        "/",
        "/",
    ]

    project = await managed(shop, "POST", "projects", {"name": "Row of programs", "types": ["website"]})
    assert project["client"]["secret"].startswith("sec_")
    path = f"projects/{project['id']}"
    reader = await managed(shop, "POST", "clients", {"name": "r", "type": "read", "projectId": project["id"]})
    listed = await managed(shop, "GET", f"clients?projectId={project['id']}")
    assert sorted(client["type"] for client in listed) == ["read", "write"]
    assert not {"secret", "hash"} & {name for client in listed for name in client}
    board = await managed(shop, "POST", f"{path}/dashboards", {"name": "Board"})
    question = {"chartType": "metric", "series": [{"name": "screen_view"}], "range": "7d"}
    reports = f"{path}/dashboards/{board['id']}/reports"
    report = await managed(shop, "POST", reports, {"name": "Views", "report": question})
    assert picked(await managed(shop, "GET", reports), "id", "name") == [(report["id"], "Views")]
    await managed(shop, "PUT", f"{path}/filters", {"filters": [{"type": "ip", "value": "203.0.113.7"}]})
    await managed(shop, "PUT", f"{path}/retention", {"events": 90})
    changed = await managed(shop, "PATCH", path, {"name": "Renamed", "allowUnsafeRevenueTracking": True})
    assert (changed["name"], changed["filters"], changed["retention"]["events"]) == ("Renamed", 1, 90)

    credentials = {"openpanel-client-id": reader["id"], "openpanel-client-secret": reader["secret"]}
    own = await asked(shop, f"/insights/{project['id']}/reports/{report['id']}/data", headers=credentials)
    foreign = await asked(shop, "/insights/shop/overview", headers=credentials)
    assert (own.json()["data"]["series"][0]["metrics"]["count"], foreign.status_code) == (0, 403)
    await managed(shop, "DELETE", path)
    assert (await managed(shop, "GET", path))["deleteAt"] is not None


async def test_names_keys_and_values_are_picked_from_rollups(shop: Place) -> None:
    """Row 51."""
    names = await insight(shop, "events/names")
    assert picked(names["events"], "name", "count")[0::3] == [("screen_view", 6), ("signup", 2)]
    assert (await insight(shop, "events/names", {"search": "SIGN"}))["event_names"] == ["signup"]
    assert (await insight(shop, "events/properties", {"eventName": "link_out"}))["properties"] == [
        "href",
        "text",
    ]
    plans = await insight(shop, "events/property_values", {"eventName": "signup", "propertyKey": "plan"})
    assert sorted(plans["values"]) == ["free", "pro"]
    for key, values in (
        ("country", ["KR", "DE"]),
        ("path", ["/", "/pricing"]),
        ("profile.properties.plan", ["pro"]),
    ):
        assert (await insight(shop, "events/property_values", {"propertyKey": key}))["values"] == values

    for path, parameters in (("names", {}), ("properties", {}), ("property_values", {"propertyKey": "plan"})):
        (plan,) = (await insight(shop, f"events/{path}", {**parameters, "explain": "true"}))["plans"]
        assert plan["source"] == "rollup"
        assert "events" not in {read["table"] for read in plan["reads"]}


VISITS: Final = ("2026-02-27T16:00", "2026-02-28T03:00", "2026-02-28T18:00")  # UTC
LOCAL_DAYS: Final = {
    "America/New_York": {"2026-02-27": 2, "2026-02-28": 1}, "Asia/Seoul": {"2026-02-28": 2, "2026-03-01": 1},
}  # fmt: skip
LOCAL_HOURS: Final = {
    "America/New_York": [(5, 11), (5, 22), (6, 13)], "Asia/Seoul": [(6, 1), (6, 12), (7, 3)],
}  # fmt: skip


async def test_every_report_is_cut_by_the_days_of_the_project_s_time_zone(shop: Place) -> None:
    """Row 44: three visits that lie on other days in Seoul than in New York."""
    for zone, days in LOCAL_DAYS.items():
        made = await managed(shop, "POST", "projects", {"name": f"Clock of {zone}", "timezone": zone})
        project = made["id"]
        insert(shop.warehouse, tables.EVENTS, list(_visits(project, zone)), token=zone)
        for name, found in (await _by_day(shop, project)).items():
            assert {day: count for day, count in found.items() if count} == days, (zone, name)
        path = f"/insights/{project}"
        seen = (await asked(shop, f"{path}/heat_map", DAYS, who="shop/admin")).json()
        assert [(row["weekday"], row["hour"]) for row in seen if row["sessions"]] == LOCAL_HOURS[zone]
        began = (
            await asked(shop, f"{path}/retention/cohort", {**DAYS, "interval": "day"}, who="shop/admin")
        ).json()
        assert [row["cohort_interval"] for row in began if row["sum"]][1:] == [min(days)]
        active = (await asked(shop, f"{path}/active_users", {**DAYS, "days": 1}, who="shop/admin")).json()
        assert [row["date"] for row in active["series"] if row["users"]] == sorted(days)
        of_27th = {"startDate": "2026-02-27", "endDate": "2026-02-27"}
        funnel = (
            await asked(
                shop, f"{path}/funnel", {**of_27th, "steps": ["screen_view", "signup"]}, who="shop/admin"
            )
        ).json()
        assert funnel["totalUsers"] == days.get("2026-02-27", 0)
        exported = {"projectId": project, "start": "2026-02-27", "end": "2026-02-27", "event": "screen_view"}
        page = (await asked(shop, "/export/events", exported, who="shop/admin")).json()
        assert page["meta"]["totalCount"] == days.get("2026-02-27", 0)


async def _by_day(shop: Place, project: str) -> dict[str, dict[str, int]]:
    """What each report about days counts on which."""

    async def points(path: str, body: Json = None, **more: Any) -> Json:
        parameters = {**DAYS, **more} if body is None else None
        answer = await asked(shop, path, parameters, body=body and {**DAYS, **body}, who="shop/admin")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def of(rows: Json, count: str, day: str = "date") -> dict[str, int]:
        return {row[day][:10]: row[count] for row in rows}

    path = f"/insights/{project}"
    steps = [{"name": "screen_view"}, {"name": "signup"}]
    chart = await points("/export/charts", {"projectId": project, "series": steps[:1]})
    conversion = await points(f"{path}/conversion", {"steps": steps, "interval": "day"})
    stats = await points(f"{path}/events/stats", event="signup")
    places = await points(f"{path}/traffic/series", dimension="country")
    pages = await points(f"{path}/pages/series")
    activity = (await asked(shop, f"{path}/profiles/kim/activity", who="shop/admin")).json()
    return {
        "overview": of((await points(f"{path}/overview", interval="day"))["series"], "total_sessions"),
        "chart": of(chart["series"][0]["data"], "count"),
        "conversion": of(conversion[0]["data"], "total"),
        "stats": of(stats[0]["data"], "count"),
        "places": of(places[0]["data"], "sessions"),
        "pages": of(pages[0]["data"], "pageviews"),
        "activity": {row["day"]: row["events"] // 2 for row in activity},
    }


def _visits(project: str, zone: str) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(VISITS, start=1):
        start = datetime.fromisoformat(text).replace(tzinfo=UTC)
        began = round(start.timestamp() * 1000)
        for after, name in enumerate(("session_start", "screen_view", "signup", "session_end")):
            yield {
                "project_id": project, "name": name, "day": (start.astimezone(ZoneInfo(zone)).date() - date(1970, 1, 1)).days,
                "created_at": began + after, "received_at": began + after, "event_id": number * 10 + after,
                "session_id": number, "session_started_at": began, "person": person_of_profile("kim"),
                "profile_id": "kim", "device_id": 1, "country": "KR", "path": "/" if name == "screen_view" else "",
                "origin": "https://clock.example",
            }  # fmt: skip
