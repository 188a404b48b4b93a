"""The rung "API server": a real one for tests of the operator, started once per test process when first asked."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.operator.control_plane import ApiServer, api_server_running, apply_crds

BINARIES = ("etcd", "kube-apiserver")


@pytest.fixture(scope="session")
def kubebuilder_assets() -> Path:
    """The folder with etcd and kube-apiserver."""
    folder = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nowhere"))
    if not all((folder / name).is_file() for name in BINARIES):
        pytest.skip(
            "no API server: point KUBEBUILDER_ASSETS to etcd and kube-apiserver (setup-envtest use -p path)"
        )
    return folder


@pytest.fixture(scope="session")
def api_server(kubebuilder_assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that knows our CRDs. Its data outlives a test: use a namespace of your own."""
    folder = tmp_path_factory.mktemp("api-server")
    with api_server_running(folder, binaries=kubebuilder_assets) as server:
        apply_crds(server)
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kubernetes(api_server: ApiServer) -> Iterator[httpx.Client]:
    """An HTTP client of the API server, as its administrator."""
    with api_server.client() as client:
        yield client
