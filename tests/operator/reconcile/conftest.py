"""A client of the API server, and namespaces, for tests of what runs against it."""

import asyncio
import itertools
import os
import random
from collections.abc import AsyncIterator, Callable

import kopf
import pytest

from openpanel_operator.kube import Kube
from openpanel_operator.kube.kinds import NAMESPACE
from tests.operator.control_plane import ApiServer
from tests.operator.reconcile.watched import Watched
from tests.operator.reconcile.worlds import Scene

_numbers = itertools.count(1)


def connection(server: ApiServer, *, token: str | None = None) -> kopf.ConnectionInfo:
    """How the API server is reached as its administrator."""
    return kopf.ConnectionInfo(
        server=server.url, ca_path=str(server.ca_file), token=server.token if token is None else token
    )


@pytest.fixture(autouse=True)
async def connections_end() -> AsyncIterator[None]:
    """A connection that was closed in the last moment gets the turns of the loop that it needs to end."""
    yield
    await asyncio.sleep(0.1)


@pytest.fixture
async def kube(api_server: ApiServer) -> AsyncIterator[Kube]:
    """The operator's own client, on the real API server."""

    async def connect() -> kopf.ConnectionInfo:
        return connection(api_server)

    async with Kube(connect, chance=random.Random(1).random) as kube:
        yield kube


@pytest.fixture
def fresh_name() -> Callable[[str], str]:
    """Names that no other test has."""
    return lambda prefix: f"{prefix}-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
async def namespace(kube: Kube, fresh_name: Callable[[str], str]) -> str:
    """A namespace of this test's own."""
    name = fresh_name("test")
    await kube.create(
        {"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": name}}
    )
    return name


@pytest.fixture
def scene(kube: Kube, namespace: str) -> Scene:
    """A namespace of this test's own with all that passes need."""
    return Scene(Watched(kube), namespace)
