"""What a real API server cannot be told to do: 409, 429, 503 and lost answers, from one that keeps objects and misbehaves."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import kmock
import kopf
import pytest
from aiohttp import web

from openpanel_operator.kube import Conflict, Index, Key, Kube
from openpanel_operator.kube.kinds import CONFIG_MAP
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.reconcile.applying import Applier

PANEL = Key("PanelCluster", "ns", "panel")


class Applying(kmock.KubernetesEmulator):
    """The emulator, with server-side apply of objects that are not there yet, versions and field managers."""

    _version = 0

    async def _handle(self, request: Any) -> Any:
        apply = request.headers.get("Content-Type", "").startswith("application/apply-patch")
        if apply and request.method == "PATCH":
            body = dict(request.data)
            key = (
                f"{body['apiVersion']}/configmaps",
                body["metadata"]["namespace"],
                body["metadata"]["name"],
            )
            type(self)._version += 1
            fields: Object = {"f:data": {f"f:{name}": {} for name in body.get("data", {})}}
            labels: Object = {f"f:{name}": {} for name in body["metadata"].get("labels", {})}
            fields["f:metadata"] = {"f:labels": labels}
            mine = {"manager": "openpanel-operator", "operation": "Apply", "fieldsV1": fields}
            meta = body["metadata"] | {
                "uid": f"uid-{body['metadata']['name']}",
                "resourceVersion": str(self._version),
                "managedFields": [mine],
            }
            self.objects[key] = body | {"metadata": meta}
        return await super()._handle(request)


class Conflicting(Applying):
    """The same, where the first write meets a conflict and leaves nothing behind."""

    _met = False

    async def _handle(self, request: Any) -> Any:
        if request.method == "PATCH" and not self._met:
            self._met = True
            told = {"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409}
            return web.json_response(told, status=409)
        return await super()._handle(request)


def config_map(name: str, **data: str) -> Object:
    labels = {"app.kubernetes.io/managed-by": "openpanel-operator", "openpanel.dev/cluster": "panel"}
    meta = {"name": name, "namespace": "ns", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


@pytest.fixture
async def kube(kmock: Any) -> AsyncIterator[Kube]:
    kmock.resources["v1/configmaps"] = {"kind": "ConfigMap", "namespaced": True}

    async def connect() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=str(kmock.url))

    async with Kube(connect, chance=random.Random(1).random) as client:
        yield client


@pytest.fixture
def drifted() -> Counter[str]:
    return Counter()


@pytest.fixture
def applier(kube: Kube, drifted: Counter[str]) -> Applier:
    return Applier(kube, Index(), drifted=lambda kind: drifted.update([kind]))


pytestmark = pytest.mark.kmock(cls=Applying)


@pytest.mark.parametrize("code", [429, 500, 502, 503])
async def test_write_that_was_not_taken_is_repeated(kmock: Any, applier: Applier, code: int) -> None:
    kmock["patch"][:2] << code

    changes = await applier.apply([config_map("one", a="1")], owner=PANEL)

    assert [str(change) for change in changes] == ["created ConfigMap one"]
    assert kmock.objects["v1/configmaps", "ns", "one"] >= {"data": {"a": "1"}}


@pytest.mark.kmock(cls=Conflicting)
async def test_conflict_is_told_and_the_next_call_succeeds(kmock: Any, applier: Applier) -> None:
    with pytest.raises(Conflict):
        await applier.apply([config_map("one", a="1"), config_map("two", a="1")], owner=PANEL)
    assert dict(kmock.objects) == {}  # nothing is sent again by itself: somebody changed what it was made of

    changes = await applier.apply([config_map("one", a="1"), config_map("two", a="1")], owner=PANEL)
    assert [str(change) for change in changes] == ["created ConfigMap one", "created ConfigMap two"]


async def test_second_pass_writes_nothing(kmock: Any, applier: Applier) -> None:
    await applier.apply([config_map("one", a="1")], owner=PANEL)
    writes = len(kmock["patch"])

    assert await applier.apply([config_map("one", a="1")], owner=PANEL) == []

    assert len(kmock["patch"]) == writes


async def test_list_that_fails_deletes_nothing(kmock: Any, kube: Kube, applier: Applier) -> None:
    await applier.apply([config_map("one", a="1"), config_map("two", a="1")], owner=PANEL)
    kmock["get"] << 503

    await applier.prune(owner=PANEL, keep={Ref(CONFIG_MAP, "ns", "one"), Ref(CONFIG_MAP, "ns", "two")})

    assert len(kmock["delete"]) == 0
