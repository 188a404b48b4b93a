"""`GET /export/events`: exact bounds, pages without gaps, a cursor, every field, and refusals with path and reason."""

import json
from typing import Any

import pytest
from httpx import AsyncClient, QueryParams, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpanel_api.public.export_parameters import MAX_LIMIT, MAX_PAGE
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place, talking_to

EXPORT = "/export/events"
pytestmark = pytest.mark.usefixtures("events")


@pytest.fixture(autouse=True)
def never_too_often(clock: Clock) -> None:
    """Each test begins in a window of its own; rates have tests of their own."""
    clock.ms += 1_000_000


async def ask(api: AsyncClient, place: Place, **asked: Any) -> Response:
    return await api.get(EXPORT, params=asked, headers=place.headers("mine/reader"))


async def ids(api: AsyncClient, place: Place, **asked: Any) -> list[str]:
    answer = await ask(api, place, **asked)
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["data"]]


async def test_an_event_has_every_field_that_enrichment_adds(api: AsyncClient, place: Place) -> None:
    answer = await ask(api, place, event="revenue", includes="properties,profile,meta")

    assert answer.json()["data"] == [
        {
            "id": "00000000000000ff", "name": "revenue", "projectId": "mine",
            "deviceId": "kiosk-1", "sessionId": "0000000000000010", "profileId": "user-42",
            "createdAt": "2026-02-01T00:00:00.250Z", "receivedAt": "2026-02-01T00:00:01.000Z",
            "importedAt": "2026-02-02T00:00:00.000Z", "sessionStartedAt": "2026-01-31T23:59:00.000Z",
            "path": "/thanks", "origin": "https://shop.example", "title": "Thanks",
            "referrer": "https://www.google.com", "referrerName": "Google", "referrerType": "search",
            "utmSource": "mail", "utmMedium": "cpc", "utmCampaign": "spring", "utmTerm": "shoes", "utmContent": "a",
            "revenue": 4200, "duration": 15, "country": "KR", "region": "Seoul", "city": "Seoul",
            "longitude": 126.9784, "latitude": 37.566, "os": "Mac OS", "osVersion": "10.15.7",
            "browser": "Chrome", "browserVersion": "141.0", "device": "desktop", "brand": "Apple",
            "model": "Macintosh", "sdkName": "web", "sdkVersion": "1.4.1", "groups": ["acme"],
            "properties": {"plan": "pro", "nested.0": "x"},
            "profile": {
                "id": "user-42", "firstName": "Ada", "lastName": "L", "email": "ada@example.com", "avatar": "",
                "properties": {"plan": "pro"}, "groups": ["acme"], "createdAt": "2026-01-01T00:00:00.000Z",
            },
            "meta": None,
        }
    ]  # fmt: skip


async def test_an_anonymous_event_has_the_device_as_its_profile(api: AsyncClient, place: Place) -> None:
    (event,) = (await ask(api, place, limit=1, event="checkout", includes="profile,meta")).json()["data"]

    assert (event["deviceId"], event["profileId"]) == ("0000000000000007", "0000000000000007")
    assert event["profile"] is None
    assert event["meta"] == {"name": "checkout", "conversion": True, "icon": "cart", "color": "#00aa00"}
    assert (event["longitude"], event["importedAt"]) == (None, None)


async def test_properties_come_on_demand_only(api: AsyncClient, place: Place) -> None:
    (plain,) = (await ask(api, place, limit=1)).json()["data"]

    assert {"properties", "profile", "meta"}.isdisjoint(plain)


async def test_the_newest_events_come_first(api: AsyncClient, place: Place) -> None:
    answer = (await ask(api, place)).json()

    times = [event["createdAt"] for event in answer["data"]]
    assert answer["meta"] == {
        "count": 50, "totalCount": 131, "pages": 3, "current": 1, "cursor": answer["meta"]["cursor"],
    }  # fmt: skip
    assert times == sorted(times, reverse=True)
    assert times[0] == "2026-03-01T12:00:00.000Z"


