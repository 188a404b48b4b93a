"""Live figures: something at once, then every change, also when somebody leaves; never without credentials."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from openpanel.metadata import Database, NewClient, clients
from openpanel_api.public.live_access import MOST_OF_CLIENT
from tests.api.public.asking import insight
from tests.api.public.conftest import NOON, Place
from tests.api.public.live.conftest import WAIT_S, Live, following, said, serving

MINUTE_MS = 60_000


async def test_a_socket_tells_visitors_who_come_and_go(live: Live) -> None:
    await live.come("a")
    async with live.socket("visitors/mine") as socket:
        first = await said(socket)
        live.clock.ms += 3 * MINUTE_MS
        await live.come("b", "c")
        more = await said(socket)
        live.clock.ms += 3 * MINUTE_MS  # the first one has done nothing for six minutes
        fewer = await said(socket)

    assert (first, more, fewer) == ("1", "3", "2")


async def test_a_socket_tells_how_many_events_were_counted(live: Live) -> None:
    await live.count(100)
    async with live.socket("events/mine") as socket:
        first = await said(socket)
        await live.count(7)
        second = await said(socket)
        live.clock.ms += 40 * 24 * 60 * MINUTE_MS  # another month begins at nothing
        await live.count(2)
        third = await said(socket)

    assert [json.loads(each) for each in (first, second, third)] == [{"count": 0}, {"count": 7}, {"count": 2}]


async def test_a_stream_tells_both(live: Live) -> None:
    async with live.stream("mine/stream") as events:
        first = [await following(events), await following(events)]
        await live.come("a")
        came = await following(events)
        await live.count(3)
        counted = await following(events)

    assert first == [("visitors", "0"), ("events", '{"count": 0}')]
    assert (came, counted) == (("visitors", "1"), ("events", '{"count": 3}'))


@pytest.mark.parametrize(
    ("path", "first"), [("visitors/mine", ("visitors", "1")), ("events/mine", ("events", '{"count": 0}'))]
)
async def test_each_figure_has_a_stream_of_its_own(live: Live, path: str, first: tuple[str, str]) -> None:
    await live.come("a")

    async with live.stream(path) as events:
        assert await following(events) == first


async def test_projects_do_not_hear_of_one_another(live: Live) -> None:
    async with live.socket("visitors/sibling", who="mine/admin") as other:
        before = await said(other)
        async with live.socket("visitors/mine") as socket:
            await said(socket)
            await live.come("a", "b")
            mine = await said(socket)
        await live.come("x", project="sibling")
        after = await said(other)

    assert (before, mine, after) == ("0", "2", "1")


async def test_a_ticket_opens_its_project_for_a_page_without_a_secret(live: Live) -> None:
    ticket = await _ticket(live, "mine")

    async with live.socket(f"visitors/mine?ticket={ticket}", who=None) as socket:
        by_socket = await said(socket)
    async with live.stream(f"mine/stream?ticket={ticket}", who=None) as events:
        by_stream = await following(events)

    assert (by_socket, by_stream) == ("0", ("visitors", "0"))


REFUSED = [
    ("mine", None, 401, "Live: Client ID must be a valid UUIDv4"),
    ("mine", "mine/web", 401, "Live: Client is not allowed to watch"),
    ("sibling", "mine/reader", 403, "You do not have access to this project"),
    ("foreign", "mine/admin", 403, "You do not have access to this project"),
    ("nowhere", "mine/admin", 404, "Project not found"),
]


@pytest.mark.parametrize("case", REFUSED, ids=[f"{case[1]}-{case[0]}" for case in REFUSED])
@pytest.mark.parametrize("path", ["visitors/{}", "events/{}", "{}/stream"])
async def test_nobody_watches_what_is_not_theirs(
    live: Live, path: str, case: tuple[str, str | None, int, str]
) -> None:
    project, who, status, message = case
    headers = live.place.headers(who) if who else {}
    answer = await _get(live, path.format(project), headers=headers)

    assert (answer.status_code, answer.json()["message"]) == (status, message)
    if not path.endswith("stream"):
        with pytest.raises(InvalidStatus) as refused:
            async with live.socket(path.format(project), who=who):
                pass
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["message"] == message


async def test_a_socket_is_asked_for_with_nothing_in_vain(live: Live) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with live.socket("visitors/mine?colour=red"):
            pass

    assert refused.value.response.status_code == 400
    message = json.loads(refused.value.response.body)["message"]
    assert message == "colour: is not known here; expected some of ticket"


async def test_a_ticket_opens_nothing_else_and_not_for_ever(live: Live) -> None:
    ticket = await _ticket(live, "mine")

    other = await _get(live, f"sibling/stream?ticket={ticket}")
    await live.redis.flushdb()
    over = await _get(live, f"mine/stream?ticket={ticket}")
    guessed = await _get(live, "mine/stream?ticket=guess")

    assert (other.status_code, over.status_code, guessed.status_code) == (403, 401, 401)


async def test_a_ticket_of_a_revoked_client_opens_nothing(live: Live) -> None:
    client = "77777777-7777-4777-8777-777777777777"
    new = NewClient(client, "passing", "mine", "ours", "read", "hash")
    clients.create(live.place.database, client=new, at=NOON)
    ticket = await _ticket(live, "mine")
    key = (await live.redis.keys("op:live-ticket:*"))[0]
    await live.redis.set(key, json.dumps([client, "mine"]))
    before = await _head(live, f"mine/stream?ticket={ticket}")

    clients.revoke(live.place.database, client_id=client, at=NOON)

    assert before == 200
    assert (await _get(live, f"mine/stream?ticket={ticket}")).status_code == 401


async def test_one_client_takes_only_so_many_connections(live: Live) -> None:
    sockets = [live.socket("visitors/mine") for _ in range(MOST_OF_CLIENT)]
    opened = []
    try:
        for number, socket in enumerate(sockets):
            live.clock.ms += 200 if number % 2 else 0  # rates have tests of their own
            opened.append(await socket.__aenter__())
        live.clock.ms += 10_000
        refused = await _get(live, "visitors/mine", headers=live.place.headers("mine/reader"))
        other = await _head(live, "visitors/mine", headers=live.place.headers("mine/admin"))
    finally:
        await asyncio.gather(*(socket.close() for socket in opened))

    assert (refused.status_code, other) == (429, 200)
    assert "retry-after" in refused.headers


async def test_a_place_is_free_again_when_somebody_leaves(live: Live) -> None:
    for number in range(MOST_OF_CLIENT + 5):
        live.clock.ms += 200 if number % 2 else 0
        async with live.socket("visitors/mine") as socket:
            assert await said(socket) == "0"


async def test_what_a_watcher_says_is_of_no_interest(live: Live) -> None:
    async with live.socket("visitors/mine") as socket:
        await said(socket)
        for _ in range(20):
            await socket.send("hello?")
        await live.come("a")

        assert await said(socket) == "1"


async def test_a_watcher_who_says_too_much_is_dropped(live: Live) -> None:
    async with live.socket("visitors/mine") as socket:
        await said(socket)
        await socket.send("x" * 100_000)

        with pytest.raises(ConnectionClosed):
            await said(socket)


async def test_streams_end_with_the_process(live: Live) -> None:
    async with live.socket("visitors/mine") as socket, live.stream("mine/stream") as events:
        await said(socket)
        await following(events)
        await following(events)

        live.stopping.set()

        with pytest.raises(StopAsyncIteration):
            await following(events)
        with pytest.raises(ConnectionClosed) as closed:
            await said(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code in (1001, 1012)


async def _ticket(live: Live, project: str) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as client:
        answer = await client.post(
            f"http://127.0.0.1:{live.port}/live/ticket",
            json={"projectId": project},
            headers=live.place.headers("mine/reader"),
        )
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["projectId"] == project
    return str(data["ticket"])


async def _get(live: Live, path: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer that ends."""
    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as client:
        return await client.get(f"http://127.0.0.1:{live.port}/live/{path}", headers=headers)


