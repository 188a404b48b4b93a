"""Delivery of the demo's requests: repeated with the same key until acknowledged, and picked up after a break."""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from openpanel_local.demo.batches import Target
from openpanel_local.demo.run import Kept, Run, Wanted, resumed
from openpanel_local.demo.send import PATIENCE_S, Batch, NotAcknowledgedError, Sender

BATCH = Batch("/import/events", [{"name": "a"}, {"name": "b"}], 2, "key-1", {"openpanel-client-id": "x"})
TARGET = Target("https://northwind.example", {}, {})
NOW = 1_758_700_000_000

Answer = Callable[[httpx.Request], httpx.Response]


class Waits:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> float:
        return sum(self.waited)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


def sender(answer: Answer, waits: Waits | None = None) -> Sender:
    waits = waits or Waits()
    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://ingest")
    return Sender(client, random=lambda: 1.0, now=waits.now, sleep=waits.sleep)


def test_repeats_have_the_key_of_the_first_attempt() -> None:
    seen: list[tuple[str, bytes]] = []
    answers = iter([503, 502, 200])

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["idempotency-key"], request.content))
        return httpx.Response(next(answers))

    assert sender(answer).deliver(BATCH) == 2
    assert len(seen) == 3
    assert set(seen) == {("key-1", b'[{"name":"a"},{"name":"b"}]')}


def test_lost_connection_is_tried_again() -> None:
    attempts: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        attempts.append(1)
        if len(attempts) < 3:
            raise httpx.RemoteProtocolError("gone", request=request)
        return httpx.Response(200, text="OK")

    assert sender(answer).deliver(BATCH) == 2


def test_waits_as_long_as_it_is_told() -> None:
    waits = Waits()
    answers = iter([httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(200)])

    sender(lambda _: next(answers), waits).deliver(BATCH)

    assert waits.waited == [7]


def test_patience_ends_with_the_last_answer() -> None:
    waits = Waits()

    with pytest.raises(NotAcknowledgedError, match="503 full"):
        sender(lambda _: httpx.Response(503, text="full"), waits).deliver(BATCH)

    assert PATIENCE_S < waits.now() < PATIENCE_S + 10


def test_refusal_is_final() -> None:
    waits = Waits()

    with pytest.raises(NotAcknowledgedError, match="401: Invalid client id"):
        sender(lambda _: httpx.Response(401, text="Invalid client id"), waits).deliver(BATCH)

    assert waits.waited == []


def test_refused_message_of_a_batch_is_no_success() -> None:
    told = {"accepted": 1, "rejected": 1, "results": [{"index": 0}, {"index": 1, "message": "name is empty"}]}

    with pytest.raises(NotAcknowledgedError, match="refused 1 messages: name is empty"):
        sender(lambda _: httpx.Response(200, json=told)).deliver(BATCH)


def test_broken_run_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    file, wanted = tmp_path / "shop.json", Wanted("shop", 1, 10, 400)
    whole = _requests(tmp_path / "whole.json", wanted, breaks_after=10_000)

    first = _requests(file, wanted, breaks_after=2)
    second = _requests(file, wanted, breaks_after=10_000)

    assert len(first) == 3  # the third was not acknowledged
    assert first[:2] + second == whole
    assert second[0] == first[2]
    assert not file.exists()


def test_other_size_is_another_run(tmp_path: Path) -> None:
    file, wanted = tmp_path / "shop.json", Wanted("shop", 1, 10, 400)
    _requests(file, wanted, breaks_after=1)

    assert resumed(file, wanted, now_ms=NOW + 60_000).until_ms == NOW
    assert resumed(file, Wanted("shop", 2, 10, 400), now_ms=NOW + 60_000) == Kept(
        Wanted("shop", 2, 10, 400), until_ms=NOW + 60_000
    )
    assert resumed(file, wanted, now_ms=NOW + 90_000_000).requests == 0


def _requests(file: Path, wanted: Wanted, *, breaks_after: int) -> list[tuple[str, bytes]]:
    """Key and body of each request that a run makes until it breaks or is complete."""
    seen: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["idempotency-key"], request.content))
        return httpx.Response(200 if len(seen) <= breaks_after else 400)

    run = Run(
        file,
        resumed(file, wanted, now_ms=NOW),
        sender=sender(answer),
        target=TARGET,
        zone=ZoneInfo("UTC"),
        now_ms=lambda: NOW + 5_000,
    )
    try:
        run.complete(lambda _through, _all: None)
    except NotAcknowledgedError:
        assert len(seen) == breaks_after + 1
    return seen
