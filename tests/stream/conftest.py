"""A running committer on a pool of its own, and a server that may be killed."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.stream.builders import Stream, a_stream
from tests.stream.servers import Server


@pytest.fixture
async def stream(valkey_url: str, tmp_path: Path) -> AsyncIterator[Stream]:
    """A pool with one shard and a running committer."""
    async with a_stream(valkey_url, tmp_path) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Valkey of this test alone."""
    running = Server(tmp_path / "valkey")
    yield running
    running.stop()
