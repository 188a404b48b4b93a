"""The Model Context Protocol as agents speak it: the SDK's own client over HTTP against the served API."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mcp import Client
from mcp_types import CallToolResult, TextContent, Tool
from starlette.requests import Request

from openpanel.analytics import property_values, routing
from openpanel.analytics.limits import LIMITS
from openpanel.metadata import dashboards, reports
from openpanel_api.public.mcp_calls import tools_of
from openpanel_api.public.mcp_lists import LISTS
from openpanel_api.public.mcp_tools import TOOLS
from openpanel_api.public.services import Services
from openpanel_api.server import Port, config_of
from openpanel_api.sockets import listening
from tests.api.public.conftest import NOON, Clock, Place, an_app

OPENPANELS = {
    "list_projects", "list_dashboards", "list_reports", "get_report_data", "get_dashboard_urls",
    "list_event_names", "list_event_properties", "get_event_property_values", "query_events", "query_sessions",
    "find_profiles", "get_profile", "get_profile_sessions", "get_profile_metrics", "list_group_types",
    "find_groups", "get_group", "get_analytics_overview", "get_top_pages", "get_entry_exit_pages",
    "get_page_performance", "get_page_conversions", "get_top_referrers", "get_country_breakdown",
    "get_device_breakdown", "get_rolling_active_users", "get_weekly_retention_series", "get_retention_cohort",
    "get_user_last_seen_distribution", "get_funnel", "get_user_flow",
}  # fmt: skip
DAYS = {"startDate": "2026-02-01", "endDate": "2026-03-01"}
REPORT = {"chartType": "metric", "series": [{"name": "checkout"}], **DAYS}
WAIT_S = 60.0

pytestmark = pytest.mark.usefixtures("events")


@dataclass
class Agent:
    """Speaks to the API as somebody."""

    place: Place
    clock: Clock
    port: int

    def token(self, who: str) -> str:
        client_id, secret = self.place.issued[who]
        return base64.b64encode(f"{client_id}:{secret}".encode()).decode()

    @asynccontextmanager
    async def connected(self, who: str = "mine/reader") -> AsyncIterator[Client]:
        self.clock.ms += 1_000_000  # rates have tests of their own
        address = f"http://127.0.0.1:{self.port}/mcp?token={self.token(who)}"
        async with asyncio.timeout(WAIT_S), Client(address) as client:
            yield client

    async def call(self, name: str, who: str = "mine/reader", **arguments: Any) -> CallToolResult:
        async with self.connected(who) as client:
            return await client.call_tool(name, arguments)

    async def answer(self, name: str, who: str = "mine/reader", **arguments: Any) -> Any:
        """The JSON of an answer that is as wanted."""
        result = await self.call(name, who, **arguments)
        assert not result.is_error, text_of(result)
        return json.loads(text_of(result))


def text_of(result: CallToolResult) -> str:
    content, *_ = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.fixture(scope="module")
def tools(place: Place) -> list[Tool]:
    """The tools, made from the API's description: they are the same for every application."""
    return tools_of(Request({"type": "http", "app": an_app(Services(place.database, place.warehouse))}))


