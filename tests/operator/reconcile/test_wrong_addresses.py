"""An address in a Secret that cannot be used: the store's condition says so, and everything goes on once it is right."""

import contextlib
from typing import Any

import pytest
from structlog.testing import capture_logs

from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import DEPLOYMENT, PROJECT, SECRET
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.metrics import Metrics
from openpanel_operator.reconcile.reconciling import Failed
from openpanel_operator.scaler import Scaler
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

EXTERNAL: dict[str, tuple[str, dict[str, Any], str]] = {
    "redis": ("RedisReady", {"mode": "External"}, "redis://:right@there:6379/0"),
    "postgres": ("PostgresReady", {"mode": "External"}, "postgresql://u:right@there/db"),
    "clickhouse": ("ClickHouseReady", {"engine": "External"}, "http://u:right@there:8123"),
}
WRONG = [
    ("redis", "redis.example:6379", "is no redis:// address"),
    ("redis", "redis://:quartz/zephyr@there:6379/0", "percent-encode"),
    ("redis", "redis://:pw@there:port/0", "port"),
    ("redis", "", "is empty"),
    ("postgres", "mysql://u:quartz@there/db", "begin it with"),
    ("postgres", "postgresql://u:quartz@zephyr@there/db", "percent-encode"),
    ("postgres", "postgresql://u:quartz@there:zephyr/db", "port"),
    ("clickhouse", "clickhouse://u:quartz@there", "begin it with"),
    ("clickhouse", "http://u:quartz#zephyr@there:8123", "percent-encode"),
    ("clickhouse", "http://u:quartz@[zephyr", "percent-encode"),
]
PIECES = ("quartz", "zephyr")


async def write(scene: Scene, url: str) -> None:
    """Somebody writes the Secret."""
    meta = {"name": "theirs", "namespace": scene.namespace}
    body: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"url": url}}
    if await scene.kube.get(SECRET, "theirs", namespace=scene.namespace) is None:
        await scene.kube._inner.create(body)
    else:
        ref = Ref(SECRET, scene.namespace, "theirs")
        await scene.kube._inner.patch(ref, {"stringData": {"url": url}}, by="somebody")


async def external(scene: Scene, store: str, name: str = "panel") -> Key:
    _, mode, _ = EXTERNAL[store]
    spec: dict[str, Any] = {store: {**mode, "external": {"secretName": "theirs"}}}
    return await make_cluster(scene, name, **spec)


async def told(scene: Scene) -> list[str]:
    waiting = scene.recorder._waiting
    return [str(waiting.get_nowait()) for _ in range(waiting.qsize())]


@pytest.mark.parametrize(("store", "url", "said"), WRONG)
async def test_condition_of_the_store_says_what_is_wrong_and_it_heals(
    scene: Scene, store: str, url: str, said: str
) -> None:
    condition, _, right = EXTERNAL[store]
    await write(scene, url)
    panel = await external(scene, store)

    with capture_logs() as logs:
        again = await scene.reconcile(panel)
        assert await scene.writes_of(panel) == []

    found = await scene.condition(panel, condition)
    assert (found["status"], found["reason"]) == ("False", "SecretInvalid")
    assert found["message"].startswith(f"the key url of Secret {scene.namespace}/theirs ")
    assert said in found["message"]
    assert again is not None
    assert again <= 5
    texts = [str(await scene.status(panel)), str(logs), *await told(scene)]
    assert not [text for text in texts for piece in PIECES if piece in text]

    await write(scene, right)
    await scene.settle(panel)
    assert (await scene.condition(panel, "Ready"))["status"] == "True"


async def test_password_that_somebody_wrote_into_a_generated_secret_is_told(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    ref = Ref(SECRET, scene.namespace, "panel-redis")
    await scene.kube._inner.patch(ref, {"stringData": {"password": "quartz/zephyr"}}, by="somebody")

    await scene.reconcile(panel)

    found = await scene.condition(panel, "RedisReady")
    assert (found["status"], found["reason"]) == ("False", "SecretInvalid")
    assert f"the key password of Secret {scene.namespace}/panel-redis" in found["message"]
    assert not [piece for piece in PIECES if piece in str(await scene.status(panel))]


@pytest.mark.parametrize(
    ("store", "url", "policy"),
    [*((store, url, "Delete") for store, url, _ in WRONG), (*WRONG[0][:2], "Retain")],
)
async def test_project_waits_and_goes_when_the_address_is_right(
    scene: Scene, *, store: str, url: str, policy: str
) -> None:
    _, _, right = EXTERNAL[store]
    await write(scene, right)
    panel = await external(scene, store)
    await scene.settle(panel)
    shop = await make_project(scene, "shop", deletionPolicy=policy)
    await scene.settle(shop)
    await write(scene, url)
    scene.restart()

    await scene.reconcile(shop)
    ready = await scene.condition(shop, "ClusterReady")
    assert (ready["status"], ready["reason"]) == ("False", "ClusterNotReady")
    assert "the key url of Secret" in ready["message"]

    await scene.delete(shop)
    await scene.reconcile(shop)
    held = await scene.condition(shop, "SpecValid")
    assert held["reason"] == "CleanupFailed"
    assert "the key url of Secret" in held["message"]
    assert not [piece for piece in PIECES if piece in str(await scene.status(shop))]

    await write(scene, right)
    scene.restart()
    await scene.reconcile(shop)
    assert await scene.kube.get(PROJECT, "shop", namespace=scene.namespace) is None
    assert scene.stores.removed == {"shop": policy}


async def test_wrong_address_of_one_cluster_keeps_no_other_from_being_scaled(scene: Scene) -> None:
    await write(scene, EXTERNAL["clickhouse"][2])
    wrong = await external(scene, "clickhouse", "wrong")
    panel = await make_cluster(scene, workers={"max": 8, "targetDepth": 100})
    await scene.settle(wrong, panel)
    await write(scene, "http://u:quartz@[zephyr")
    scene.restart()
    await scene.look()
    scene.stores.waiting["shared"] = 450

    with capture_logs() as logs:
        await Scaler(scene.world, metrics=Metrics(), clock=lambda: 1_000.0).tick()

    with contextlib.suppress(Failed):
        await scene.reconcile(wrong)
    workers = {}
    for name in ("panel-worker", "wrong-worker"):
        body = await scene.kube.get(DEPLOYMENT, name, namespace=scene.namespace)
        assert body is not None
        workers[name] = body["spec"]["replicas"]
    assert workers == {"panel-worker": 5, "wrong-worker": 1}
    assert not [piece for piece in PIECES if piece in str(logs)]
