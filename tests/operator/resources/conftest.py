"""The API server with a namespace of this room's own, so that its dry runs meet nobody else's resources."""

from collections.abc import Iterator

import httpx
import pytest

from tests.operator.control_plane import ApiServer
from tests.operator.resources.asking import NAMESPACE


@pytest.fixture(scope="session")
def kubernetes(api_server: ApiServer) -> Iterator[httpx.Client]:
    """An HTTP client of the API server, as its administrator."""
    with api_server.client() as client:
        client.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}).raise_for_status()
        yield client
