"""Kinds of others may come and go while the operator runs; nobody has to restart it for that."""

from collections.abc import Iterator

import httpx
import pytest

from openpanel_operator.desired.autoscaling import SCALED_OBJECT
from openpanel_operator.kube import Kind, Object, Watching, ref_of
from openpanel_operator.kube.kinds import AUTOSCALER, OPTIONAL
from openpanel_operator.operating import SELECTOR
from openpanel_operator.optional_kinds import OptionalKinds
from tests.operator import stub_kinds
from tests.operator.reconcile.worlds import Scene, make_cluster

KEDA = tuple(kind for kind in OPTIONAL if kind.group == "keda.sh")


@pytest.fixture
def keda(kubernetes: httpx.Client) -> Iterator[None]:
    with stub_kinds.installed(kubernetes, KEDA):
        yield


class Counted:
    """Counts how often something was told."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


async def followed(scene: Scene, changed: Counted) -> OptionalKinds:
    def watches_of(kind: Kind) -> list[Watching]:
        return [
            Watching(
                scene.kube,
                kind,
                namespace=scene.namespace,
                selector=SELECTOR,
                index=scene.index,
                tell=scene.asked.append,
                chance=lambda: 0.0,
            )
        ]

    return OptionalKinds(
        scene.kube,
        scene.world.installed,
        there=(),
        index=scene.index,
        watches_of=watches_of,
        changed=changed,
    )


async def test_keda_that_comes_later_is_used_and_one_that_goes_is_done_without(
    scene: Scene, kubernetes: httpx.Client
) -> None:
    changed = Counted()
    kinds = await followed(scene, changed)
    panel = await make_cluster(scene, workers={"scaler": "Keda"})
    await kinds.look()
    await scene.settle(panel)
    assert (await scene.condition(panel, "ScalingActive"))["reason"] == "KedaNotInstalled"
    assert changed.times == 0

    try:
        with stub_kinds.installed(kubernetes, KEDA):
            await kinds.look()
            assert changed.times == len(KEDA)
            await scene.settle(panel)
            assert (await scene.condition(panel, "ScalingActive"))["reason"] == "Delegated"
            (scaled,) = [kind for kind in KEDA if kind.name == SCALED_OBJECT]
            assert len(await scene.kube.listed(scaled, namespace=scene.namespace)) == 1
            assert scene.index.of(scaled)

        await kinds.look()
        assert changed.times == 2 * len(KEDA)
        assert not scene.index.of(scaled)
        await scene.settle(panel)
        assert scene.results["failed"] == 0
        assert (await scene.condition(panel, "ScalingActive"))["reason"] == "KedaNotInstalled"
    finally:
        await kinds.end()


async def test_what_keda_cannot_do_is_told_and_what_it_makes_is_left_to_it(
    scene: Scene, kubernetes: httpx.Client
) -> None:
    kinds = await followed(scene, Counted())
    panel = await make_cluster(scene, workers={"scaler": "Keda"})
    try:
        with stub_kinds.installed(kubernetes, KEDA):
            await kinds.look()
            await scene.settle(panel)
            (scaled,) = [kind for kind in KEDA if kind.name == SCALED_OBJECT]
            (made,) = await scene.kube.listed(scaled, namespace=scene.namespace)
            ref = ref_of(made)
            ready = {"type": "Ready", "status": "False", "reason": "Failed", "message": "WRONGPASS"}
            await scene.kube._inner.patch(ref, {"status": {"conditions": [ready]}}, sub="status", by="keda")
            told = await scene.kube.get(scaled, ref.name, namespace=ref.namespace)
            assert told is not None
            scene.index.put(told, kind=scaled)
            hpa = await scene.kube._inner.create(copied_for_keda(made))
            scene.index.put(hpa, kind=AUTOSCALER)

            await scene.reconcile(panel)

            found = await scene.condition(panel, "ScalingActive")
            assert (found["status"], found["reason"]) == ("False", "KedaFails")
            assert found["message"] == f"{ref}: WRONGPASS"
            assert await scene.kube.get(AUTOSCALER, hpa["metadata"]["name"], namespace=scene.namespace)
    finally:
        await kinds.end()


def copied_for_keda(scaled_object: Object) -> Object:
    """The autoscaler that KEDA makes of its object, with the labels of that."""
    meta = scaled_object["metadata"]
    owner = {
        "apiVersion": scaled_object["apiVersion"], "kind": scaled_object["kind"], "name": meta["name"],
        "uid": meta["uid"], "controller": True,
    }  # fmt: skip
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "panel-worker"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": f"keda-hpa-{meta['name']}", "namespace": meta["namespace"], "labels": meta["labels"],
            "ownerReferences": [owner],
        },
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2},
    }  # fmt: skip


@pytest.mark.usefixtures("keda")
async def test_kinds_that_cannot_be_asked_after_stay(scene: Scene, kubernetes: httpx.Client) -> None:
    changed = Counted()
    kinds = await followed(scene, changed)
    try:
        await kinds.look()
        assert scene.world.optional_kinds == {kind.name for kind in KEDA}

        scene.kube.away = True
        await kinds.look()

        assert scene.world.optional_kinds == {kind.name for kind in KEDA}
        assert changed.times == len(KEDA)
    finally:
        scene.kube.away = False
        await kinds.end()
