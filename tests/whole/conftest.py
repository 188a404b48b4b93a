"""The whole product, started once for these tests in a folder of its own on free ports."""

from collections.abc import Iterator

import pytest

from tests.whole.installation import Platform, free_ports, start


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An installation that was started for the first time."""
    platform = start(tmp_path_factory.mktemp("platform") / "data", ports=free_ports(3))
    yield platform
    platform.run("down")


@pytest.fixture(scope="module")
def platform(installed: Platform) -> Platform:
    """The installation, running; each module works on projects of its own."""
    if not installed.status().ready:  # the walk-through stops it at its end
        start(installed.data, ports=installed.ports)
    return installed