@pytest.fixture
async def agent(place: Place, clock: Clock, tools: list[Tool]) -> AsyncIterator[Agent]:
    services = Services(
        place.database, place.warehouse, clock_ms=clock, dashboard_url="https://panel.example/"
    )
    app = an_app(services)
    app.state.mcp_tools = tools
    server = Port(config_of(app))
    socket = listening("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    yield Agent(place, clock, socket.getsockname()[1])
    server.should_exit = True
    await serving


@pytest.fixture(scope="module")
def report(place: Place) -> str:
    """A saved report of `mine`."""
    board, saved = str(uuid4()), str(uuid4())
    dashboards.create(place.database, dashboard=board, project="mine", name="Sales", at=NOON)
    reports.create(
        place.database, report=saved, project="mine", dashboard=board, name="Checkouts", question=REPORT, at=NOON
    )  # fmt: skip
    return saved


async def test_call_of_the_documents_is_answered(agent: Agent) -> None:
    page = (Path(__file__).parents[4] / "docs" / "mcp.md").read_text("utf-8")
    [body] = re.findall(r"-d '(.*)'", page)
    headers = dict(re.findall(r'-H "([\w-]+): ([^"]+)"', page))
    headers["authorization"] = f"Bearer {agent.token('mine/reader')}"

    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as http:
        answer = await http.post(f"http://127.0.0.1:{agent.port}/mcp", content=body, headers=headers)

    assert answer.status_code == 200
    assert "unique_visitors" in answer.text
    assert '"isError":true' not in answer.text


async def test_a_call_counts_once_against_the_rate(agent: Agent) -> None:
    agent.clock.ms += 1_000_000
    call = {"name": "get_analytics_overview", "arguments": {"range": "7d"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {agent.token('mine/reader')}",
    }
    left = []
    told = []

    address = f"http://127.0.0.1:{agent.port}"
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=WAIT_S) as http:
        for _ in range(2):
            plain = await http.get("/export/events?limit=1", headers=agent.place.headers("mine/reader"))
            left.append(plain.headers["ratelimit"].partition(";t=")[0])
            answer = await http.post("/mcp", json=message, headers=headers)
            assert '"isError":true' not in answer.text
            told.append(answer.headers["ratelimit"].partition(";t=")[0])

    assert told == ['"client";r=98', '"client";r=96']
    assert left == ['"client";r=99', '"client";r=97']


async def test_every_tool_is_there_and_says_that_it_only_reads(agent: Agent) -> None:
    async with agent.connected() as client:
        tools = (await client.list_tools()).tools

    assert {tool.name for tool in tools} == OPENPANELS == {*LISTS, *(tool.name for tool in TOOLS)}
    for tool in tools:
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert "$ref" not in json.dumps(tool.input_schema)
        assert tool.name == "list_projects" or "projectId" in tool.input_schema["properties"]
        assert "projectId" not in tool.input_schema["required"]


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_event_names", {}),
    ("list_event_properties", {"eventName": "checkout"}),
    ("get_event_property_values", {"propertyKey": "n", "limit": 5}),
    ("query_events", {"eventNames": ["checkout"], "limit": 2, **DAYS}),
    ("query_sessions", DAYS),
    ("find_profiles", {"email": "ada"}),
    ("get_profile", {"profileId": "user-42"}),
    ("get_profile_sessions", {"profileId": "user-42"}),
    ("get_profile_metrics", {"profileId": "user-42"}),
    ("list_group_types", {}),
    ("find_groups", {"search": "a"}),
    ("get_analytics_overview", {"interval": "day", "previous": True, **DAYS}),
    ("get_top_pages", {"limit": 3, **DAYS}),
    ("get_entry_exit_pages", {"mode": "exit", **DAYS}),
    ("get_page_performance", DAYS),
    ("get_page_conversions", {"event": ["checkout"], **DAYS}),
    ("get_top_referrers", DAYS),
    ("get_country_breakdown", DAYS),
    ("get_device_breakdown", DAYS),
    ("get_rolling_active_users", {"days": 7, **DAYS}),
    ("get_weekly_retention_series", {}),
    ("get_retention_cohort", {}),
    ("get_user_last_seen_distribution", {}),
    ("get_funnel", {"steps": ["screen_view", "checkout"], **DAYS}),
    ("get_user_flow", {"startEvent": "screen_view", **DAYS}),
]


@pytest.mark.parametrize("case", CALLS, ids=[case[0] for case in CALLS])
async def test_a_tool_and_its_route_give_the_same_answer(
    agent: Agent, case: tuple[str, dict[str, Any]]
) -> None:
    name, arguments = case
    path = next(tool.path for tool in TOOLS if tool.name == name).replace("{projectId}", "mine")
    asked = {key: value for key, value in arguments.items() if f"{{{key}}}" not in path}
    for key in arguments.keys() - asked.keys():
        path = path.replace(f"{{{key}}}", arguments[key])
    asked = {key: str(value).lower() if isinstance(value, bool) else value for key, value in asked.items()}

    answered = await agent.answer(name, **arguments)
    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as client:
        address = f"http://127.0.0.1:{agent.port}{path}"
        route = await client.get(address, params=asked, headers=agent.place.headers("mine/reader"))

    assert route.status_code == 200
    assert answered == route.json()


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("query_events", {"limit": 5}),
        ("find_profiles", {}),
        ("get_analytics_overview", {}),
        ("list_reports", {}),
    ],
)
async def test_an_argument_that_is_null_is_as_good_as_left_out(
    agent: Agent, tools: list[Tool], name: str, given: dict[str, Any]
) -> None:
    properties = next(tool.input_schema["properties"] for tool in tools if tool.name == name)
    nothing: dict[str, Any] = {each: None for each in properties if each not in given}
    async with agent.connected() as client:
        whole, plain = [await client.call_tool(name, each) for each in ({**given, **nothing}, given)]

    assert not plain.is_error
    assert text_of(whole) == text_of(plain)


