"""A project's own ClickHouse user, where ClickHouse is somebody else's: made, delivered, refused, restored, dropped."""

import base64
from datetime import timedelta

import pytest

from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.kube.objects import Ref
from tests.operator.reconcile.worlds import KINDS, Scene, make_cluster, make_project

URL = "https://admin:word@clickhouse.example.com:8443"


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster with an external ClickHouse that is ready."""
    await scene.kube.create(
        {
            "apiVersion": SECRET.api_version,
            "kind": SECRET.name,
            "metadata": {"name": "theirs", "namespace": scene.namespace},
            "stringData": {"url": URL},
        }
    )
    external = {"engine": "External", "external": {"secretName": "theirs"}}
    key = await make_cluster(scene, clickhouse=external)
    await scene.settle(key)
    return key


async def delivered(scene: Scene) -> dict[str, str] | None:
    secret = await scene.kube.get(SECRET, "shop.clickhouse", namespace=scene.namespace)
    return secret and {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


async def reason(scene: Scene, shop: Key, condition: str = "WarehouseUserReady") -> tuple[str, str]:
    found = await scene.condition(shop, condition)
    return found["status"], found["reason"]


@pytest.mark.usefixtures("panel")
async def test_user_is_made_and_its_secret_delivered_once(scene: Scene) -> None:
    shop = await make_project(scene, "shop")

    await scene.settle(shop)

    assert await delivered(scene) == {
        "url": "https://clickhouse.example.com:8443",
        "database": "openpanel",
        "user": "openpanel_shop",
        "password": scene.stores.users["shop"],
    }
    status = await scene.status(shop)
    assert await reason(scene, shop) == ("True", "AsWanted")
    assert status["warehouseUser"]["secretName"] == "shop.clickhouse"
    assert scene.stores.users["shop"] not in str(status)
    assert await scene.writes_of(shop) == []
    asked = scene.stores.asked["shop"]
    scene.restart()
    assert await scene.writes_of(shop) == []
    assert scene.stores.asked["shop"] == asked


@pytest.mark.usefixtures("panel")
async def test_edited_password_is_put_back_and_a_lost_one_replaced(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    before = await delivered(scene)
    ref = Ref(SECRET, scene.namespace, "shop.clickhouse")

    changes = {"data": {"password": base64.b64encode(b"mine").decode()}}
    await scene.kube._inner.patch(ref, changes, by="somebody")
    await scene.settle(shop)
    assert await delivered(scene) == before

    await scene.kube._inner.delete(ref)
    await scene.settle(shop)
    after = await delivered(scene)
    assert before
    assert after
    assert after["password"] != before["password"]
    assert scene.stores.users["shop"] == after["password"]

    await scene.annotate(shop, rotate="now")
    await scene.settle(shop)
    assert scene.stores.users["shop"] not in {before["password"], after["password"]}
    assert (await scene.status(shop))["warehouseUser"]["serial"] == 3


@pytest.mark.usefixtures("panel")
async def test_server_that_makes_no_users_is_told_of_and_the_project_serves(scene: Scene) -> None:
    scene.stores.refuses_users = "Not enough privileges. GRANT CREATE USER ON *.* is needed"
    shop = await make_project(scene, "shop")

    await scene.settle(shop)

    found = await scene.condition(shop, "WarehouseUserReady")
    assert await reason(scene, shop) == ("False", "UserRefused")
    assert "CREATE USER" in found["message"]
    assert await reason(scene, shop, "Ready") == ("True", "AsWanted")
    assert await delivered(scene) is None
    assert await scene.writes_of(shop) == []
    scene.restart()
    assert await scene.writes_of(shop) == []

    scene.stores.refuses_users = ""
    scene.now += timedelta(hours=1, minutes=1)
    await scene.settle(shop)
    assert await reason(scene, shop) == ("True", "AsWanted")
    assert await delivered(scene) is not None


@pytest.mark.usefixtures("panel")
async def test_client_with_the_secret_of_the_user_keeps_it(scene: Scene) -> None:
    shop = await make_project(
        scene, "shop", clients=[{"name": "web", "type": "write", "secretName": "shop.clickhouse"}]
    )

    await scene.settle(shop)

    assert await reason(scene, shop) == ("False", "SecretConflict")
    assert "clientId" in (await delivered(scene) or {})
    assert scene.stores.users == {}


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize("refused", [True, False], ids=["refused", "made"])
async def test_user_goes_with_its_project_and_one_that_never_was_holds_nothing(
    scene: Scene, *, refused: bool
) -> None:
    scene.stores.refuses_users = "no rights" if refused else ""
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    scene.stores.away["ClickHouse"] = "connection refused"
    await scene.delete(shop)

    await scene.reconcile(shop)
    there = await scene.kube.get(KINDS[shop.kind], shop.name, namespace=shop.namespace)
    assert (there is None) == refused

    scene.stores.away.clear()
    if not refused:
        await scene.reconcile(shop)
    assert scene.stores.users == {}
    assert scene.stores.removed == {"shop": "Retain"}


async def test_embedded_engine_keeps_no_users(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    shop = await make_project(scene, "shop")

    await scene.settle(shop)

    assert await reason(scene, shop) == ("True", "NoSqlUsers")
    assert await delivered(scene) is None
    assert scene.stores.users == {}
