import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.agents import Agents
from openpanel.enrich.bots import BotList
from openpanel.enrich.user_agent import SERVER_AGENT, AgentParser, override

# Rows are [agent, os, os version, browser, device, brand]; of bots [agent, name, type].
TABLE = json.loads(Path(__file__).with_name("agents.json").read_text(encoding="utf-8"))
PEOPLE = [row for kind in ("desktops", "phones", "tablets", "others") for row in TABLE[kind]]


@pytest.fixture(scope="module")
def parser() -> AgentParser:
    return AgentParser()


@pytest.mark.parametrize("row", PEOPLE, ids=lambda row: row[0])
def test_agent_says_what_it_is(parser: AgentParser, row: list[str]) -> None:
    text, os, os_version, browser, device, brand = row

    agent = parser.parse(text)

    assert (agent.os, agent.os_version, agent.browser, agent.device, agent.brand) == (
        os,
        os_version,
        browser,
        device,
        brand,
    )


@pytest.mark.parametrize("text", TABLE["servers"])
def test_programs_without_a_visitor_are_servers(parser: AgentParser, text: str) -> None:
    assert parser.parse(text) == SERVER_AGENT
    assert parser.parse(text).is_server


def test_frozen_android_agents_have_no_model(parser: AgentParser) -> None:
    frozen = parser.parse(TABLE["phones"][6][0])

    assert (frozen.brand, frozen.model) == ("", "")


def test_app_fields_give_brand_and_model(parser: AgentParser) -> None:
    agent = parser.parse("ExampleApp/2.1 (Android 14; Model=SM-G991B; Manufacturer=Samsung)")

    assert (agent.brand, agent.model) == ("Samsung", "SM-G991B")


def test_client_statements_win_over_the_agent(parser: AgentParser) -> None:
    agent = parser.parse(TABLE["phones"][0][0])

    told = override(agent, {"__os": "HarmonyOS", "__osVersion": "4.2", "__device": "tablet", "__brand": 7})

    assert (told.os, told.os_version, told.device, told.brand) == ("HarmonyOS", "4.2", "tablet", "Apple")


def test_server_that_names_a_system_is_no_server_any_more() -> None:
    assert not override(SERVER_AGENT, {"__os": "iOS"}).is_server
    assert override(SERVER_AGENT, {"other": "x"}) is SERVER_AGENT


def test_one_entry_holds_agent_and_bot(parser: AgentParser) -> None:
    agents = Agents(parser=parser, bots=BotList())
    text = TABLE["desktops"][0][0]

    known = agents.lookup(text)

    assert known is agents.lookup(text)
    assert (known.agent.browser, known.bot, known.chromium) == ("Chrome", None, True)
    assert not agents.is_server(text)


@given(text=st.text(max_size=300))
def test_any_text_gives_values_that_every_store_takes(text: str) -> None:
    for value in _PARSER.parse(text):
        value.encode()
        assert "\x00" not in value
        assert len(value) <= 64


_PARSER = AgentParser()