def structured(result: CallToolResult) -> dict[str, Any]:
    """What a result says in fields."""
    assert isinstance(result.structured_content, dict)
    return result.structured_content


WHOLE = {"more": False, "cursor": None, "approximate": False, "newest": None, "ageSeconds": 0}


async def test_an_answer_that_is_whole_says_so(agent: Agent) -> None:
    for name in ("get_country_breakdown", "list_projects"):
        result = await agent.call(name)

        assert len(result.content) == 1
        assert structured(result) == {"answer": json.loads(text_of(result)), **WHOLE}


def note(result: CallToolResult) -> str:
    """What a result says beside the answer."""
    _, content = result.content
    assert isinstance(content, TextContent)
    return content.text


async def test_an_answer_that_is_cut_says_so(agent: Agent) -> None:
    cut = await agent.call("get_country_breakdown", limit=1, **DAYS)

    assert {**structured(cut), "answer": None} == {**WHOLE, "answer": None, "more": True}
    assert note(cut) == "There are more rows than these."


async def test_the_rows_after_a_page_are_asked_for_with_its_cursor(agent: Agent) -> None:
    asked: dict[str, Any] = {"eventNames": ["checkout"], **DAYS}
    both = structured(await agent.call("query_events", limit=4, **asked))["answer"]

    first = await agent.call("query_events", limit=2, **asked)
    cursor = structured(first)["cursor"]
    second = await agent.call("query_events", limit=2, cursor=cursor, **asked)

    assert structured(first)["more"]
    assert cursor in note(first)
    assert [*structured(first)["answer"], *structured(second)["answer"]] == both


async def test_an_answer_of_the_newest_events_says_so(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(property_values, "NEWEST", 10)
    values = await agent.call("get_event_property_values", propertyKey="n", eventName="checkout")

    assert structured(values)["newest"] == 10
    assert "Only the newest 10 events were looked at." in note(values)


async def test_an_answer_of_totals_says_that_it_is_approximate(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "ROLLUP_FROM_EVENTS", 0)
    rough = await agent.call("get_analytics_overview", startDate="2026-02-27", endDate="2026-02-28")

    assert structured(rough)["approximate"]
    assert note(rough) == "The numbers were counted of summaries, and may be off by some percent."


async def test_an_older_answer_says_its_age_to_who_takes_it(agent: Agent) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "find_profiles"}}
    headers = {
        "accept": "application/json, text/event-stream",
        "authorization": f"Bearer {agent.token('mine/reader')}",
        "cache-control": "max-stale=600",
    }
    ages = []
    address = f"http://127.0.0.1:{agent.port}"
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=WAIT_S) as http:
        for _ in range(2):
            agent.clock.ms += 30_000
            result = (await http.post("/mcp", json=message, headers=headers)).json()["result"]
            ages.append(
                (result["structuredContent"]["ageSeconds"], [one["text"] for one in result["content"][1:]])
            )

    assert ages == [(0, []), (30, ["This is of 30 seconds ago; more was counted since."])]


async def test_a_question_that_is_too_large_is_refused_with_advice(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "max_result_rows", 1)
    result = await agent.call("get_country_breakdown", **DAYS)

    assert result.is_error
    told = structured(result)
    assert (told["status"], told["limit"]) == (422, "rows answered")
    assert told["advice"].startswith("Ask for a shorter range than 29 days")
    assert told["advice"] in text_of(result)


async def test_reports_are_listed_and_answered(agent: Agent, report: str) -> None:
    boards = await agent.answer("list_dashboards")
    listed = await agent.answer("list_reports", dashboardId=boards[0]["id"])
    data = await agent.answer("get_report_data", reportId=report)

    assert [board["name"] for board in boards] == ["Sales"]
    assert [(each["id"], each["name"], each["chartType"]) for each in listed] == [
        (report, "Checkouts", "metric")
    ]
    assert (data["id"], data["name"]) == (report, "Checkouts")


async def test_people_are_sent_to_the_dashboard(agent: Agent) -> None:
    pages = await agent.answer("get_dashboard_urls", range="7d")

    overview = "https://panel.example/o/ours/p/mine/overview"
    assert (pages["projectId"], pages["projects"]) == ("mine", "https://panel.example/")
    assert (pages["overview"], pages["realtime"]) == (f"{overview}?range=7d", f"{overview}?range=30m")
    assert pages["charts"]["bounce"] == f"{overview}?range=7d&m=bounce"
    assert pages["lists"]["places"]["city"] == f"{overview}?range=7d&tab.places=city&show=places"


