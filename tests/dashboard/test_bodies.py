"""What may be sent to the dashboard, and what a sender of something else is told."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from openpanel_dashboard.bodies import BODY_BYTES, BoundedBodies
from tests.dashboard.browsers import Browser
from tests.dashboard.markup import parse


def test_form_that_is_too_long_is_refused(stranger: Browser) -> None:
    answer = stranger.post("/preferences", data={"theme": "a" * BODY_BYTES})

    assert (answer.status_code, answer.text) == (413, "A form may have 65536 bytes.")
    assert answer.headers["connection"] == "close"


def test_file_that_is_too_long_is_refused_before_anybody_signs_in(stranger: Browser) -> None:
    answer = stranger.post("/sign-in", files={"token": ("a", b"a" * BODY_BYTES)})

    assert answer.status_code == 413


def test_file_in_the_place_of_a_text_gets_a_page_that_says_so(stranger: Browser) -> None:
    answer = stranger.post("/preferences", files={"theme": ("a.txt", b"dark")})

    page = parse(answer.text)
    assert answer.status_code == 400
    assert page.one("h1").text == "This could not be understood"
    assert "The page expects something else than was sent as: theme" in answer.text


async def test_form_that_does_not_come_whole_is_refused() -> None:
    pieces = [{"type": "http.request", "body": b"theme=", "more_body": True}]

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()
        return pieces.pop()

    async def read(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def send(_message: Message) -> None:
        raise AssertionError

    with pytest.raises(HTTPException) as refused:
        await BoundedBodies(read, seconds=0.05)({"type": "http"}, receive, send)

    assert refused.value.status_code == 408


async def test_leaving_is_waited_for_without_a_bound() -> None:
    gone = asyncio.Event()
    pieces: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]
    read: list[Message] = []

    async def receive() -> Message:
        if len(pieces) == 1:
            await gone.wait()
        return pieces.pop(0)

    async def watch(_scope: Scope, receive: Receive, _send: Send) -> None:
        read.append(await receive())
        leaving = asyncio.ensure_future(receive())
        await asyncio.wait([leaving], timeout=0.1)  # longer than a body may take
        gone.set()
        read.append(await leaving)

    async def send(_message: Message) -> None:
        raise AssertionError

    await BoundedBodies(watch, seconds=0.02)({"type": "http"}, receive, send)

    assert [message["type"] for message in read] == ["http.request", "http.disconnect"]
