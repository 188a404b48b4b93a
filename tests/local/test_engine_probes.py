"""The probes without drivers, against the real engines."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from openpanel_local.engine_probes import postgres_takes, valkey_answers
from openpanel_local.engines import free_port
from openpanel_local.supervise.program import Probe

HOST = "127.0.0.1"


async def answers_yes(probe: Probe) -> None:
    """Sooner or later: to a probe an answer that takes long is a no, and the machine may be busy."""
    async with asyncio.timeout(60):
        while not await probe(0):  # noqa: ASYNC110 - what is asked is another process
            await asyncio.sleep(0.1)


async def test_valkey_is_ready_behind_its_password(valkey_url: str, tmp_path: Path) -> None:
    address = urlsplit(valkey_url)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(f"{address.password}\n")
    wrong.write_text("guess\n")

    await answers_yes(valkey_answers(HOST, address.port or 0, password_file=right))
    assert not await valkey_answers(HOST, address.port or 0, password_file=wrong)(0)


async def test_postgres_is_ready_when_it_asks_for_the_password(postgres_database: Callable[[], str]) -> None:
    port = urlsplit(postgres_database()).port or 0

    await answers_yes(postgres_takes(HOST, port))


async def test_nobody_there_is_not_ready(tmp_path: Path) -> None:
    assert not await postgres_takes(HOST, free_port())(0)
    assert not await valkey_answers(HOST, free_port(), password_file=tmp_path / "missing")(0)
