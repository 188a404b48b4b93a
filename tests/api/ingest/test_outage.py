"""Redis away or full: nothing that was answered with 200 is lost, and nothing else is said to be kept."""

import contextlib
from pathlib import Path

import pytest

from openpanel_api.ingest import clients
from openpanel_local.engines import valkey
from tests.api.ingest.rig import UNKNOWN, an_event, an_ingest
from tests.stream.ports import reserved_port


async def test_full_stream_asks_to_come_back(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, high_water=3) as ingest:
        answers = [await ingest.track(n=n) for n in range(5)]
        batch = await ingest.post("/track/batch", [an_event()])

        assert [answer.status for answer in answers] == [200, 200, 200, 503, 503]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert answers[-1].json["error"] == "Service Unavailable"
        assert batch.status == 503
        assert len(await ingest.kept()) == 3


async def test_calls_are_taken_while_redis_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "valkey"
    with reserved_port() as port, contextlib.ExitStack() as first:
        engine = first.enter_context(valkey.running(folder, port=port))
        async with an_ingest(engine.url, tmp_path) as ingest:
            before = await ingest.track()
            first.close()
            monkeypatch.setattr(clients, "REDIS_SECONDS", 0.1)  # nobody is there to wait for
            away = [await ingest.track(n=n) for n in range(3)]
            unknown = await ingest.track({"openpanel-client-id": UNKNOWN})
            spooled = ingest.parts.lanes.spooled_bytes
            with valkey.running(folder, port=port):
                kept = await ingest.kept_when_complete(4)

    assert [answer.status for answer in away] == [200, 200, 200]
    assert {answer.json["deviceId"] for answer in away} == {before.json["deviceId"]}
    assert unknown.status == 401
    assert spooled > 0
    assert len(kept) == 4
