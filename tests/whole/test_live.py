"""What a script sends is seen by who watches: from `/track` through the whole platform to a push."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.whole.installation import Credentials, Platform

WITHIN_S = 120  # for what takes less than a second on a machine that has time


@pytest.fixture(scope="module")
def clients(platform: Platform) -> dict[str, Credentials]:
    return dict(platform.project("watched"))


def test_an_event_is_pushed_to_who_watches(platform: Platform, clients: dict[str, Credentials]) -> None:
    with watching(platform, clients["reader"]) as pushed:
        assert [next(pushed), next(pushed)] == [("visitors", "0"), ("events", '{"count": 0}')]

        track(platform, clients["web"], "screen_view")
        came = {next(pushed), next(pushed)}

    assert came == {("visitors", "1"), ("events", '{"count": 1}')}


@contextmanager
def watching(platform: Platform, reader: Credentials) -> Iterator[Iterator[tuple[str, str]]]:
    """What is pushed about the project, from now on."""
    address = f"{platform.api_url}/live/watched/stream"
    with httpx.stream("GET", address, headers=reader.headers, timeout=WITHIN_S) as answer:
        assert answer.status_code == 200, answer.read()
        yield _pushed(answer.iter_lines())


def track(platform: Platform, web: Credentials, name: str) -> None:
    answer = httpx.post(
        f"{platform.ingest_url}/track",
        json={"type": "track", "payload": {"name": name, "properties": {"__path": "https://a.example/"}}},
        headers={**web.headers, "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/141.0"},
        timeout=WITHIN_S,
    )
    assert answer.status_code == 200, answer.text


def _pushed(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    name, deadline = "", time.monotonic() + WITHIN_S
    for line in lines:
        assert time.monotonic() < deadline, "nothing but a heartbeat came"
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, line.removeprefix("data: ")
