"""Pods that a quota keeps from being made: named with the controller's own words, and well again when there is room."""

import contextlib
from typing import Any

import pytest

from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import DEPLOYMENT, JOB, STATEFUL_SET, Kind
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.reconcile.reconciling import Failed
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project, serve, served_status

QUOTA = (
    'pods "x" is forbidden: exceeded quota: small, requested: limits.cpu=2, used: limits.cpu=1, limited: 2'
)
NOBODY: dict[str, Any] = {"replicas": 0, "readyReplicas": 0, "updatedReplicas": 0, "availableReplicas": 0}


async def no_pods(scene: Scene, kind: Kind, name: str, **more: Any) -> None:
    """What the status of a workload says whose controller may make no pods."""
    body = await scene.kube.get(kind, name, namespace=scene.namespace)
    assert body is not None
    status = {**served_status(body), **NOBODY, **more}
    ref = Ref(kind, scene.namespace, name)
    await scene.kube._inner.patch(ref, {"status": status}, sub="status", by="kubelet")


async def tell(scene: Scene, kind: Kind, about: str, *, reason: str, message: str, at: str) -> None:
    event: Object = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about}.{reason.lower()}", "namespace": scene.namespace},
        "involvedObject": {"kind": kind.name, "name": about, "namespace": scene.namespace},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "firstTimestamp": at,
        "lastTimestamp": at,
    }
    await scene.kube._inner.create(event)


async def test_quota_that_stops_a_deployment_is_named_and_heals(scene: Scene) -> None:
    panel = await make_cluster(scene)
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(panel, shop)
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": QUOTA,
    }
    await no_pods(scene, DEPLOYMENT, "shop-ingest", conditions=[failure])

    await scene.reconcile(shop)

    for type_ in ("IngestReady", "Ready"):
        condition = await scene.condition(shop, type_)
        assert (condition["status"], condition["reason"]) == ("False", "QuotaExceeded")
        assert "exceeded quota: small" in condition["message"]

    await no_pods(scene, DEPLOYMENT, "shop-ingest", conditions=[])
    await serve(scene.kube, [scene.namespace])
    await scene.reconcile(shop)
    assert (await scene.condition(shop, "Ready"))["status"] == "True"


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster whose stores are not started yet."""
    key = await make_cluster(scene)
    with contextlib.suppress(Failed):
        await scene.reconcile(key)
    return key


async def test_quota_that_stops_a_store_is_named_until_a_pod_was_made(scene: Scene, panel: Key) -> None:
    await no_pods(scene, STATEFUL_SET, "panel-redis")
    words = f"create Pod panel-redis-0 in StatefulSet panel-redis failed error: {QUOTA}"
    await tell(
        scene, STATEFUL_SET, "panel-redis", reason="FailedCreate", message=words, at="2026-03-01T12:00:00Z"
    )

    await scene.reconcile(panel)

    condition = await scene.condition(panel, "RedisReady")
    assert (condition["status"], condition["reason"]) == ("False", "QuotaExceeded")
    assert "exceeded quota: small" in condition["message"]

    await tell(
        scene,
        STATEFUL_SET,
        "panel-redis",
        reason="SuccessfulCreate",
        message="create Pod panel-redis-0 in StatefulSet panel-redis successful",
        at="2026-03-01T12:05:00Z",
    )
    await scene.reconcile(panel)
    assert (await scene.condition(panel, "RedisReady"))["reason"] == "WaitingForPods"


async def test_quota_that_stops_the_migration_is_named(scene: Scene, panel: Key) -> None:
    for kind in (DEPLOYMENT, STATEFUL_SET):
        for body in await scene.kube.listed(kind, namespace=scene.namespace):
            ref = Ref(kind, scene.namespace, body["metadata"]["name"])
            await scene.kube._inner.patch(ref, {"status": served_status(body)}, sub="status", by="kubelet")
    await scene.reconcile(panel)
    (job,) = await scene.kube.listed(JOB, namespace=scene.namespace)
    name = job["metadata"]["name"]
    assert (await scene.condition(panel, "SchemaInSync"))["reason"] == "Migrating"

    await tell(scene, JOB, name, reason="FailedCreate", message=QUOTA, at="2026-03-01T12:00:00Z")
    await scene.reconcile(panel)

    condition = await scene.condition(panel, "SchemaInSync")
    assert (condition["status"], condition["reason"]) == ("False", "QuotaExceeded")


async def test_policy_that_refuses_a_pod_is_no_quota(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    words = 'pods "panel-api-1" is forbidden: violates PodSecurity "restricted:latest"'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": words}
    await no_pods(scene, DEPLOYMENT, "panel-api", conditions=[failure])

    await scene.reconcile(panel)

    condition = await scene.condition(panel, "ApiReady")
    assert (condition["reason"], condition["message"]) == ("Forbidden", words)
