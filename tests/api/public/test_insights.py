"""`/insights/{projectId}/…`: every route answers the numbers of the small shop of `world`, which are counted by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from openpanel.metadata import EventMeta
from openpanel.metadata.event_meta import put_managed
from tests.api.public.asking import Json, asked, insight
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, put_events

pytestmark = pytest.mark.usefixtures("shop")

THREE_DAYS = {"startDate": "2026-02-27", "endDate": "2026-03-01"}
KOREA = '[{"name":"country","operator":"is","value":["KR"]}]'
SIGNED_UP = '[{"name":"name","operator":"is","value":["signup"]}]'
PATHS = [{"name": "screen_view"}, {"name": "signup"}]


def columns(*names: str) -> Callable[[list[dict[str, Any]]], list[tuple[Any, ...]]]:
    """These columns of a list."""
    return lambda rows: [tuple(row[name] for name in names) for row in rows]


def at(*keys: str) -> Callable[[Json], Json]:
    """What lies at this path."""

    def read(body: Json) -> Json:
        for key in keys:
            body = body[key]
        return body

    return read


def busy(*names: str) -> Callable[[list[dict[str, Any]]], list[tuple[Any, ...]]]:
    """These columns of the points at which something was."""
    return lambda rows: [found for found in columns(*names)(rows) if any(found[1:])]


NUMBERS = {
    "unique_visitors": 3, "total_sessions": 4, "total_screen_views": 6, "bounce_rate": 50.0,
    "avg_session_duration": 83.33, "views_per_session": 1.5, "total_revenue": 5000,
}  # fmt: skip
TOP = ("name", "visitors", "sessions", "pageviews", "revenue")

GETS: list[tuple[str, dict[str, Any], Callable[[Json], Any], Any]] = [
    # path, parameters, what of the answer, expected
    ("overview", {}, at("summary"), NUMBERS),
    ("overview", {"range": "all"}, at("summary"), NUMBERS),
    ("overview", {"filters": KOREA}, lambda body: (body["summary"]["total_sessions"], body["summary"]["unique_visitors"]), (3, 2)),
    ("overview", {"filters": SIGNED_UP}, lambda body: body["summary"]["total_sessions"], 2),
    ("overview", THREE_DAYS, lambda body: columns("date", "total_sessions", "running")(body["series"]),
     [("2026-02-27T00:00:00+09:00", 1, False), ("2026-02-28T00:00:00+09:00", 1, False), ("2026-03-01T00:00:00+09:00", 2, True)]),
    ("overview", {"range": "today", "previous": "true"}, lambda body: (body["summary"]["total_sessions"], body["previous"]["summary"]["total_sessions"]), (2, 1)),
    ("overview", {"range": "today", "interval": "hour"}, lambda body: busy("date", "total_sessions")(body["series"]),
     [("2026-03-01T11:00:00+09:00", 1), ("2026-03-01T20:00:00+09:00", 1)]),
    ("metrics", {}, at("metrics"), NUMBERS),
    ("referrer_name", {}, columns(*TOP), [("", 2, 2, 2, 0), ("Bing", 1, 1, 2, 0), ("Google", 1, 1, 2, 5000)]),
    ("referrer", {}, columns("name", "sessions"), [("", 2), ("https://www.bing.com", 1), ("https://www.google.com", 1)]),
    ("referrer_type", {}, columns(*TOP), [("", 2, 2, 2, 0), ("search", 2, 2, 4, 5000)]),
    ("utm_source", {}, columns(*TOP), [("", 3, 3, 4, 0), ("mail", 1, 1, 2, 5000)]),
    *[(f"utm_{kind}", {}, columns(*TOP), [("", 3, 4, 6, 5000)]) for kind in ("medium", "campaign", "term", "content")],
    ("country", {}, columns(*TOP), [("KR", 2, 3, 4, 5000), ("DE", 1, 1, 2, 0)]),
    ("country", {"limit": 1}, columns("name"), [("KR",)]),
    ("country", {"range": "yesterday"}, columns("name"), [("DE",)]),
    ("region", {}, columns("prefix", "name", "sessions"), [("KR", "Seoul", 2), ("DE", "Berlin", 1), ("KR", "Busan", 1)]),
    ("city", {}, columns("prefix", "name", "sessions"), [("KR", "Seoul", 2), ("DE", "Berlin", 1), ("KR", "Busan", 1)]),
    ("device", {}, columns(*TOP), [("desktop", 2, 3, 5, 5000), ("mobile", 1, 1, 1, 0)]),
    ("brand", {}, columns("name", "sessions"), [("Apple", 3), ("", 1)]),
    ("model", {}, columns("name", "sessions"), [("Macintosh", 2), ("", 1), ("iPhone", 1)]),
    ("browser", {}, columns("name", "sessions", "share"), [("Chrome", 2, 33.33), ("Firefox", 1, 33.33), ("Safari", 1, 33.33)]),
    ("browser_version", {}, columns("prefix", "name"), [("Chrome", "141.0"), ("Firefox", "140.0"), ("Safari", "18.0")]),
    ("os", {}, columns("name", "sessions"), [("Mac OS", 2), ("Windows", 1), ("iOS", 1)]),
    ("os_version", {}, columns("prefix", "name"), [("Mac OS", "10.15"), ("Windows", "11"), ("iOS", "18.0")]),
    ("traffic/referrers", {"breakdown": "utm_source"}, columns("name", "sessions"), [("", 3), ("mail", 1)]),
    ("traffic/geo", {"breakdown": "city"}, columns("name", "sessions"), [("Seoul", 2), ("Berlin", 1), ("Busan", 1)]),
    ("traffic/devices", {"breakdown": "os"}, columns("name", "sessions"), [("Mac OS", 2), ("Windows", 1), ("iOS", 1)]),
    ("traffic/series", {"dimension": "country", **THREE_DAYS}, lambda rows: [(row["name"], [point["sessions"] for point in row["data"]]) for row in rows],
     [("KR", [1, 0, 2]), ("DE", [0, 1, 0])]),
    ("pages", {}, columns("path", "sessions", "pageviews"), [("/", 4, 4), ("/pricing", 2, 2)]),
    ("pages/top", {"limit": 1}, columns("origin", "path", "pageviews"), [("https://shop.example", "/", 4)]),
    ("pages/entry_exit", {}, columns("path", "sessions"), [("/", 3), ("/pricing", 1)]),
    ("pages/entry_exit", {"mode": "exit"}, columns("path", "sessions"), [("/", 3), ("/pricing", 1)]),
    ("pages/performance", {}, lambda body: (body["total_pages"], columns("path", "title", "avg_duration", "bounce_rate")(body["pages"])),
     (2, [("/", "Home", 1.0, 50.0), ("/pricing", "Pricing", 0.5, 0.0)])),
    ("pages/performance", {"search": "PRICI", "limit": 1}, lambda body: (body["shown"], body["pages"][0]["seo_signals"]["low_engagement"]), (1, True)),
    ("pages/performance", {"sortBy": "path", "sortOrder": "desc"}, lambda body: columns("path")(body["pages"]), [("/pricing",), ("/",)]),
    ("pages/conversions", {}, columns("path", "visitors", "converted", "rate"), [("/", 3, 2, 66.67), ("/pricing", 2, 1, 50.0)]),
    ("pages/conversions", {"event": "revenue"}, columns("path", "converted"), [("/", 1), ("/pricing", 1)]),
    ("links", {}, columns("href", "text", "clicks"), [("https://github.com/shop", "Code", 1)]),
    ("active_users", {"days": 1, **THREE_DAYS}, lambda body: (body["label"], columns("date", "users")(body["series"])),
     ("DAU", [("2026-02-27", 1), ("2026-02-28", 1), ("2026-03-01", 2)])),
    ("active_users", {"days": 3, **THREE_DAYS}, lambda body: [point["users"] for point in body["series"]], [1, 2, 3]),
    ("active_users", {"days": 1, "event": "signup", **THREE_DAYS}, lambda body: [point["users"] for point in body["series"]], [1, 0, 1]),
    ("stickiness", THREE_DAYS, columns("intervals", "users"), [(1, 2), (2, 1), (3, 0)]),
    ("retention", {"weeks": 2}, columns("date", "active_users", "retained_users", "retention"), [("2026-02-16", 0, 0, None), ("2026-02-23", 3, 0, None)]),
    ("retention/cohort", {"interval": "day", **THREE_DAYS}, columns("cohort_interval", "sum", "values"),
     [("Weighted Average", 3, [2, 1, None]), ("2026-02-27", 1, [1, 1, None]), ("2026-02-28", 1, [1, None]), ("2026-03-01", 1, [None])]),
    ("retention/cohort", {"interval": "day", "mode": "on", "firstEvent": "signup", "secondEvent": "screen_view", **THREE_DAYS}, lambda rows: rows[1]["values"], [1, 0, None]),
    ("retention/cohort", {}, lambda rows: (len(rows), rows[1]["cohort_interval"], rows[-1]["cohort_interval"]), (13, "2025-12-08", "2026-02-23")),
    ("engagement", {}, lambda body: (body["summary"]["total_identified_users"], body["distribution"]), (1, [{"days": 0, "users": 1}])),
    ("engagement", {"known": "false"}, lambda body: (body["summary"]["active_last_7_days"], body["distribution"]), (3, [{"days": 0, "users": 2}, {"days": 1, "users": 1}])),
    ("funnel", {"steps": '["screen_view","signup"]'}, lambda body: (body["totalUsers"], body["completedUsers"], body["overallConversionRate"], body["steps"][1]["medianSeconds"]), (4, 2, 50.0, 45.0)),
    ("funnel", {"steps": ["screen_view", "signup"], "groupBy": "profile_id"}, lambda body: (body["totalUsers"], body["completedUsers"], body["steps"][1]["isHighestDropoff"]), (3, 2, True)),
    ("funnel", {"steps": ["screen_view", "signup"], "windowHours": "0.01"}, lambda body: (body["totalUsers"], body["completedUsers"]), (4, 1)),
    ("user_flow", {"startEvent": "screen_view", "steps": 2}, lambda body: (body["sessions"], body["node_count"], columns("source", "target", "value")(body["links"])),
     (4, 5, [("1-path-/", "2-path-/pricing", 1), ("1-path-/", "2-event-signup", 1), ("1-path-/pricing", "2-path-/", 1)])),
    ("user_flow", {"startEvent": "screen_view", "endEvent": "signup", "mode": "between", "exclude": "revenue"}, at("sessions"), 2),
    ("events", {"limit": 2}, columns("name", "createdAt"), [("session_end", "2026-03-01T11:58:30.000Z"), ("signup", "2026-03-01T11:58:30.000Z")]),
    ("events", {"eventNames": '["signup","revenue"]'}, columns("name", "profileId", "properties"),
     [("signup", "0000000000000003", {"plan": "free"}), ("revenue", "ada", {}), ("signup", "ada", {"plan": "pro"})]),
    ("events", {"properties": '{"plan":"pro"}'}, columns("name", "country"), [("signup", "KR")]),
    ("events", {"country": "DE", "path": "/pricing"}, columns("name", "sessionId"), [("screen_view", "0000000000000002")]),
    ("events", {"profileId": "ada", "eventNames": "screen_view"}, columns("path"), [("/",), ("/pricing",), ("/",)]),
    ("events", {"sessionId": "0000000000000002", "eventNames": "link_out"}, columns("browser"), [("Firefox",)]),
    ("events", {"search": "PRIC"}, columns("path"), [("/pricing",), ("/pricing",)]),
    ("events", {"range": "yesterday", "filters": SIGNED_UP}, list, []),
    ("events/names", {"search": "sig"}, lambda body: (body["event_names"], body["events"][0]["count"]), (["signup"], 2)),
    ("events/properties", {"eventName": "signup"}, lambda body: (body["properties"], "country" in body["columns"]), (["plan"], True)),
    ("events/property_values", {"propertyKey": "country"}, at("values"), ["KR", "DE"]),
    ("events/property_values", {"propertyKey": "referrerName"}, lambda body: sorted(body["values"]), ["Bing", "Google"]),
    ("events/property_values", {"propertyKey": "items.0.sku"}, at("values"), []),
    ("events/property_values", {"propertyKey": "plan", "eventName": "signup"}, lambda body: (body["event"], body["property"], sorted(body["values"])), ("signup", "plan", ["free", "pro"])),
    ("events/top", {}, columns("name", "events", "visitors"), [("signup", 2, 2), ("link_out", 1, 1), ("revenue", 1, 1)]),
    ("events/top", {"event": ["signup", "never"]}, columns("name", "events"), [("signup", 2), ("never", 0)]),
    ("events/stats", {"event": "signup", **THREE_DAYS}, lambda rows: (rows[0]["total"], [point["count"] for point in rows[0]["data"]]), (2, [1, 0, 1])),
    ("events/conversions", {}, columns("name", "events", "persons", "rate"), [("signup", 2, 2, 66.67)]),
    ("events/0000000000000003", {}, lambda body: (body["event"]["path"], body["before"]["path"], body["after"]["name"]), ("/pricing", "/", "signup")),
    ("sessions", {}, columns("id", "profileId", "duration", "isBounce", "screenViewCount"),
     [("0000000000000004", "", 30000, True, 1), ("0000000000000003", "ada", 0, True, 1), ("0000000000000002", "", 40000, False, 2), ("0000000000000001", "ada", 180000, False, 2)]),
    ("sessions", {"profileId": "ada", "referrerName": "Google"}, columns("id", "entryPath", "exitPath", "revenue"), [("0000000000000001", "/", "/pricing", 5000)]),
    ("sessions/0000000000000002", {}, lambda body: (body["startedAt"], body["referrerName"], body["city"]), ("2026-02-28T00:00:00.000Z", "Bing", "Berlin")),
    ("profiles", {}, columns("id", "isExternal", "events"), [("0000000000000003", False, 2), ("ada", True, 5), ("0000000000000002", False, 3)]),
    ("profiles", {"email": "ADA@", "kind": "identified"}, columns("id", "firstName", "properties"), [("ada", "Ada", {"plan": "pro"})]),
    ("profiles", {"performedEvent": "signup", "sortBy": "events"}, columns("id"), [("ada",), ("0000000000000003",)]),
    ("profiles", {"minSessions": 2}, columns("id"), [("ada",)]),
    ("profiles", {"inactiveDays": 1}, columns("id"), [("0000000000000002",)]),
    ("profiles", {"country": "DE"}, columns("id"), [("0000000000000002",)]),
    ("profiles/ada", {"eventLimit": 1}, lambda body: (body["profile"]["email"], body["profile"]["lastSeenAt"], len(body["recentEvents"])), ("ada@example.com", "2026-03-01T02:00:00.000Z", 1)),
    ("profiles/ada/sessions", {}, columns("id"), [("0000000000000003",), ("0000000000000001",)]),
    ("profiles/ada/metrics", {}, lambda body: {name: body[name] for name in ("sessions", "screenViews", "totalEvents", "conversionEvents", "uniqueDaysActive", "bounceRate", "revenue", "avgSessionDurationMin")},
     {"sessions": 2, "screenViews": 3, "totalEvents": 5, "conversionEvents": 1, "uniqueDaysActive": 2, "bounceRate": 50.0, "revenue": 5000, "avgSessionDurationMin": 3.0}),
    ("profiles/ada/activity", {}, columns("day", "events"), [("2026-02-27", 4), ("2026-03-01", 1)]),
    ("profiles/ada/events", {"limit": 1}, columns("name", "events"), [("screen_view", 3)]),
    ("profiles/ada/pages", {}, columns("path", "views"), [("/", 2), ("/pricing", 1)]),
    ("groups/types", {}, at("types"), ["company"]),
    ("groups", {"type": "company", "search": "acm"}, columns("id", "name", "memberCount", "events"), [("acme", "Acme Inc.", 1, 5)]),
    ("groups", {"type": "team"}, list, []),
    ("groups/acme", {}, lambda body: (body["group"]["properties"], body["member_count"], columns("id")(body["members"])), ({"size": "12"}, 1, [("ada",)])),
    ("groups/acme/metrics", {}, lambda body: (body["sessions"], body["views"], body["daysActive"], body["revenue"]), (2, 3, 2, 5000)),
    ("groups/acme/growth", THREE_DAYS, columns("joined", "members"), [(1, 1), (0, 1), (0, 1)]),
    ("live", {}, at("visitors"), 1),
    ("realtime", {}, lambda body: (body["visitors_now"], body["pageviews"], columns("path")(body["paths"]), columns("latitude", "city")(body["coordinates"]), columns("id", "path")(body["active"])),
     (1, 1, [("/",)], [(35.18, "Busan")], [("0000000000000004", "/")])),
    ("heat_map", {}, lambda rows: [(row["weekday"], row["hour"], row["sessions"]) for row in rows if row["sessions"]], [(5, 10, 1), (6, 9, 1), (7, 11, 1), (7, 20, 1)]),
    ("map", {}, columns("city", "latitude", "sessions"), [("Seoul", 37.57, 2), ("Berlin", 52.52, 1), ("Busan", 35.18, 1)]),
    ("revenue", {"previous": "true"}, lambda body: (body["summary"]["revenue"], body["summary"]["per_session"], body["previous"]["revenue"], columns("name", "revenue")(body["sources"])),
     (5000, 1250.0, 0, [("Google", 5000), ("", 0), ("Bing", 0)])),
]  # fmt: skip

POSTS: list[tuple[str, Json, Callable[[Json], Any], Any]] = [
    ("funnel", {"steps": PATHS, "breakdowns": ["country"], "groupBy": "session"}, lambda body: [(row["breakdowns"], row["totalUsers"], row["completedUsers"]) for row in body["rows"]],
     [({"country": "KR"}, 3, 2), ({"country": "DE"}, 1, 0)]),
    ("funnel", {"steps": PATHS, "order": "strict"}, lambda body: body["rows"][0]["completedUsers"], 2),
    ("funnel", {"steps": [PATHS[0], {"name": "signup", "filters": [{"name": "properties.plan", "operator": "is", "value": "pro"}]}]}, lambda body: body["rows"][0]["completedUsers"], 1),
    ("funnel", {"steps": PATHS, "exclusions": [{"name": "screen_view", "filters": [{"name": "path", "value": ["/pricing"]}]}]}, lambda body: body["rows"][0]["totalUsers"], 4),
    ("funnel", {"steps": PATHS, "range": "today", "previous": True}, lambda body: (body["rows"][0]["totalUsers"], body["previous"][0]["totalUsers"]), (2, 1)),
    ("funnel", {"steps": PATHS, "cohorts": [{"id": "payers", "events": [{"name": "revenue"}]}], "filters": [{"name": "cohort", "operator": "inCohort", "value": ["payers"]}]},
     lambda body: (body["rows"][0]["totalUsers"], body["rows"][0]["completedUsers"]), (2, 1)),
    ("funnel/people", {"steps": PATHS, "step": 2}, at("people"), [{"id": "0000000000000003", "anonymous": True}, {"id": "ada", "anonymous": False}]),
    ("funnel/people", {"steps": PATHS, "step": 2, "dropped": True, "groupBy": "person"}, at("people"), [{"id": "0000000000000002", "anonymous": True}]),
    ("chart/people", {"series": {"name": "screen_view"}, **THREE_DAYS}, lambda body: (columns("id")(body["people"]), body["cursor"]),
     ([("0000000000000002",), ("0000000000000003",), ("ada",)], None)),
    ("chart/people", {"series": {"name": "screen_view"}, "date": "2026-02-28T00:00:00+09:00", **THREE_DAYS}, at("people"), [{"id": "0000000000000002", "anonymous": True}]),
    ("chart/people", {"series": {"name": "screen_view"}, "date": "2026-02-23T00:00:00+09:00", "interval": "week", **THREE_DAYS}, lambda body: len(body["people"]), 3),
    ("chart/people", {"series": {"name": "screen_view"}, "breakdowns": ["country"], "labels": ["KR"], "range": "today"}, lambda body: columns("id")(body["people"]), [("0000000000000003",), ("ada",)]),
    ("chart/people", {"series": {"name": "signup", "filters": [{"name": "properties.plan", "value": "pro"}]}, "filters": [{"name": "country", "value": "KR"}]}, lambda body: columns("id")(body["people"]), [("ada",)]),
    ("chart/people", {"series": {"name": "*"}, "cohorts": [{"id": "payers", "events": [{"name": "revenue"}]}], "breakdowns": ["cohort:payers"], "labels": ["true"]}, lambda body: columns("id")(body["people"]), [("ada",)]),
    ("conversion", {"steps": PATHS, **THREE_DAYS}, lambda rows: (rows[0]["rate"], columns("total", "conversions")(rows[0]["data"])), (50.0, [(1, 1), (1, 0), (2, 1)])),
    ("retention/cohort", {"interval": "day", "breakdowns": ["country"], **THREE_DAYS}, lambda rows: [(row["breakdowns"]["country"], row["sum"]) for row in rows if row["cohort_interval"] == "Weighted Average"], [("KR", 2), ("DE", 1)]),
    ("retention/cohort", {"interval": "day", "starts": {"name": "signup"}, **THREE_DAYS}, lambda rows: rows[0]["sum"], 2),
    ("user_flow", {"mode": "before", "end": {"name": "signup", "filters": [{"name": "country", "value": ["KR"]}]}}, at("sessions"), 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "parameters", "read", "expected"),
    GETS,
    ids=[f"{path}?{','.join(map(str, parameters))}" for path, parameters, _, _ in GETS],
)
async def test_insight_is_what_was_counted(
    shop: Place, path: str, parameters: dict[str, Any], read: Callable[[Json], Any], expected: Any
) -> None:
    assert read(await insight(shop, path, parameters)) == expected


@pytest.mark.parametrize(
    ("path", "body", "read", "expected"),
    POSTS,
    ids=[f"{place}-{each[0]}" for place, each in enumerate(POSTS)],
)
async def test_large_insight_is_what_was_counted(
    shop: Place, path: str, body: Json, read: Callable[[Json], Any], expected: Any
) -> None:
    assert read(await insight(shop, path, body=body)) == expected


@pytest.mark.parametrize(
    "path",
    [
        "profiles/nobody",
        "profiles/nobody/metrics",
        "groups/none",
        "events/00000000000000ff",
        "events/x",
        "sessions/00000000000000ff",
        "sessions/x",
        "reports/none/data",
    ],
)
async def test_what_is_not_there_is_not_found(shop: Place, path: str) -> None:
    answer = await asked(shop, f"/insights/shop/{path}")

    assert (answer.status_code, answer.json()["error"]) == (404, "Not Found")
    assert answer.json()["message"].endswith(" not found")


async def test_people_behind_a_point_come_in_pages(shop: Place) -> None:
    body = {"series": {"name": "screen_view"}, **THREE_DAYS}
    pages: list[Json] = []
    following: str | None = ""
    while following is not None:
        asked_for = {"limit": 2, **({"cursor": following} if following else {})}
        page = (await asked(shop, "/insights/shop/chart/people", asked_for, body=body)).json()
        pages.append(columns("id")(page["people"]))
        following = page["cursor"]

    assert pages == [[("0000000000000002",), ("0000000000000003",)], [("ada",)]]


@pytest.mark.parametrize("path", ["events", "sessions", "profiles"])
async def test_a_list_goes_on_with_its_link(shop: Place, path: str) -> None:
    whole = [row["id"] for row in await insight(shop, path, {"limit": 100})]
    following: str | None = f"/insights/shop/{path}?limit=2"
    pages = []
    while following:
        answer = await asked(shop, following)
        pages += [row["id"] for row in answer.json()]
        following = answer.links["next"]["url"] if "next" in answer.links else None

    assert pages == whole


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("overview", {"range": "8x"}, "range: expected 30m, 1h"),
    ("overview", {"range": "7d", "startDate": "2026-02-01"}, "range: expected either range, or startDate and endDate"),
    ("overview", {"range": "custom"}, "range: custom needs startDate or endDate"),
    ("overview", {"startDate": "soon"}, "startDate: expected a date (2026-03-01) or a time"),
    ("overview", {"startDate": "2026-03-01", "endDate": "2026-02-01"}, "endDate: lies before startDate"),
    ("overview", {"startDate": "2026-03-02"}, "startDate: lies in the future"),
    ("overview", {"startDate": "2026-03-02", "endDate": "2026-03-04"}, "startDate: lies in the future"),
    ("overview", {"interval": "year"}, "interval: Input should be 'minute', 'hour', 'day', 'week' or 'month'"),
    ("overview", {"interval": "minute", "range": "30d"}, "interval: too many buckets; expected one of hour"),
    ("overview", {"colour": "red"}, "colour: is not known here; expected some of explain, format"),
    ("overview", {"filters": "["}, "filters: Invalid JSON"),
    ("overview", {"filters": '[{"name":"nonsense","value":["x"]}]'}, "filters[0].name: no such field, expected one of name"),
    ("overview", {"filters": '[{"name":"path","operator":"like","value":["x"]}]'}, "filters[0].operator: Input should be"),
    ("overview", {"filters": '[{"name":"path","operator":"regex","value":["("]}]'}, "filters[0].value: not a regular expression of RE2"),
    ("overview", {"filters": '[{"name":"properties.n","operator":"gt","value":["many"]}]'}, "filters[0].name: expected a number"),
    ("country", {"limit": 0}, "limit: Input should be greater than or equal to 1"),
    ("country", {"limit": 1_001}, "limit: Input should be less than or equal to 1000"),
    ("active_users", {"days": 91}, "days: Input should be less than or equal to 90"),
    ("funnel", {"steps": "signup"}, "steps: List should have at least 2 items"),
    ("funnel", {}, "steps: Field required"),
    ("user_flow", {}, "mode: after needs a start"),
    ("events", {"cursor": "x"}, "cursor: expected the cursor in the Link of an earlier answer"),
    ("events", {"cursor": "f" * 32}, "cursor: expected the cursor in the Link of an earlier answer"),
    ("profiles", {"cursor": f"{1:016x}{'f' * 32}"}, "cursor: expected the cursor in the Link of an earlier answer"),
    ("sessions", {"cursor": "f" * 32}, "cursor: expected the cursor in the Link of an earlier answer"),
    ("groups", {"cursor": "f" * 16}, "cursor: expected the cursor in the Link of an earlier answer"),
    ("groups/acme/members", {"cursor": f"{1:016x}{'f' * 32}"}, "cursor: expected the cursor in the Link of an earlier answer"),
    ("events", {"sessionId": "x"}, "sessionId: expected 16 hexadecimal digits"),
    ("events", {"properties": '["plan"]'}, "properties: Input should be an object"),
    ("profiles", {"name": "a", "search": "b"}, "name: expected either search or name"),
    ("traffic/series", {"dimension": "os", "previous": "true"}, "previous: is not known here"),
    ("pages/series", {"limit": 501}, "limit: Input should be less than or equal to 500"),
    ("events/stats", {"compare": "year"}, "compare: is not known here"),
    ("groups/acme/growth", {"previous": "true"}, "previous: is not known here"),
    ("traffic/geo", {"breakdown": "os"}, "breakdown: Input should be 'country', 'region' or 'city'"),
]  # fmt: skip


async def test_a_project_may_call_as_many_events_conversions_as_a_manifest_names(shop: Place) -> None:
    project = make_project(shop, "wholesale")
    events = tuple(EventMeta(f"deal {number}", conversion=True) for number in range(500))
    put_managed(shop.database, project=project, events=events)
    did = {"project_id": project, "name": "deal 499", "person": 7, "device_id": 7, "session_id": 7}
    put_events(shop, [{**did, "at": datetime(2026, 2, 27, 10, tzinfo=UTC)}])

    for path in ("events/conversions", "pages/conversions", "profiles/0000000000000007/metrics"):
        answer = await asked(shop, f"/insights/{project}/{path}", who=f"{project}/reader")

        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("path", "parameters", "message"), BAD, ids=[f"{each[0]}-{each[2][:40]}" for each in BAD]
)
async def test_a_wrong_parameter_is_named_with_what_would_be_right(
    shop: Place, path: str, parameters: dict[str, Any], message: str
) -> None:
    answer = await asked(shop, f"/insights/shop/{path}", parameters)

    assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("funnel", {"steps": [{"name": "a"}]}, "steps: List should have at least 2 items"),
        ("funnel", {"steps": [{"name": "a"}, {"nam": "b"}]}, "steps[1].nam: Extra inputs are not permitted"),
        ("funnel", {"steps": [{"name": "a"}, {"name": "b", "filters": [{"name": "nope", "value": "x"}]}]}, "steps[1].filters[0].name: no such field"),
        ("funnel", {"steps": PATHS, "filters": [{"name": "cohort", "operator": "inCohort", "value": ["none"]}]}, "filters[0].value[0]: no cohort of this project"),
        ("chart/people", {"series": {"name": "a", "segment": "user"}}, "series.segment: Extra inputs are not permitted"),
        ("funnel/people", {"steps": PATHS, "step": 1, "breakdowns": ["country"]}, "labels: expected one for each of 1 breakdowns"),
        ("funnel/people", {"steps": PATHS, "step": 1, "previous": True}, "previous: Extra inputs are not permitted"),
        ("funnel", {"steps": PATHS, "interval": "day"}, "interval: Extra inputs are not permitted"),
        ("funnel", {"steps": PATHS, "groupBy": "property"}, "groupBy: needs a key, the field whose value joins the steps"),
        ("chart/people", {"series": {"name": "a"}, "compare": "year"}, "compare: Extra inputs are not permitted"),
        ("chart/people", {"series": {"name": "a"}, "breakdowns": ["country"]}, "labels: expected one for each of 1 breakdowns"),
        ("chart/people", {"series": {"name": "a"}, "date": "soon"}, "date: expected a date (2026-03-01) or a time"),
        ("chart/people", {"series": {"name": "a"}, "date": "2026-01-01", "range": "7d"}, "date: lies outside of what was asked about"),
        ("chart/people", {"series": {"name": "a"}, "breakdowns": ["colour"], "labels": [""]}, "breakdowns[0].name: no such field"),
        ("conversion", {"steps": [*PATHS, {"name": "c"}]}, "steps: a conversion has two, more are a funnel"),
        ("retention/cohort", {"breakdowns": ["country", "country"]}, "each field once"),
        ("user_flow", {"start": {"name": ""}}, "start.name: String should have at least 1 character"),
    ],
    ids=["steps", "unknown-key", "unknown-field", "unknown-cohort", "segment", "row", "previous-people", "interval", "key", "compared-point", "labels", "date", "outside", "breakdown", "conversion", "breakdowns", "flow"],
)  # fmt: skip
async def test_a_wrong_question_is_named_by_its_path(
    shop: Place, path: str, body: Json, message: str
) -> None:
    answer = await asked(shop, f"/insights/shop/{path}", body=body)

    assert answer.status_code == 400
    assert message in answer.json()["message"]
