"""The stream of a tab: counts when they change, silence else, an end with the session and with the server."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from fastapi import Request
from redis.backoff import NoBackoff
from redis.retry import Retry

from openpanel.metadata import dashboard_sessions
from openpanel.stream import Pool
from openpanel.stream.keys import keys_of
from openpanel.warehouse import Warehouse
from openpanel_dashboard.app import LIVE_EVERY_S
from openpanel_dashboard.live import SESSION_LOOKS, Board, Pulse, look, pulses, waiting_events
from tests.dashboard import traffic
from tests.dashboard.conftest import NOW, World, add_project

FAST_S = 0.002
MS = int(NOW.timestamp() * 1000)


def online(world: World, project: str, device: int, *, ago: timedelta = timedelta()) -> None:
    """An event of a device, as the API leaves it behind."""
    (keys, *_) = keys_of(Pool("shared", 1))
    world.redis.zadd(keys.live(project), {f"{device:016x}": MS - int(ago.total_seconds() * 1000)})


def request_for(world: World, *, token: str = "") -> Request:
    app = world.app(live_every_s=FAST_S)
    cookie = [(b"cookie", f"openpanel-session={token or world.session}".encode())]
    return Request({"type": "http", "app": app, "headers": cookie, "method": "GET", "path": "/"})


async def pulse(stream: AsyncIterator[str]) -> dict[str, int]:
    async for text in stream:
        if text.startswith("event: live"):
            told: dict[str, int] = json.loads(text.split("data: ")[1])
            return told
    raise AssertionError("the stream ended")


@pytest.fixture
def project_id(request: pytest.FixtureRequest) -> str:
    return str(request.node.name).replace("_", "-")[:40]


async def test_stream_tells_who_is_online_and_what_was_counted(world: World, project_id: str) -> None:
    project = add_project(world.database, name=project_id, organization="acme")
    request = request_for(world)
    stream = pulses(request, project, request.app.state.services)

    told = [await pulse(stream)]
    online(world, project_id, 1)
    told.append(await pulse(stream))
    traffic.insert(world.warehouse, [traffic.view(project=project_id, at=NOW, device=1)], token=project_id)
    told.append(await pulse(stream))

    assert told == [{"online": 0, "counted": 0}, {"online": 1, "counted": 0}, {"online": 1, "counted": 1}]


async def test_online_means_the_last_five_minutes(world: World, project_id: str) -> None:
    project = add_project(world.database, name=project_id, organization="acme")
    online(world, project_id, 1, ago=timedelta(minutes=4, seconds=59))
    online(world, project_id, 2, ago=timedelta(minutes=5, seconds=1))
    request = request_for(world)

    assert (await pulse(pulses(request, project, request.app.state.services)))["online"] == 1


async def test_every_stream_of_the_projects_pool_is_looked_at(world: World, project_id: str) -> None:
    project = add_project(world.database, name=project_id, organization="acme")
    wide = replace(project, pool="wide", pool_shards=3)
    for number, keys in enumerate(keys_of(Pool("wide", 3))):
        world.redis.zadd(keys.live(project_id), {f"{number:016x}": MS})
        world.redis.set(keys.depth, 10)
    services = request_for(world).app.state.services

    assert look(services, wide, Pulse(0, 0)).online == 3
    assert waiting_events(services, wide) == 30


def test_stores_are_looked_at_often_enough_to_follow_within_two_seconds() -> None:
    assert LIVE_EVERY_S <= 1


async def test_stream_ends_when_the_session_does(world: World, project_id: str) -> None:
    token = project_id
    dashboard_sessions.begin(
        world.database, user=world.member.id, token=token, at=NOW, expires_at=NOW + timedelta(days=30)
    )
    request = request_for(world, token=token)
    stream = pulses(request, world.shop, request.app.state.services)
    await anext(stream)

    dashboard_sessions.end(world.database, token=token)

    assert len([text async for text in stream]) <= SESSION_LOOKS


async def test_stream_ends_when_the_cookie_is_to_be_moved_on_and_leaves_that_to_the_next(
    world: World, project_id: str
) -> None:
    ends = NOW + timedelta(days=28)
    dashboard_sessions.begin(
        world.database, user=world.member.id, token=project_id, at=NOW - timedelta(days=2), expires_at=ends
    )
    request = request_for(world, token=project_id)
    stream = pulses(request, world.shop, request.app.state.services)

    told = []
    async for text in stream:
        told.append(text)
        assert len(told) <= SESSION_LOOKS
    session = dashboard_sessions.load(world.database, token=project_id, at=NOW)

    assert session is not None
    assert session.expires_at == ends


async def test_stream_ends_with_the_server(world: World) -> None:
    request = request_for(world)
    stream = pulses(request, world.shop, request.app.state.services)
    await anext(stream)

    request.app.state.stopping.set()

    assert [text async for text in stream] == []


async def test_all_tabs_of_a_project_share_one_look(world: World) -> None:
    app = world.app(live_every_s=60.0)
    board = Board(app.state.services)

    first = await board.pulse(world.shop)
    online(world, world.shop.id, 77)

    assert await board.pulse(world.shop) == first


def test_stores_that_are_away_leave_the_last_numbers(world: World) -> None:
    with (
        Warehouse("http://nobody:x@127.0.0.1:1", database="none") as away,
        redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as gone,
    ):
        services = world.app(warehouse=away, redis=gone).state.services

        assert look(services, world.shop, Pulse(online=3, counted=4)) == Pulse(online=3, counted=4)