@pytest.mark.parametrize("limit", [1, 7, 50, 131, 200])
async def test_pages_have_no_gaps_and_no_repeats(
    api: AsyncClient, place: Place, limit: int, events: int
) -> None:
    whole = await ids(api, place, limit=MAX_LIMIT)
    pages = -(-events // limit)
    wanted = range(1, pages + 2) if limit > 1 else range(1, 6)

    read = [number for page in wanted for number in await ids(api, place, limit=limit, page=page)]

    assert len(set(whole)) == events
    assert read == whole[: len(read)]
    assert len(read) == (events if limit > 1 else 5)


async def test_the_cursor_reads_everything_once(api: AsyncClient, place: Place, events: int) -> None:
    whole = await ids(api, place, limit=MAX_LIMIT)
    answer = (await ask(api, place, limit=40)).json()
    read = [event["id"] for event in answer["data"]]
    while cursor := answer["meta"]["cursor"]:
        answer = (await ask(api, place, limit=40, cursor=cursor)).json()
        read += [event["id"] for event in answer["data"]]

    assert read == whole
    assert answer["meta"] == {
        "count": events % 40, "totalCount": None, "pages": None, "current": None, "cursor": None,
    }  # fmt: skip


async def test_a_cursor_goes_on_where_it_was_while_events_arrive(api: AsyncClient, place: Place) -> None:
    first = (await ask(api, place, projectId="mine", limit=10, end="2026-02-20")).json()
    assert first["meta"]["count"] == 1
    before = (await ask(api, place, limit=10)).json()
    place.warehouse.command(
        "INSERT INTO events (project_id, name, created_at, event_id)"
        " SELECT 'mine', 'late', toDateTime64('2026-03-02 12:00:00', 3, 'UTC'), 5000"
    )
    try:
        after = (await ask(api, place, limit=10, cursor=before["meta"]["cursor"])).json()
        seen = [event["id"] for answer in (before, after) for event in answer["data"]]
        now = await ids(api, place, limit=21)
    finally:
        place.warehouse.command(
            "ALTER TABLE events DELETE WHERE name = 'late'", settings={"mutations_sync": 1}
        )

    assert now[1:] == seen


BOUNDS = [
    # start, end, events
    ("2026-03-01T12:00:00Z", None, 2),
    ("2026-03-01T11:59:00.001Z", None, 2),
    ("2026-03-01T11:59:00Z", None, 4),
    (None, "2026-03-01T10:56:00Z", 3),  # the last minute, and the one in February
    (None, "2026-03-01T10:55:59.999Z", 1),
    ("2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z", 2),
    ("2026-03-01T20:00:00", "2026-03-01T20:00:00", 2),  # Seoul's time, nine hours ahead
    ("2026-03-01", "2026-03-01", 130),  # Seoul's day
    ("2026-02-01", "2026-02-01", 1),
    ("2026-02-01T00:00:00.250Z", "2026-02-01T00:00:00.250Z", 1),
]


@pytest.mark.parametrize(("start", "end", "count"), BOUNDS, ids=[f"{case[0]}..{case[1]}" for case in BOUNDS])
async def test_both_bounds_are_exact(
    api: AsyncClient, place: Place, start: str | None, end: str | None, count: int
) -> None:
    asked = {name: text for name, text in (("start", start), ("end", end)) if text}

    answer = (await ask(api, place, **asked, limit=MAX_LIMIT)).json()

    assert (answer["meta"]["totalCount"], len(answer["data"])) == (count, count)


SELECTED: list[tuple[dict[str, Any], int]] = [
    ({"event": "checkout"}, 44),
    ({"event": ["checkout", "revenue"]}, 45),
    ({"event": '["checkout", "revenue"]'}, 45),
    ({"event": "[checkout]"}, 0),
    ({"event": "it's; DROP TABLE events --"}, 0),
    ({"profileId": "user-42"}, 1),
    ({"profileId": "0000000000000007"}, 130),
    ({"profileId": "nobody"}, 0),
    ({"filters": '[{"name":"country","operator":"is","value":["KR"]}]'}, 66),
    ({"filters": '[{"name":"country","operator":"is","value":[""]}]'}, 65),
    ({"filters": '[{"name":"country","operator":"isNull"}]'}, 65),
    ({"filters": '[{"name":"path","operator":"endsWith","value":["/3","/4"]}]'}, 52),
    ({"filters": '[{"name":"properties.n","operator":"lt","value":[10]}]'}, 10),
    ({"filters": '[{"name":"properties.plan","operator":"is","value":["pro"],"id":"x"}]'}, 1),
    ({"filters": '[{"name":"referrerName","operator":"is","value":["Google"]}]'}, 1),
    ({"filters": '[{"name":"referrer_name","operator":"contains","value":["goo"]}]'}, 1),
    ({"filters": '[{"name":"revenue","operator":"gte","value":[4200]}]'}, 1),
    ({"filters": '[{"name":"path","operator":"regex","value":["^/page/[01]$"]}]'}, 52),
    ({"filters": '[{"name":"deviceId","operator":"is","value":["kiosk-1"]}]'}, 1),
    ({"filters": '[{"name":"deviceId","operator":"is","value":["0000000000000007"]}]'}, 130),
    (
        {"filters": '[{"name":"createdAt","operator":"gte","value":["2026-03-01T20:59:00"]}]'},
        4,
    ),  # Seoul's time
    ({"filters": '[{"name":"createdAt","operator":"is","value":["2026-02-01"],"type":"date"}]'}, 1),
    ({"filters": '[{"name":"revenue","operator":"is","value":[4200],"type":"number"}]'}, 1),
    ({"filters": '[{"name":"utmSource","operator":"is","value":["mail"]}]'}, 1),
    ({"filters": '[{"name":"profile.email","operator":"endsWith","value":["@example.com"]}]'}, 1),
    ({"filters": '[{"name":"profile.properties.plan","operator":"is","value":["pro"]}]'}, 1),
    ({"filters": '[{"name":"group.id","operator":"is","value":["acme"]}]'}, 1),
    ({"filters": '[{"name":"hasProfile","operator":"is","value":["true"],"type":"boolean"}]'}, 1),
    ({"filters": "[]"}, 131),
    ({"limit": 5_000}, 131),
    ({"includes": ["properties", "country"]}, 131),
    ({"includes": '["properties","meta"]'}, 131),
]


@pytest.mark.parametrize(("asked", "count"), SELECTED, ids=[json.dumps(case[0])[:70] for case in SELECTED])
async def test_events_are_selected(api: AsyncClient, place: Place, asked: dict[str, Any], count: int) -> None:
    assert (await ask(api, place, **asked)).json()["meta"]["totalCount"] == count


MOMENT = "expected a date (2026-03-01) or a time (2026-03-01T10:00:00, 2026-03-01T10:00:00Z)"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"start": "yesterday"}, f"start: {MOMENT}"),
    ({"end": "2026-02-30"}, f"end: {MOMENT}"),
    *(
        ({**bounds, "format": output}, message)
        for output in ("json", "csv")
        for bounds, message in (
            ({"start": "2026-02-20", "end": "2026-02-19"}, "end: lies before start"),
            ({"start": "2027-01-01"}, "start: lies in the future"),
        )
    ),
    ({"page": "x"}, "page: Input should be a valid integer"),
    ({"page": 0}, "page: Input should be greater than or equal to 1"),
    ({"page": MAX_PAGE + 1}, f"page: Input should be less than or equal to {MAX_PAGE}"),
    ({"limit": 0}, "limit: Input should be greater than or equal to 1"),
    *(({name: ""}, f"{name}: is empty; expected a value") for name in ("limit", "filters", "start", "includes", "cursor")),
    ({"cursor": "x"}, "cursor: expected the value of meta.cursor of an earlier answer"),
    ({"cursor": "f" * 32}, "cursor: expected the value of meta.cursor of an earlier answer"),
    ({"cursor": "0" * 32, "page": 2}, "page: expected no page beside a cursor"),
    ({"includes": "propertys"}, "includes: unknown propertys; expected some of"),
    ({"startDate": "2026-03-01"}, "startDate: is not known here; expected some of explain, projectId, project_id"),
    ({"filters": "["}, "filters: Invalid JSON"),
    ({"filters": "{}"}, "filters: Input should be a valid array"),
    ({"filters": '[{"operator":"is"}]'}, "filters[0].name: Field required"),
    ({"filters": '[{"name":"path","operator":"is","value":["/"],"type":"date"}]'}, "filters[0].name: expected a date such as 2026-11-01"),
    ({"filters": '[{"name":"path","operator":"is","value":["/"],"type":"colour"}]'}, "filters[0].type: Input should be 'string'"),
    ({"filters": '[{"name":"createdAt","operator":"is","value":["x"],"type":"string"}]'}, "filters[0].name: a point in time is compared as date or datetime"),
    ({"filters": '[{"name":"cohort","operator":"inCohort","value":["none"]}]'}, "filters[0].value[0]: no cohort of this project"),
    ({"filters": '[{"name":"path","operator":"is","value":["/"],"cohortIds":["a"]}]'}, "filters[0].cohortIds[0]: cohortIds are the values of inCohort and notInCohort, not of is"),
    ({"filters": '[{"name":"path","operator":"like"}]'}, "filters[0].operator: Input should be 'is'"),
    ({"filters": '[{"name":"colour","operator":"is","value":["x"]}]'}, "filters[0].name: no such field, expected one of name, path"),
    ({"filters": '[{"name":"properties.","operator":"is","value":["x"]}]'}, "filters[0].name: no such field"),
    ({"filters": '[{"name":"path","operator":"is","value":[{}]}]'}, "filters[0].value[0]"),
    ({"filters": '[{"name":"path","operator":"is"}]'}, "filters[0].name: is needs a value"),
    ({"filters": '[{"name":"path","operator":"isNull","value":["x"]}]'}, "filters[0].name: isNull takes no value"),
    ({"filters": '[{"name":"path","operator":"gt","value":["many"]}]'}, "filters[0].name: expected a number such as 9.5"),
    ({"filters": '[{"name":"path","operator":"regex","value":["("]}]'}, "filters[0].value: not a regular expression of RE2"),
    ({"filters": json.dumps([{"name": "path", "operator": "isNull"}] * 21)}, "filters: List should have at most 20 items"),
    ({"filters": json.dumps([{"name": "path", "operator": "is", "value": ["x"] * 101}])}, "filters[0].value: Value should have at most 100 items after validation, not 101"),
    ({"event": ["x"] * 101}, "event: List should have at most 100 items"),
    ({"event": json.dumps(["x"] * 101)}, "event: at most 100 names"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "message"), REFUSED, ids=[json.dumps(case[0])[:70] for case in REFUSED])
