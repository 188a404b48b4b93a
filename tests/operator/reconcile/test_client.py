"""The thin client against the real API server, and against one that misbehaves."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp.web
import kopf
import pytest

from openpanel_operator.kube import Absent, Conflict, Expired, Kube, Refused, Unavailable, Unknown
from openpanel_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, SECRET, Kind
from openpanel_operator.kube.objects import Object, Ref
from tests.operator.control_plane import ApiServer
from tests.operator.reconcile.waiting import until

Handler = Callable[[aiohttp.web.Request], aiohttp.web.Response]


def config_map(namespace: str, name: str = "one", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


async def test_applied_object_is_found_changed_and_deleted(kube: Kube, namespace: str) -> None:
    made = await kube.apply(config_map(namespace, a="1"))
    changed = await kube.apply(config_map(namespace, b="2"))
    ref = Ref(CONFIG_MAP, namespace, "one")

    assert made["data"] == {"a": "1"}
    assert changed["data"] == {"b": "2"}
    assert (await kube.get(CONFIG_MAP, "one", namespace=namespace) or {})["data"] == {"b": "2"}
    assert await kube.delete(ref, uid=made["metadata"]["uid"])
    assert await kube.get(CONFIG_MAP, "one", namespace=namespace) is None
    assert not await kube.delete(ref)


async def test_other_object_of_the_same_name_is_not_deleted(kube: Kube, namespace: str) -> None:
    await kube.apply(config_map(namespace, a="1"))

    with pytest.raises(Conflict):
        await kube.delete(Ref(CONFIG_MAP, namespace, "one"), uid="00000000-0000-0000-0000-000000000000")

    assert await kube.get(CONFIG_MAP, "one", namespace=namespace) is not None


async def test_errors_say_what_to_do(kube: Kube, namespace: str) -> None:
    await kube.create(config_map(namespace))

    with pytest.raises(Conflict):
        await kube.create(config_map(namespace))
    with pytest.raises(Refused):
        await kube.apply(config_map(namespace, name="Not A Name"))
    with pytest.raises(Absent):
        await kube.patch(Ref(CONFIG_MAP, namespace, "nobody"), {"data": {"a": "1"}})
    with pytest.raises(Unknown):
        await kube.listed(Kind("example.org/v1", "Nothing", "nothings"))


async def test_only_kinds_that_are_there_are_served(kube: Kube) -> None:
    assert await kube.served(DEPLOYMENT)
    assert not await kube.served(Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"))


async def test_watch_tells_what_the_selector_lets_through(kube: Kube, namespace: str) -> None:
    *_, (_, since) = [page async for page in kube.pages(SECRET, namespace=namespace)]
    for name, labels in (("mine", {"a": "b"}), ("other", {})):
        await kube.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
            }
        )

    async with asyncio.timeout(60):
        watch = kube.watch(SECRET, namespace=namespace, selector="a=b", since=since)
        what, body = await anext(watch)
        await watch.aclose()  # type: ignore[attr-defined]  # it is a generator

    assert (what, body["metadata"]["name"]) == ("ADDED", "mine")


async def test_long_lists_come_in_pages(kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openpanel_operator.kube.client.PAGE", 2)
    for number in range(5):
        await kube.apply(config_map(namespace, name=f"map-{number}"))

    pages = [len(items) async for items, _ in kube.pages(CONFIG_MAP, namespace=namespace)]

    assert pages[:2] == [2, 2]
    assert sum(pages) in {5, 6}  # a controller manager, if there is one, adds kube-root-ca.crt


async def test_token_that_is_no_longer_taken_is_read_again(api_server: ApiServer) -> None:
    tokens = iter(["old", api_server.token])

    async def connect() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=api_server.url, ca_path=str(api_server.ca_file), token=next(tokens))

    async with Kube(connect, chance=random.random) as kube:
        assert await kube.served(DEPLOYMENT)


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[Kube]:
    """A client of a server that answers like that."""

    async def handle(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return handler(request)

    app = aiohttp.web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    async def connect() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=f"http://127.0.0.1:{port}")

    try:
        async with Kube(connect, chance=lambda: 0.0) as kube:
            yield kube
    finally:
        await runner.cleanup()


def status(code: int, reason: str) -> aiohttp.web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": reason}
    return aiohttp.web.json_response(body, status=code, headers={"Retry-After": "1"})


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_server_that_is_busy_is_asked_again(code: int) -> None:
    answers = iter([status(code, "Busy"), aiohttp.web.json_response({"metadata": {"name": "one"}})])

    async with answering(lambda _: next(answers)) as kube:
        assert await kube.get(CONFIG_MAP, "one", namespace="a") == {"metadata": {"name": "one"}}


async def test_all_calls_wait_when_one_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    loop = asyncio.get_running_loop()

    def handle(request: aiohttp.web.Request) -> aiohttp.web.Response:
        asked.append(loop.time())
        return status(429, "TooManyRequests") if len(asked) == 1 else aiohttp.web.json_response({})

    async with answering(handle) as kube:
        first = asyncio.create_task(kube.get(CONFIG_MAP, "one", namespace="a"))
        await until(lambda: bool(asked))
        await until(lambda: kube._not_before > 0.0)  # the answer has arrived, and everybody knows
        await asyncio.gather(first, *(kube.get(CONFIG_MAP, str(n), namespace="a") for n in range(5)))

    assert min(asked[1:]) - asked[0] >= 0.9


async def test_server_that_stays_away_is_told_so() -> None:
    async def connect() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server="http://127.0.0.1:9")

    async with Kube(connect, chance=lambda: 0.0) as kube:
        with pytest.raises(Unavailable, match="does not answer"):
            await kube.get(CONFIG_MAP, "one", namespace="a")


async def test_plain_404_is_not_taken_for_an_absent_object() -> None:
    async with answering(lambda _: aiohttp.web.Response(status=404, text="404 page not found")) as kube:
        with pytest.raises(Unknown):
            await kube.get(CONFIG_MAP, "one", namespace="a")


async def test_quota_is_a_refusal_and_no_matter_of_rights() -> None:
    body = {
        "kind": "Status",
        "message": 'pods "x" is forbidden: exceeded quota: small',
        "reason": "Forbidden",
    }

    async with answering(lambda _: aiohttp.web.json_response(body, status=403)) as kube:
        with pytest.raises(Refused, match="exceeded quota"):
            await kube.apply(config_map("a"))


async def test_watch_from_a_forgotten_version_is_told_so() -> None:
    event = {
        "type": "ERROR",
        "object": {"kind": "Status", "code": 410, "message": "too old resource version"},
    }

    async with answering(lambda _: aiohttp.web.Response(text=json.dumps(event) + "\n")) as kube:
        with pytest.raises(Expired, match="too old"):
            async for _ in kube.watch(CONFIG_MAP, namespace="a", selector="", since="1"):
                pass
