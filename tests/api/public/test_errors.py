"""Every error of every route has one shape: `{"status", "error", "message"}`, and no text of what broke inside."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
from httpx import AsyncClient, Response
from structlog.testing import capture_logs

from openpanel.warehouse import Warehouse
from openpanel_api.public.services import Services
from tests.api.public.asking import asked
from tests.api.public.conftest import Clock, Place, talking_to

CASES = [
    ("GET", "/", 404, "There is no route GET /"),
    ("GET", "/no/such", 404, "There is no route GET /no/such"),
    ("GET", "/export/events/", 404, "There is no route GET /export/events/"),
    ("GET", "/documentation", 404, "There is no route GET /documentation"),
    ("POST", "/export/events", 405, "POST is not allowed here"),
    ("DELETE", "/healthz/live", 405, "DELETE is not allowed here"),
    ("GET", "/export/events", 401, "Export: Client ID must be a valid UUIDv4"),
    ("GET", "/export/events?page=x", 401, "Export: Client ID must be a valid UUIDv4"),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES]
)
async def test_every_refusal_has_the_one_shape(
    api: AsyncClient, method: str, path: str, status: int, message: str
) -> None:
    answer = await api.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": status, "error": HTTPStatus(status).phrase, "message": message}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/export/charts", "GET, HEAD, POST"),
        ("POST", "/manage/projects/mine", "GET, HEAD, PATCH, DELETE"),
        ("GET", "/mcp", "POST, DELETE"),
        ("HEAD", "/mcp", "POST, DELETE"),
        ("PUT", "/insights/mine/profiles/a%2Fb", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_allowed_is_told_all_that_are(
    api: AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await api.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_an_error_nobody_expected_tells_nothing_of_the_inside(place: Place, clock: Clock) -> None:
    def broken() -> bool:
        raise RuntimeError("secret inside")

    services = Services(place.database, place.warehouse, clock_ms=clock, stopping=broken)
    with capture_logs() as logged:
        async with talking_to(services) as api:
            answer = await api.get("/healthz/ready")

    assert [(line["event"], line["route"]) for line in logged] == [("request_failed", "/healthz/ready")]
    assert answer.status_code == 500
    assert answer.json() == {
        "status": 500, "error": "Internal Server Error", "message": "Something went wrong here; it was logged",
    }  # fmt: skip


async def test_a_wrong_parameter_is_told_only_to_who_may_ask(api: AsyncClient, place: Place) -> None:
    answer: Response = await api.get("/export/events?limit=x", headers=place.headers("mine/reader"))

    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "limit: Input should be a valid integer, unable to parse string as an integer",
    )


REFUSED: list[tuple[str, str, int]] = [
    ("GET", "/export/events?limit=x", 400),
    ("GET", "/export/events?limit=1&limit=2", 400),
    ("GET", "/insights/foreign/overview", 403),
    ("GET", "/insights/mine/profiles/nobody", 404),
    ("GET", "/manage/projects/foreign", 403),
    ("GET", "/live/visitors/mine", 503),
]


@pytest.mark.parametrize(("method", "path", "status"), REFUSED, ids=[f"{c[0]} {c[1]}" for c in REFUSED])
async def test_a_refusal_tells_what_is_left_of_the_rate(
    api: AsyncClient, place: Place, *, method: str, path: str, status: int
) -> None:
    answer = await api.request(method, path, headers=place.headers("mine/admin"))

    assert answer.status_code == status, answer.text
    assert answer.headers["ratelimit-policy"] == '"client";q=100;w=10'
    assert answer.headers["ratelimit"].startswith('"client";r=99;t=')


async def test_a_refusal_of_the_store_tells_it_too(place: Place, clock: Clock) -> None:
    with Warehouse("http://a:b@127.0.0.1:1", database="x") as away:
        async with talking_to(Services(place.database, away, clock_ms=clock)) as api:
            answer = await api.get("/export/events", headers=place.headers("mine/reader"))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["ratelimit"].startswith('"client";r=99;t=')


async def test_who_is_not_known_has_no_rate(api: AsyncClient) -> None:
    answer = await api.get("/export/events")

    assert (answer.status_code, "ratelimit" in answer.headers) == (401, False)


def wrong_filter(**given: Any) -> str:
    """An overview with a filter of a query string."""
    return f"/insights/shop/overview?filters={quote(json.dumps([{'name': 'os', 'value': ['iOS']}, given]))}"


FUNNEL = {"steps": [{"name": "a"}, {"name": "b"}]}
SERIES = {"series": [{"name": "screen_view"}]}
PAYERS = {"id": "payers", "events": [{"name": "revenue"}]}
IN_B = {"name": "cohort", "operator": "inCohort", "value": "b"}
PLACES: list[tuple[str, Any, str]] = [
    (wrong_filter(name="planet", value=["x"]), None, "filters[1].name: no such field, expected one of "),
    (wrong_filter(name="country", operator="gt", value=["KR"]), None, "filters[1].name: expected a number"),
    ("/insights/shop/user_flow", None, "mode: after needs a start"),
    (wrong_filter(name="country", operator="isNull", value=["KR"]), None, "filters[1].name: isNull takes no value"),
    (wrong_filter(name="os", operator="gt", value=["x"]), None, "filters[1].name: expected a number"),
    (wrong_filter(name="os", operator="isNull", value=["x"]), None, "filters[1].name: isNull takes no value"),
    (wrong_filter(name="path", operator="regex", value=["("]), None, "filters[1].value: not a regular expression of RE2"),
    (wrong_filter(name="cohort:none", value=["true"]), None, "filters[1].name: no cohort of this project"),
    ("/insights/shop/overview?range=3660d&interval=day", None, "interval: more than 2000 points"),
    ("/insights/shop/active_users?range=3660d", None, "range: more than 2000 points"),
    ("/insights/shop/overview?range=8x", None, "range: expected 30m, 1h, 24h, today, yesterday, a number of days such as 7d, 3m, 6m, 12m,"),
    ("/insights/shop/overview?range=0001-01-02..0001-01-03", None, "range: expected times from 1970 to 2200"),
    ("/insights/shop/overview?range=0001-01-02..0001-01-03&previous=true", None, "range: expected times from 1970"),
    ("/insights/shop/overview?startDate=2027-01-01", None, "startDate: lies in the future"),
    (
        "/insights/shop/funnel",
        {**FUNNEL, "cohorts": [PAYERS, {"id": "b", "events": [{"times": 0}]}], "filters": [IN_B]},
        "cohorts[1].events[0].times: expected up to 1,000,000 times",
    ),
    (
        "/insights/shop/funnel",
        {**FUNNEL, "cohorts": [{"id": "b", "events": [{"days": 3, "start": "2026-01-01", "end": "2026-01-02"}]}], "filters": [IN_B]},
        "cohorts[0].events[0].days: expected days, or start and end",
    ),
    ("/insights/shop/funnel", {**FUNNEL, "cohorts": [PAYERS, {"id": "b"}]}, "cohorts[1]: expected either events or profile"),
    ("/insights/shop/funnel", {**FUNNEL, "cohorts": [PAYERS, PAYERS]}, "cohorts[1].id: 'payers' is the id of another one as well"),
    (
        "/insights/shop/country?startDate=2026-01-01&endDate=2026-01-02&filters="
        + quote('[{"name": "session.entry_path", "operator": "regex", "value": "("}]'),
        None,
        "filters[0].value: not a regular expression of RE2",
    ),
    (
        "/export/charts",
        {"series": [{"name": "a", "filters": [{"name": "path", "operator": "regex", "value": "("}]}]},
        "series[0].filters[0].value: not a regular expression of RE2",
    ),
    ("/insights/shop/funnel/people", {**FUNNEL, "step": 3}, "step: expected one of 2"),
    (
        "/insights/shop/conversion",
        {"steps": [*FUNNEL["steps"], {"name": "c"}]},
        "steps: a conversion has two",
    ),
    (
        "/insights/shop/funnel",
        {**FUNNEL, "exclusions": [{"name": "c"}, {"name": "d", "after": 9}]},
        "exclusions[1].name: expected to lie after one",
    ),
    ("/export/charts", {**SERIES, "breakdowns": ["os", "os"]}, "breakdowns: each field once"),
    ("/export/charts", {"series": [{"type": "formula", "formula": "1"}]}, "series: expected 1 to "),
    (
        "/export/charts",
        {"series": [*SERIES["series"], {"type": "formula", "formula": "A / "}]},
        "series[1].formula: formula 'A / ' at 5: something is missing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "message"), PLACES, ids=[message for *_, message in PLACES])
async def test_a_refusal_begins_with_the_place_of_what_is_wrong(
    shop: Place, path: str, body: Any, message: str
) -> None:
    answer = await asked(shop, path, body=body)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