async def test_what_cannot_be_used_is_refused_by_name(
    api: AsyncClient, place: Place, asked: dict[str, Any], message: str
) -> None:
    answer = await ask(api, place, **asked)

    assert answer.status_code == 400, answer.text
    assert (answer.json()["status"], answer.json()["error"]) == (400, "Bad Request")
    assert answer.json()["message"].startswith(message)


async def test_a_foreign_event_is_never_answered(api: AsyncClient, place: Place) -> None:
    answer = await ask(api, place, limit=MAX_LIMIT, event="secret")

    assert answer.json()["meta"]["totalCount"] == 0


TEXTS = st.text(max_size=30) | st.sampled_from(
    ["[", '["a"]', "2026-03-01", "mine", "1", "-1", "1e400", "\0", "\\'"]
)
NAMES = [
    "projectId",
    "project_id",
    "profileId",
    "event",
    "start",
    "end",
    "page",
    "limit",
    "cursor",
    "filters",
    "includes",
]
FILTERS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["path", "country", "properties.n", "revenue", "duration", "sessionId", "name"]) | st.text(max_size=5),
            "operator": st.sampled_from(["is", "isNot", "contains", "doesNotContain", "startsWith", "endsWith", "regex", "isNull", "isNotNull", "gt", "lte"]),
            "value": st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), max_size=3),
        }
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=6))
async def test_no_query_string_is_an_error_of_ours(
    api: AsyncClient, place: Place, clock: Clock, asked: list[tuple[str, str]]
) -> None:
    clock.ms += 1_000_000

    answer = await api.get(EXPORT, params=_sendable(asked), headers=place.headers("mine/admin"))

    assert answer.status_code in {200, 400, 403, 404}, answer.text


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(filters=FILTERS)
async def test_no_filter_is_an_error_of_ours(
    api: AsyncClient, place: Place, clock: Clock, filters: list[dict[str, Any]]
) -> None:
    clock.ms += 1_000_000

    answer = await ask(api, place, filters=json.dumps(filters))

    assert answer.status_code in {200, 400}, answer.text


async def test_while_a_store_is_away_the_answer_says_when_to_come_back(place: Place, clock: Clock) -> None:
    from openpanel.metadata import Database
    from openpanel.warehouse import Warehouse

    with (
        Warehouse("http://a:b@127.0.0.1:1", database="x") as away,
        Database("postgresql://a:b@127.0.0.1:1/x") as gone,
    ):
        for services in (
            Services(place.database, away, clock_ms=clock),
            Services(gone, place.warehouse, clock_ms=clock),
        ):
            async with talking_to(services) as api:
                answer = await api.get(EXPORT, headers=place.headers("mine/reader"))

            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert answer.json() == {
                "status": 503, "error": "Service Unavailable", "message": "A store does not answer right now",
            }  # fmt: skip


def _sendable(asked: list[tuple[str, str]]) -> QueryParams:
    return QueryParams([(name, text.encode(errors="replace").decode()) for name, text in asked])
