"""A running committer on a pool of its own, a server that may be killed, and moments that last."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openpanel.stream import plan, scripts
from tests.stream.builders import LONG_MS, Stream, a_stream
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
    running.close()


@pytest.fixture
def long_moments() -> Iterator[None]:
    """What passes by itself after a moment, guards and wake-up flags, does so after hours: a pause makes no test red."""
    lasting = {"ORDER_MS": LONG_MS, "GUARD_MS": LONG_MS, "GUARD_WINDOW_MS": 2 * LONG_MS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "GUARD_MS", LONG_MS)
        for name, milliseconds in lasting.items():
            patch.setitem(scripts._CONSTANTS, name, milliseconds)
        _forget_scripts()
        yield
    _forget_scripts()


def _forget_scripts() -> None:
    scripts.text.cache_clear()
    scripts.digest.cache_clear()
