"""A running ingest application on a pool of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.ingest.rig import Ingest, an_ingest


@pytest.fixture
async def ingest(valkey_url: str, tmp_path: Path) -> AsyncIterator[Ingest]:
    async with an_ingest(valkey_url, tmp_path) as running:
        yield running
