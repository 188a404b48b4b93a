"""Who says how many pods a service has, while autoscaling is switched on and off, against the real API server."""

import contextlib
from typing import Any

import pytest

from openpanel_operator.kube import Key, Ref
from openpanel_operator.kube.kinds import DEPLOYMENT
from tests.operator.reconcile.watched import Crash
from tests.operator.reconcile.worlds import Scene, make_cluster

SERVICES = pytest.mark.parametrize("service", ["ingest", "api", "dashboard"])
FOLLOWING_LOAD = {"replicas": None, "autoscaling": {"enabled": True, "min": 4, "max": 12}}


async def with_six(scene: Scene, service: str) -> Key:
    spec: dict[str, Any] = {service: {"replicas": 6}}
    panel = await make_cluster(scene, **spec)
    await scene.settle(panel)
    return panel


async def replicas(scene: Scene, service: str) -> int:
    body = await scene.kube.get(DEPLOYMENT, f"panel-{service}", namespace=scene.namespace)
    assert body is not None
    return int(body["spec"]["replicas"])


@SERVICES
async def test_service_keeps_its_pods_when_autoscaling_is_switched_on(scene: Scene, service: str) -> None:
    panel = await with_six(scene, service)

    await scene.change(panel, **{service: FOLLOWING_LOAD})
    await scene.settle(panel)

    assert await replicas(scene, service) == 6
    assert await scene.writes_of(panel) == []


async def test_autoscaler_decides_from_then_on(scene: Scene) -> None:
    panel = await with_six(scene, "ingest")
    await scene.change(panel, ingest=FOLLOWING_LOAD)
    await scene.settle(panel)

    ref = Ref(DEPLOYMENT, scene.namespace, "panel-ingest")
    await scene.kube._inner.patch(ref, {"spec": {"replicas": 9}}, sub="scale", by="kube-controller-manager")
    await scene.settle(panel)

    assert await replicas(scene, "ingest") == 9


async def test_number_of_the_spec_holds_again_when_autoscaling_is_switched_off(scene: Scene) -> None:
    panel = await with_six(scene, "ingest")
    for _ in range(2):
        await scene.change(panel, ingest=FOLLOWING_LOAD)
        await scene.settle(panel)
        assert await replicas(scene, "ingest") == 6

        await scene.change(panel, ingest={"replicas": 3, "autoscaling": None})
        await scene.settle(panel)
        assert await replicas(scene, "ingest") == 3
        await scene.change(panel, ingest={"replicas": 6})
        await scene.settle(panel)


async def test_crash_between_any_two_writes_takes_no_pods(scene: Scene) -> None:
    panel = await with_six(scene, "ingest")
    await scene.change(panel, ingest=FOLLOWING_LOAD)
    for _ in range(6):
        scene.kube.die_after = len(scene.kube.writes) + 1
        with contextlib.suppress(Crash):
            await scene.reconcile(panel)
        scene.restart()
        assert await replicas(scene, "ingest") == 6
    scene.kube.die_after = None

    await scene.settle(panel)

    assert await replicas(scene, "ingest") == 6
