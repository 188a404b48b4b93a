"""`python -m openpanel_api` as it runs: two processes on one port, news of changes, and an end in good order."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis

from openpanel.identity.credentials import hash_secret
from openpanel.metadata import Database, NewClient, ProjectRecord, clients, migrate, organizations, projects
from openpanel.stream.drain import depth
from openpanel.stream.keys import Pool
from openpanel_local.engines import process
from openpanel_local.engines.command import Command
from tests.api.ingest.rig import CHROME, SECRET, WRITE, an_event
from tests.stream.ports import reserved_port

POOL = f"process-{os.getpid()}"
HEADERS = {"openpanel-client-id": WRITE, "openpanel-client-secret": SECRET, "user-agent": CHROME}
TOLD_SECONDS = 30.0  # for a change to be heard; who hears nothing reads a client again after twice that
ANSWER_SECONDS = 60.0
STOP_SECONDS = 5.0  # of one process
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def database(postgres_database: Callable[[], str]) -> str:
    url = postgres_database()
    migrate(url)
    with Database(url) as opened:
        organizations.ensure(opened, organization="acme", name="Acme")
        projects.put(
            opened, wanted=ProjectRecord("demo", "Demo", "acme", cors=("https://example.com",), pool=POOL)
        )
        web = NewClient(WRITE, "web", "demo", "acme", "write", hash_secret(SECRET))
        clients.create(opened, client=web, at=datetime.now(UTC))
    return url


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of both processes; nobody else is given it meanwhile."""
    with reserved_port() as number:
        yield number


@pytest.fixture(scope="module")
def environment(
    valkey_url: str, database: str, tmp_path_factory: pytest.TempPathFactory, port: int
) -> dict[str, str]:
    told = {
        "redis_url": valkey_url,
        "postgres_url": database,
        "api_role": "ingest",
        "ingest_port": str(port),
        "pool": POOL,
        "spool_dir": str(tmp_path_factory.mktemp("process") / "spool"),
    }
    return {f"OPENPANEL_{name.upper()}": value for name, value in told.items()}


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[None]:
    """One process of the service; on leaving it was asked to stop, and did."""
    command = Command(
        name="api",
        argv=(sys.executable, "-m", "openpanel_api"),
        cwd=ROOT,
        log=log,
        stop_signal=signal.SIGTERM,
        env=environment,
    )
    with process.running(
        command, ready=lambda: '"serving"' in log.read_text() and ready(address(environment))
    ):
        yield
    assert '"stopped"' in log.read_text()


def address(environment: dict[str, str]) -> str:
    return f"http://127.0.0.1:{environment['OPENPANEL_INGEST_PORT']}"


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz/ready", timeout=ANSWER_SECONDS).status_code == 200
    except httpx.TransportError:
        return False


def track(url: str, number: int) -> int:
    answer = httpx.post(f"{url}/track", json=an_event(n=number), headers=HEADERS, timeout=ANSWER_SECONDS)
    return answer.status_code


def until(happened: Callable[[], bool], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline


def test_whole_life_of_two_processes(
    environment: dict[str, str], database: str, valkey_url: str, tmp_path: Path
) -> None:
    url = address(environment)
    with ExitStack() as stack, redis.Redis.from_url(valkey_url) as store:
        for name in ("one", "two"):
            stack.enter_context(running(environment, tmp_path / name))

        assert {track(url, number) for number in range(20)} == {200}
        until(lambda: depth(store, pool=Pool(POOL, 1)) >= 20, within_s=ANSWER_SECONDS)
        assert store.blpop([f"rq:queue:drain-{POOL}"], timeout=ANSWER_SECONDS)
        metrics = httpx.get(f"{url}/metrics", timeout=ANSWER_SECONDS)
        assert "openpanel_ingest_messages_accepted_total" in metrics.text

        with Database(database) as opened:
            clients.revoke(opened, client_id=WRITE, at=datetime.now(UTC))
        store.publish("op:changes", f"client:{WRITE}")
        until(lambda: {track(url, number) for number in range(20)} == {401}, within_s=TOLD_SECONDS)

        began = time.monotonic()
        stack.close()
        assert time.monotonic() - began < STOP_SECONDS * 2
    assert list(Path(environment["OPENPANEL_SPOOL_DIR"]).glob("*.spool")) == []
