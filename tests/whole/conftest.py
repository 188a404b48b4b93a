"""The whole product, started once for these tests in a folder of its own on free ports."""

from collections.abc import Iterator

import pytest

from tests.whole.installation import Platform, free_ports, start


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("platform") / "data"
    running = start(data, ports=free_ports(3))
    yield running
    running.run("down")
