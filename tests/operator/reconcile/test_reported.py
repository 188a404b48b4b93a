"""What is reported of things that are not wrong enough to stop anything, or wait for something that is named."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from openpanel_operator.kube import Key, Kind, ref_of
from openpanel_operator.kube.kinds import AUTOSCALER, NOTICED, OPTIONAL, STATEFUL_SET
from openpanel_operator.kube.objects import Object, Ref
from tests.operator import stub_kinds
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project, served_status

BEHIND_CERT_MANAGER: dict[str, Any] = {
    "type": "Ingress",
    "hosts": {"api": "api.example.org"},
    "tls": {"issuer": {"name": "letsencrypt"}},
}

BEHIND_A_GATEWAY: dict[str, Any] = {
    "type": "Gateway",
    "gatewayRef": {"name": "public"},
    "hosts": {"api": "api.example.org"},
}
ROUTE: Kind = next(kind for kind in OPTIONAL if kind.name == "HTTPRoute")


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


@pytest.fixture
def gateways(kubernetes: httpx.Client) -> Iterator[None]:
    """Somebody has installed the Gateway API."""
    with stub_kinds.installed(kubernetes, (ROUTE,)):
        yield


@pytest.mark.usefixtures("gateways")
async def test_certificate_that_no_gateway_uses_is_told(scene: Scene) -> None:
    scene.optional = (ROUTE,)
    scene.restart()
    panel = await make_cluster(scene, exposure={**BEHIND_A_GATEWAY, "tls": {"secretName": "wildcard"}})
    own = {"host": "shop.example.org", "tlsSecretName": "shop-certificate"}
    shop = await make_project(scene, "shop", ingest=own)
    blog = await make_project(scene, "blog", ingest={"host": "blog.example.org"})

    await scene.settle(panel, shop, blog)

    assert await reason_of(scene, panel, "Exposed") == ("True", "CertificateUnused")
    assert "exposure.tls" in (await scene.condition(panel, "Exposed"))["message"]
    assert await reason_of(scene, shop, "Exposed") == ("True", "CertificateUnused")
    assert "ingest.tlsSecretName" in (await scene.condition(shop, "Exposed"))["message"]
    assert await reason_of(scene, blog, "Exposed") == ("True", "AsWanted")


@pytest.mark.usefixtures("gateways")
async def test_route_that_no_gateway_takes_is_told_in_the_gateways_words(scene: Scene) -> None:
    scene.optional = (ROUTE,)
    scene.restart()
    panel = await make_cluster(scene, exposure=BEHIND_A_GATEWAY)
    await scene.settle(panel)
    assert await reason_of(scene, panel, "Exposed") == ("True", "AsWanted")

    await answer(scene, "Accepted", "False", "no listener of that name")
    await scene.settle(panel)
    condition = await scene.condition(panel, "Exposed")
    assert (condition["status"], condition["reason"]) == ("False", "RouteRefused")
    assert "no listener of that name" in condition["message"]
    assert await reason_of(scene, panel, "Ready") == ("False", "RouteRefused")

    await answer(scene, "Accepted", "True", "")
    await scene.settle(panel)
    assert await reason_of(scene, panel, "Exposed") == ("True", "AsWanted")


async def answer(scene: Scene, type_: str, status: str, message: str) -> None:
    """The Gateway's controller looks at the routes."""
    for body in await scene.kube.listed(ROUTE, namespace=scene.namespace):
        condition = {
            "type": type_,
            "status": status,
            "reason": "Looked",
            "message": message,
            "observedGeneration": body["metadata"]["generation"],
            "lastTransitionTime": "2026-03-01T12:00:00Z",
        }
        parent = {
            "parentRef": body["spec"]["parentRefs"][0],
            "controllerName": "example.org/gateway",
            "conditions": [condition],
        }
        ref = ref_of(body, kind=ROUTE)
        await scene.kube._inner.patch(ref, {"status": {"parents": [parent]}}, sub="status", by="gateway")


async def test_policies_that_the_cluster_does_not_make_are_told_to_the_project(scene: Scene) -> None:
    panel = await make_cluster(scene, networkPolicies={"enabled": False})
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    blog = await make_project(scene, "blog")
    await scene.settle(panel, shop, blog)

    assert await reason_of(scene, shop, "SpecValid") == ("True", "NetworkPoliciesOff")
    assert await reason_of(scene, blog, "SpecValid") == ("True", "AsWanted")

    await scene.change(panel, networkPolicies={"enabled": True})
    await scene.settle(panel, shop)
    assert await reason_of(scene, shop, "SpecValid") == ("True", "AsWanted")


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
