"""A running ingest application on a pool of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openpanel_api.ingest import clients
from tests.api.ingest.rig import WAIT_SECONDS, Ingest, an_ingest


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is there is waited for: how fast the machine is decides nothing."""
    monkeypatch.setattr(clients, "REDIS_SECONDS", WAIT_SECONDS)


@pytest.fixture
async def ingest(valkey_url: str, tmp_path: Path) -> AsyncIterator[Ingest]:
    async with an_ingest(valkey_url, tmp_path) as running:
        yield running
