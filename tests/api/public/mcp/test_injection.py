"""Every text that an agent may give to a tool, with texts that somebody else would run: answered or refused, no more."""

import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import cycle
from typing import Any, Final

import pytest
from httpx import AsyncClient

from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place, talking_to

NASTY: Final = (
    "x'); DROP TABLE events; -- \" ` \\ {project:String} %s :name $1 ../.. ?a=b&c#d",
    "한국 🏠 \u202e<script>{{ 7*7 }}</script>\t\x7f",
)
# What the tools that demand something are called with.
PLAIN: Final[Mapping[str, Any]] = {
    "eventName": "checkout",
    "propertyKey": "n",
    "profileId": "user-42",
    "groupId": "acme",
    "reportId": "text",
    "dashboardId": "text",
    "startEvent": "checkout",
    "steps": ["screen_view", "checkout"],
    "startDate": "2026-02-01",
    "endDate": "2026-03-01",
}

# What nearly every tool takes is read in one place: it is tried with the first tool that has it.
OF_ALL: Final = ("projectId", "filters", "startDate", "endDate", "range")

pytestmark = pytest.mark.usefixtures("events")


@pytest.fixture
async def agent(place: Place, clock: Clock) -> AsyncIterator[AsyncClient]:
    """Speaks as the reader of `mine`."""
    client_id, secret = place.issued["mine/reader"]
    token = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    async with talking_to(Services(place.database, place.warehouse, clock_ms=clock)) as api:
        api.headers.update(
            {
                "authorization": f"Bearer {token}",
                "accept": "application/json, text/event-stream",
                "mcp-protocol-version": "2025-06-18",
            }
        )
        yield api


async def told(agent: AsyncClient, clock: Clock, method: str, **parameters: Any) -> Any:
    """The result of a message."""
    clock.ms += 1_000_000  # rates have tests of their own
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    answer = await agent.post("/mcp", json=message)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


_turns = cycle(NASTY)


def texts(schema: Any) -> Iterator[Any]:
    """One of the texts, the next at every turn, in the shape that a parameter wants it in."""
    for choice in schema.get("anyOf", [schema]):
        if choice.get("type") == "string" and "enum" not in choice:
            yield next(_turns)
        if choice.get("type") == "array":
            for shaped in texts(choice.get("items", {})):
                yield [shaped, shaped]


async def test_a_text_given_to_a_tool_is_a_text(agent: AsyncClient, place: Place, clock: Clock) -> None:
    tools = (await told(agent, clock, "tools/list"))["tools"]
    before = place.warehouse.query("SELECT count() FROM events")
    asked = answered = 0
    tried: set[str] = set()

    for tool in tools:
        schema = tool["inputSchema"]
        needed = {name: PLAIN.get(name, "text") for name in schema.get("required", ())}
        for name, described in schema["properties"].items():
            if name in tried:
                continue
            tried |= {name} & set(OF_ALL)
            for text in texts(described):
                result = await told(
                    agent, clock, "tools/call", name=tool["name"], arguments={**needed, name: text}
                )
                said = result["content"][0]["text"]
                assert "store does not answer" not in said, (tool["name"], name)
                assert "went wrong" not in said, (tool["name"], name)
                if not result.get("isError"):
                    json.loads(said)
                    answered += 1
                asked += 1

    assert asked > 50
    assert answered > 20
    assert place.warehouse.query("SELECT count() FROM events") == before
