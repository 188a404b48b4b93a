"""The key from which every client's secret follows is lost: others follow, the stores first, as in a rotation."""

import base64
from datetime import timedelta

import pytest

from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.reconcile.reconciling import Failed
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready, with a ClickHouse that keeps users."""
    meta = {"name": "theirs", "namespace": scene.namespace}
    url = {"url": "http://u:right@there:8123"}
    body: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": url}
    await scene.kube._inner.create(body)
    key = await make_cluster(scene, clickhouse={"engine": "External", "external": {"secretName": "theirs"}})
    await scene.settle(key)
    return key


@pytest.fixture
async def shop(scene: Scene, panel: Key) -> Key:
    """A project on it that is ready."""
    assert panel
    key = await make_project(scene, "shop")
    await scene.settle(key)
    return key


async def handed_out(scene: Scene, name: str, key: str) -> str:
    secret = await scene.kube.get(SECRET, name, namespace=scene.namespace)
    assert secret is not None
    return base64.b64decode(secret["data"][key]).decode()


async def lose_key(scene: Scene, *, restarted: bool = False) -> None:
    await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "panel-keys"))
    scene.now += timedelta(minutes=5)
    if restarted:
        scene.restart()
        scene.world.fresh(1)  # chance begins anew in a scene, and would draw the lost key again


@pytest.mark.parametrize("restarted", [False, True])
async def test_secrets_that_follow_from_another_key_open_and_the_old_ones_work_on(
    scene: Scene, panel: Key, shop: Key, *, restarted: bool
) -> None:
    old = await handed_out(scene, "shop-web", "clientSecret")
    await lose_key(scene, restarted=restarted)

    await scene.settle(panel, shop)

    new = await handed_out(scene, "shop-web", "clientSecret")
    assert new != old
    assert scene.stores.valid["shop", "web"] == [old, new]
    assert await handed_out(scene, "shop.clickhouse", "password") == scene.stores.users["shop"]
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    asked = scene.stores.asked["shop"]
    scene.restart()
    assert await scene.writes_of(shop) == []
    assert scene.stores.asked["shop"] == asked


@pytest.mark.parametrize("restarted", [False, True])
async def test_secret_is_not_handed_out_before_the_stores_have_it(
    scene: Scene, panel: Key, shop: Key, *, restarted: bool
) -> None:
    old = await handed_out(scene, "shop-web", "clientSecret")
    await lose_key(scene, restarted=restarted)
    await scene.settle(panel)
    scene.stores.away["PostgreSQL"] = "connection refused"

    with pytest.raises(Failed):
        await scene.reconcile(shop)

    assert await handed_out(scene, "shop-web", "clientSecret") == old
    assert scene.stores.valid["shop", "web"] == [old]

    scene.stores.away.clear()
    await scene.settle(panel, shop)
    assert await handed_out(scene, "shop-web", "clientSecret") == scene.stores.valid["shop", "web"][-1] != old


@pytest.mark.usefixtures("panel")
async def test_project_waits_quietly_until_there_is_a_key_again(scene: Scene, shop: Key) -> None:
    old = await handed_out(scene, "shop-web", "clientSecret")
    await lose_key(scene)

    again = await scene.reconcile(shop)

    found = await scene.condition(shop, "ClusterReady")
    assert (found["status"], found["reason"]) == ("False", "ClusterNotReady")
    assert found["message"] == "Secret panel-keys is not there"
    assert again is not None
    assert again <= 5
    assert await handed_out(scene, "shop-web", "clientSecret") == old