@pytest.mark.parametrize(
    ("who", "expected"),
    [("mine/reader", ["mine"]), ("mine/admin", ["mine", "sibling"]), ("ours/*", ["mine", "sibling"])],
)
async def test_each_client_sees_its_own_projects(agent: Agent, who: str, expected: list[str]) -> None:
    assert [each["id"] for each in await agent.answer("list_projects", who)] == expected


@pytest.mark.parametrize("name", ["get_analytics_overview", "list_dashboards", "get_dashboard_urls"])
@pytest.mark.parametrize(
    ("who", "project", "message"),
    [
        ("mine/reader", "sibling", "You do not have access to this project"),
        ("mine/admin", "foreign", "You do not have access to this project"),
        ("mine/admin", "nowhere", "Project not found"),
        ("ours/*", None, "is required|is missing"),
    ],
)
async def test_nobody_asks_about_what_is_not_theirs(
    agent: Agent, name: str, who: str, project: str | None, message: str
) -> None:
    result = await agent.call(name, who, **({"projectId": project} if project else {}))

    assert result.is_error
    assert any(part in text_of(result) for part in message.split("|"))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("get_funnel", {"steps": ["only"]}, "steps"),
        ("get_funnel", {}, "steps: is missing"),
        ("get_funnel", {"steps": None}, "steps: is missing"),
        ("get_profile", {"profileId": None}, "profileId: is missing"),
        ("get_analytics_overview", {"range": "soon"}, "range: "),
        ("get_analytics_overview", {"surprise": 1}, "surprise: is not known here"),
        (
            "get_analytics_overview",
            {"filters": [{"name": "planet", "operator": "is", "value": "x"}]},
            "filters[0].name: no such field",
        ),
        ("get_dashboard_urls", {"range": ""}, "range: expected one of 30m, 1h"),
        ("get_dashboard_urls", {"range": "8d"}, "range: expected one of 30m, 1h"),
        ("get_dashboard_urls", {"range": "2026-03-02..2026-03-01"}, "range: "),
        ("get_profile", {"profileId": "../live"}, "Profile not found"),
        ("get_profile", {"profileId": "user-42/metrics"}, "Profile not found"),
        ("get_profile", {"profileId": "user-42%2Fmetrics"}, "Profile not found"),
        ("get_profile", {"profileId": ["a"]}, "profileId: expected a text"),
        (
            "get_profile",
            {"profileId": "a", "projectId": "mine/a"},
            "projectId: expected a text without slashes",
        ),
        ("list_reports", {"dashboardId": 3}, "dashboardId: expected a text"),
        ("drop_tables", {}, "There is no tool drop_tables"),
    ],
)
async def test_what_cannot_be_asked_is_told_in_words(
    agent: Agent, name: str, arguments: dict[str, Any], message: str
) -> None:
    result = await agent.call(name, **arguments)

    assert result.is_error
    assert message in text_of(result)


async def test_a_bearer_opens_as_the_address_does(agent: Agent) -> None:
    agent.clock.ms += 1_000_000
    answer = await _post(agent, {"authorization": f"Bearer {agent.token('mine/reader')}"})

    assert answer.status_code == 200
    assert len(answer.json()["result"]["tools"]) == len(OPENPANELS)


@pytest.mark.parametrize("who", ["mine/web", "gone/reader"])
async def test_who_may_not_read_may_not_ask(agent: Agent, who: str) -> None:
    answer = await _post(agent, {"authorization": f"Bearer {agent.token(who)}"})

    assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "token", ["", "no base64!", base64.b64encode(b"half").decode(), base64.b64encode(b"\xff:\xff").decode()]
)
async def test_a_token_that_is_none_opens_nothing(agent: Agent, token: str) -> None:
    answer = await _post(agent, {"authorization": f"Bearer {token}".strip()})

    assert (answer.status_code, answer.json()["message"]) == (401, "MCP: Client ID must be a valid UUIDv4")


async def test_there_is_no_session_to_hold(agent: Agent) -> None:
    headers = {"authorization": f"Bearer {agent.token('mine/reader')}"}
    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as client:
        address = f"http://127.0.0.1:{agent.port}/mcp"
        reading = await client.get(address, headers=headers)
        leaving = await client.delete(address, headers=headers)

    assert (reading.status_code, leaving.status_code) == (405, 204)


async def _post(agent: Agent, headers: dict[str, str]) -> httpx.Response:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as client:
        return await client.post(
            f"http://127.0.0.1:{agent.port}/mcp", json=message, headers={**accept, **headers}
        )
