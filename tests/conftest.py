"""The real engines for tests, started by the code of `openpanel up`, each once per test process when first asked.

They are killed at the end: what they would write then takes seconds, and is thrown away.

What a test needs and the machine lacks skips it with a line that says what to install; with
`OPENPANEL_TEST_REQUIRE=all` every skip is a failure instead.

What hypothesis makes up is the same at every run, so that a red run is red again; other things are made up with
`--hypothesis-profile=new`.
"""

import contextlib
import gc
import inspect
import itertools
import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings

from openpanel_local.engines import EngineMissingError, postgres, valkey
from openpanel_local.engines import clickhouse as clickhouse_engine
from tests import order

# How fast the machine is makes no test red.
for _profile, _same in (("same", True), ("new", False)):
    settings.register_profile(
        _profile, derandomize=_same, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile("same")
# What httpx waits for where nothing is said: five seconds, in one object for all its functions.
_unless_told = inspect.signature(httpx.Client).parameters["timeout"].default
for _part in ("connect", "read", "write", "pool"):
    setattr(_unless_told, _part, 100.0)

_REQUIRE_ALL = os.environ.get("OPENPANEL_TEST_REQUIRE") == "all"


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the engines of this test process keep their data, removed at the end: it is tens of megabytes."""
    folder = tmp_path_factory.mktemp("engines")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey_url(engine_folder: Path) -> Iterator[str]:
    """A Valkey with an append-only file, as `openpanel up` runs it. Tests use keys of their own."""
    with _or_skip(), valkey.running(engine_folder / "valkey") as engine:
        yield engine.url
        os.kill(engine.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def postgres_database(engine_folder: Path) -> Iterator[Callable[[], str]]:
    """Makes an empty database at each call and gives its SQLAlchemy URL."""
    with _or_skip(), postgres.running(engine_folder / "postgres") as engine:
        numbers = itertools.count(1)

        def make() -> str:
            name = f"test_{next(numbers)}"
            with postgres.connect(engine.url) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            return postgres.url(engine_folder / "postgres", port=engine.port, database=name)

        yield make
        os.kill(engine.pid, signal.SIGQUIT)  # its processes end with it, and nothing is written any more


@pytest.fixture
def postgres_url(postgres_database: Callable[[], str]) -> str:
    """A PostgreSQL database that is empty and this test's own, as an SQLAlchemy URL."""
    return postgres_database()


@pytest.fixture(scope="session")
def clickhouse(engine_folder: Path) -> Iterator[clickhouse_engine.ClickHouse]:
    """The embedded ClickHouse behind its HTTP front; `.url` has user and password."""
    with _or_skip(), clickhouse_engine.running(engine_folder / "clickhouse") as engine:
        yield engine
        os.kill(engine.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def clickhouse_database(clickhouse: clickhouse_engine.ClickHouse) -> Callable[[], str]:
    """Makes an empty ClickHouse database at each call and gives its name."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        httpx.post(clickhouse.url, content=f"CREATE DATABASE {name}").raise_for_status()
        return name

    return make


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded for the tests stays: the collector looks at it once, not each time it has grown by a quarter."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first, everything else in its order."""
    items.sort(key=lambda item: order.rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> order.ByFile | None:
    """Where several processes take file by file, what shares something is one process's."""
    return order.ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@contextlib.contextmanager
def _or_skip() -> Iterator[None]:
    try:
        yield
    except EngineMissingError as missing:
        pytest.skip(str(missing))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under `OPENPANEL_TEST_REQUIRE=all` a test that skips has failed."""
    report = yield
    _make_skip_a_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips as a whole."""
    report = yield
    _make_skip_a_failure(report)
    return report


def _make_skip_a_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    if _REQUIRE_ALL and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and OPENPANEL_TEST_REQUIRE=all forbids that: {report.longrepr}"
