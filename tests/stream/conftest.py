"""A running committer on a pool of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stream.builders import Stream, a_stream


@pytest.fixture
async def stream(valkey_url: str, tmp_path: Path) -> AsyncIterator[Stream]:
    """A pool with one shard and a running committer."""
    async with a_stream(valkey_url, tmp_path) as running:
        yield running
