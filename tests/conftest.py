"""The real engines for tests, started by the code of `openpanel up`, each once per test process when first asked.

What a test needs and the machine lacks skips it with a line that says what to install; with
`OPENPANEL_TEST_REQUIRE=all` every skip is a failure instead.

What hypothesis makes up is the same at every run, so that a red run is red again; other things are made up with
`--hypothesis-profile=new`.
"""

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from openpanel_local.engines import EngineMissingError, postgres, valkey
from openpanel_local.engines import clickhouse as clickhouse_engine

settings.register_profile("same", derandomize=True)
settings.register_profile("new", derandomize=False)
settings.load_profile("same")

_REQUIRE_ALL = os.environ.get("OPENPANEL_TEST_REQUIRE") == "all"

# Files that take half a minute and more, the longest first: where several processes share the tests by files, no
# process is left with one of them when the others are done.
_LONG_FILES = (
    "worker/test_process.py",
    "dashboard/test_screens.py",
    "local/test_up.py",
    "dashboard/test_accessibility.py",
    "worker/test_crashes.py",
    "whole/test_crashes.py",
    "dashboard/test_loading.py",
    "operator/reconcile/test_crash.py",
    "operator/reconcile/test_cluster.py",
    "operator/reconcile/test_project.py",
    "operator/reconcile/test_examples.py",
    "tenancy/test_removal.py",
    "api/ingest/test_direct.py",
    "analytics/test_behaviour_clustered.py",
)


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


@pytest.fixture
def postgres_url(postgres_database: Callable[[], str]) -> str:
    """A PostgreSQL database that is empty and this test's own, as an SQLAlchemy URL."""
    return postgres_database()


@pytest.fixture(scope="session")
def clickhouse(engine_folder: Path) -> Iterator[clickhouse_engine.ClickHouse]:
    """The embedded ClickHouse behind its HTTP front; `.url` has user and password."""
    with _or_skip(), clickhouse_engine.running(engine_folder / "clickhouse") as engine:
        yield engine


@pytest.fixture(scope="session")
def clickhouse_database(clickhouse: clickhouse_engine.ClickHouse) -> Callable[[], str]:
    """Makes an empty ClickHouse database at each call and gives its name."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        httpx.post(clickhouse.url, content=f"CREATE DATABASE {name}").raise_for_status()
        return name

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first (`_LONG_FILES`), everything else in its order."""
    tests = Path(__file__).parent
    rank = {tests / name: place for place, name in enumerate(_LONG_FILES)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


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
