"""Ingest and Redis are never replaced together, against the real API server."""

from typing import Any, Final

import pytest

from openpanel_operator.desired.labels import RESTART_AT, SECRETS
from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import DEPLOYMENT, SECRET, STATEFUL_SET
from openpanel_operator.kube.objects import Object, Ref
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

LARGER: Final = {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "8Gi"}}}


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


async def template(scene: Scene, name: str) -> Object:
    for kind in (DEPLOYMENT, STATEFUL_SET):
        body = await scene.kube.get(kind, name, namespace=scene.namespace)
        if body is not None:
            return dict(body["spec"]["template"])
    raise AssertionError(name)


async def high_water(scene: Scene, name: str = "panel-ingest") -> str:
    env: list[dict[str, Any]] = (await template(scene, name))["spec"]["containers"][0]["env"]
    return next(str(each["value"]) for each in env if each["name"] == "OPENPANEL_HIGH_WATER_EVENTS")


async def test_ingest_is_replaced_when_redis_is_through(scene: Scene, panel: Key) -> None:
    redis, ingest = await template(scene, "panel-redis"), await template(scene, "panel-ingest")
    before = await high_water(scene)
    await scene.change(panel, redis=LARGER)

    for _ in range(2):
        await scene.reconcile(panel)
        assert await template(scene, "panel-redis") != redis
        assert await template(scene, "panel-ingest") == ingest

    await scene.settle(panel)
    assert await high_water(scene) != before
    assert await scene.writes_of(panel) == []


async def test_operator_that_starts_meanwhile_waits_as_well(scene: Scene, panel: Key) -> None:
    ingest = await template(scene, "panel-ingest")
    await scene.change(panel, redis=LARGER)
    await scene.reconcile(panel)
    scene.restart()

    await scene.reconcile(panel)

    assert await template(scene, "panel-ingest") == ingest


async def test_ingest_that_is_asked_to_restart_does_so_after_redis(scene: Scene, panel: Key) -> None:
    ingest = await template(scene, "panel-ingest")
    await scene.annotate(panel, restart_at="now")

    await scene.reconcile(panel)
    assert (await template(scene, "panel-redis"))["metadata"]["annotations"][RESTART_AT] == "now"
    assert await template(scene, "panel-ingest") == ingest

    await scene.settle(panel)
    assert (await template(scene, "panel-ingest"))["metadata"]["annotations"][RESTART_AT] == "now"


async def test_new_password_reaches_ingest_at_once(scene: Scene, panel: Key) -> None:
    before = (await template(scene, "panel-ingest"))["metadata"]["annotations"][SECRETS]
    await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "panel-redis"))

    await scene.reconcile(panel)

    assert (await template(scene, "panel-ingest"))["metadata"]["annotations"][SECRETS] != before


async def test_ingest_that_redis_has_nothing_to_do_with_is_replaced_at_once(scene: Scene, panel: Key) -> None:
    ingest = await template(scene, "panel-ingest")
    await scene.change(panel, observability={"logLevel": "debug"})

    await scene.reconcile(panel)

    assert await template(scene, "panel-ingest") != ingest


async def test_ingest_of_a_project_waits_for_redis_too(scene: Scene, panel: Key) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(panel, shop)
    ingest = await template(scene, "shop-ingest")
    before = await high_water(scene, "shop-ingest")
    await scene.change(panel, redis=LARGER)

    await scene.reconcile(shop)  # it may look before its cluster does
    assert await template(scene, "shop-ingest") == ingest
    await scene.reconcile(panel)
    await scene.reconcile(shop)
    assert await template(scene, "shop-ingest") == ingest

    await scene.settle(panel, shop)
    assert await high_water(scene, "shop-ingest") != before
    assert await scene.writes_of(panel, shop) == []
