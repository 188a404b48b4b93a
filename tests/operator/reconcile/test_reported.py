"""What is reported of things that are not wrong enough to stop anything, or wait for something that is named."""

from typing import Any

import pytest

from openpanel_operator.kube import Key, ref_of
from openpanel_operator.kube.kinds import AUTOSCALER, NOTICED, STATEFUL_SET
from openpanel_operator.kube.objects import Object, Ref
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project, served_status

BEHIND_CERT_MANAGER: dict[str, Any] = {
    "type": "Ingress",
    "hosts": {"api": "api.example.org"},
    "tls": {"issuer": {"name": "letsencrypt"}},
}


async def reason_of(scene: Scene, key: Key, type_: str) -> tuple[str, str]:
    condition = await scene.condition(key, type_)
    return condition["status"], condition["reason"]


async def test_certificates_need_somebody_who_makes_them(scene: Scene) -> None:
    panel = await make_cluster(scene, exposure=BEHIND_CERT_MANAGER)
    own = {"host": "shop.example.org", "tlsSecretName": "shop-certificate"}
    shop = await make_project(scene, "shop", ingest=own)
    await scene.settle(panel, shop)
    assert await reason_of(scene, panel, "Exposed") == ("False", "CertManagerNotInstalled")
    assert await reason_of(scene, shop, "Exposed") == ("True", "AsWanted")

    scene.noticed = NOTICED
    scene.restart()
    await scene.settle(panel)

    assert await reason_of(scene, panel, "Exposed") == ("True", "AsWanted")


async def test_autoscaler_without_figures_is_told(scene: Scene) -> None:
    panel = await make_cluster(scene)
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(panel, shop)
    blind: Object = {
        "type": "ScalingActive",
        "status": "False",
        "reason": "FailedGetResourceMetric",
        "message": "unable to fetch metrics from resource metrics API",
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    }
    ref = Ref(AUTOSCALER, scene.namespace, "shop-ingest")
    status = {"conditions": [blind], "currentReplicas": 3, "desiredReplicas": 3}
    await scene.kube._inner.patch(ref, {"status": status}, sub="status", by="autoscaler")

    await scene.reconcile(shop)
    condition = await scene.condition(shop, "IngestReady")
    assert (condition["status"], condition["reason"]) == ("True", "MetricsUnavailable")
    assert "resource metrics API" in condition["message"]
    assert await reason_of(scene, shop, "Ready") == ("True", "AsWanted")

    sees = {**blind, "status": "True", "reason": "ValidMetricFound"}
    await scene.kube._inner.patch(
        ref, {"status": {**status, "conditions": [sees]}}, sub="status", by="autoscaler"
    )
    await scene.reconcile(shop)
    assert await reason_of(scene, shop, "IngestReady") == ("True", "AsWanted")


async def test_services_say_that_they_wait_for_the_schema(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.reconcile(panel)
    for body in await scene.kube.listed(STATEFUL_SET, namespace=scene.namespace):
        status = served_status(body)
        ref = ref_of(body, kind=STATEFUL_SET)
        await scene.kube._inner.patch(ref, {"status": status}, sub="status", by="kubelet")

    await scene.reconcile(panel)

    for type_ in ("WorkersReady", "IngestReady", "ApiReady", "DashboardReady"):
        assert await reason_of(scene, panel, type_) == ("False", "WaitingForSchema")


@pytest.mark.parametrize("waiting", [7, 0])
async def test_own_streams_that_are_not_empty_yet_are_told(scene: Scene, waiting: int) -> None:
    panel = await make_cluster(scene)
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(panel, shop)
    scene.stores.waiting["shop"] = waiting

    await scene.change(shop, ingest={"mode": "Shared"})
    await scene.reconcile(shop)

    expected = "Draining" if waiting else "Shared"
    assert await reason_of(scene, shop, "WorkersReady") == ("True", expected)
