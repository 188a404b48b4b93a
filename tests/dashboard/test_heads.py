"""HEAD is answered wherever GET is, as programs that watch over a site and proxies ask."""

import asyncio
import json

import httpx
import pytest
from fastapi import FastAPI

from openpanel_dashboard import assets
from tests.dashboard.browsers import ORIGIN, Browser
from tests.dashboard.conftest import World
from tests.dashboard.test_fragments import member_of

BUILT = json.loads((assets.FOLDER / "manifest.json").read_text()) if assets.FOLDER.is_dir() else {}


async def exchanged(app: FastAPI, world: World, path: str, **headers: str) -> list[httpx.Response]:
    """The answers to GET and to HEAD."""
    async with member_of(world, app) as client:
        return [await client.request(method, path, headers=headers) for method in ("GET", "HEAD")]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/healthz/live",
        "/healthz/ready",
        "/sign-in?token=a",
        "/sign-in",
        "/no/such",
        "/o/acme/p/shop/overview",
        "/o/acme/p/shop/overview?range=today",
        "/o/acme/p/shop/overview/panel/pages?range=7d",
        "/o/acme/p/shop/overview/file/kpis.csv?range=7d",
        "/o/acme/p/shop/overview/suggest?q=doc",
        "/o/acme/p/nowhere/overview",
        "/static/none.js",
        *(f"/static/{name}" for name in sorted(BUILT.values()) if "." in name),
    ],
)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_head_is_that_of_get_without_its_body(world: World, path: str, encoding: str) -> None:
    got, head = await exchanged(world.app(), world, path, **{"accept-encoding": encoding})

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers == got.headers


async def test_stream_is_left_at_its_head(world: World) -> None:
    async with member_of(world, world.app()) as client:
        async with asyncio.timeout(100):
            answer = await client.head(world.address("/live"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_stranger_learns_no_more_by_head(world: World, stranger: Browser) -> None:
    answer = stranger.head(world.address())

    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={world.address()}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/sign-in", "GET, HEAD, POST"),
        ("HEAD", "/sign-out", "POST"),
        ("DELETE", "/", "GET, HEAD"),
        ("PUT", "/static/main.js", "GET, HEAD"),
    ],
)
async def test_method_that_is_not_allowed_is_told_all_that_are(
    world: World, method: str, path: str, allowed: str
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app()), base_url=ORIGIN) as client:
        answer = await client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
