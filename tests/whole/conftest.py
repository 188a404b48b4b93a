"""The whole product, started once for these tests in a folder of its own on free ports."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.stream.ports import reserved_port
from tests.whole.installation import Platform, start


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An installation that was started for the first time."""
    with ExitStack() as own:
        ports = [own.enter_context(reserved_port()) for _ in range(3)]  # also while it does not run
        platform = start(tmp_path_factory.mktemp("platform") / "data", ports=ports)
        yield platform
        platform.run("down")


@pytest.fixture(scope="module")
def platform(installed: Platform) -> Platform:
    """The installation, running; each module works on projects of its own."""
    if not installed.status().ready:  # the walk-through stops it at its end
        start(installed.data, ports=installed.ports)
    return installed