async def _head(live: Live, path: str, *, headers: dict[str, str] | None = None) -> int:
    """The status of an answer that does not end."""
    address = f"http://127.0.0.1:{live.port}/live/{path}"
    async with (
        httpx.AsyncClient(trust_env=False, timeout=WAIT_S) as client,
        client.stream("GET", address, headers=headers) as answer,
    ):
        return answer.status_code


async def test_while_a_store_is_away_watchers_are_told_to_try_later(live: Live) -> None:
    with Database("postgresql://nobody:nothing@127.0.0.1:1/none") as away:
        async with serving(replace(live.services, database=away)) as port:
            there = replace(live, port=port)
            answer = await _get(there, "visitors/mine", headers=live.place.headers("mine/reader"))
            with pytest.raises(InvalidStatus) as refused:
                async with there.socket("visitors/mine"):
                    pass

    assert (answer.status_code, refused.value.response.status_code) == (503, 503)
    assert json.loads(refused.value.response.body)["message"] == answer.json()["message"]


async def test_realtime_shows_who_is_here_and_is_told_when_that_changes(live: Live, shop: Place) -> None:
    """Row 26 of the feature table."""
    async with live.socket("visitors/shop", who="shop/reader") as socket:
        before = await said(socket)
        await live.come("a", "b", project="shop")
        after = await said(socket)

    now = await insight(shop, "realtime")

    assert (before, after) == ("0", "2")
    assert (now["visitors_now"], now["visitors"], now["sessions"], now["pageviews"]) == (1, 1, 1, 1)
    busy = [minute["date"] for minute in now["minutes"] if minute["pageviews"]]
    assert (len(now["minutes"]), busy) == (30, ["2026-03-01T20:58:00+09:00"])
    (point,) = now["coordinates"]
    assert point == {
        "latitude": 35.18, "longitude": 129.07, "country": "KR", "city": "Busan", "visitors": 1, "sessions": 1,
    }  # fmt: skip
    assert [(page["path"], page["pageviews"]) for page in now["paths"]] == [("/", 1)]
    assert [(each["id"], each["path"], each["os"]) for each in now["active"]] == [
        ("0000000000000004", "/", "iOS")
    ]
