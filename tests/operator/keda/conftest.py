"""KEDA for the tests of this room: its definitions always, its processes where `make keda` has built them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.operator.control_plane import ApiServer
from tests.operator.keda.definitions import Definition, definitions, install
from tests.operator.keda.programs import Keda, keda_running
from tests.operator.reconcile.conftest import (  # noqa: F401 - fixtures, by their names
    connections_end,
    fresh_name,
    kube,
    namespace,
    scene,
)

PROGRAMS = os.environ.get("OPENPANEL_KEDA", "")
# Building them takes minutes, so this is no part of `make test`: `make keda` builds them and says where they are.
collect_ignore = [] if PROGRAMS else ["test_scaling.py"]


@pytest.fixture(scope="session")
def keda_definitions() -> list[Definition]:
    """What KEDA brings, word for word."""
    if shutil.which("go") is None:
        pytest.skip("KEDA's definitions are in its Go module: install Go (https://go.dev/dl)")
    return definitions()


@pytest.fixture(scope="session")
def keda(
    api_server: ApiServer,
    kubernetes: httpx.Client,
    keda_definitions: list[Definition],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Keda]:
    """KEDA for every namespace of the API server, which ends soon after it."""
    install(kubernetes, keda_definitions)
    folder = tmp_path_factory.mktemp("keda")
    with keda_running(folder, programs=Path(PROGRAMS), server=api_server) as keda:
        yield keda
