"""What ingest makes of a user agent is what the worker makes of it."""

from functools import cache
from itertools import product

import pytest

from openpanel.enrich.agents import Agents
from openpanel.enrich.bots import BotList, load_entries
from openpanel.enrich.user_agent import AgentParser
from openpanel_api.ingest.agents import AgentTests

SYSTEMS = (
    "Windows NT 10.0; Win64; x64", "Windows NT 6.1", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64",
    "X11; CrOS x86_64 14541.0.0", "Linux; Android 10; K", "iPhone; CPU iPhone OS 18_6 like Mac OS X",
    "iPad; CPU OS 17_1 like Mac OS X", "X11; Linux x86_64; rv:143.0", "Windows NT 99", "compatible", "X11",
)  # fmt: skip
ENGINES = ("AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "Gecko/20100101 Firefox/143.0", "Gecko/1", "")  # fmt: skip
ODD = (
    "", "curl/8.5.0", "okhttp/4.12.0", "MyShop/2.1 (iOS 17.2; Model=iPhone15,2)", "MyShop/2.1 (nothing known)",
    "Mozilla/5.0", "Mozilla/5.0 (unheard of)", "a" * 5_000, "\x00\ud800", "Go-http-client/2.0 (x)",
)  # fmt: skip


@cache
def here() -> AgentTests:
    return AgentTests()


@cache
def there() -> Agents:
    return Agents(parser=AgentParser(), bots=BotList())


@pytest.mark.parametrize(("system", "engine"), list(product(SYSTEMS, ENGINES)))
def test_browsers_are_judged_alike(system: str, engine: str) -> None:
    agent = f"Mozilla/5.0 ({system}) {engine}"

    assert (here().server(agent), here().bot(agent)) == (there().is_server(agent), there().match(agent))


@pytest.mark.parametrize("agent", ODD)
def test_odd_agents_are_judged_alike(agent: str) -> None:
    assert (here().server(agent), here().bot(agent)) == (there().is_server(agent), there().match(agent))


def test_declared_bots_are_judged_alike() -> None:
    agents = [agent for entry in load_entries() for agent in entry["instances"]]

    judged = [(here().server(agent), here().bot(agent)) for agent in agents]

    assert judged == [(there().is_server(agent), there().match(agent)) for agent in agents]


def test_ordinary_visitors_need_no_parser() -> None:
    tests = AgentTests()

    for system in SYSTEMS[:9]:
        tests.server(f"Mozilla/5.0 ({system}) {ENGINES[0]}")
    tests.server("okhttp/4.12.0")

    assert "_parser" not in vars(tests)
