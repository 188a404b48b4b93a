"""KEDA itself, with the objects that the operator makes for it: which number of workers comes of which orders.

KEDA's operator scales between none and some; above that its adapter tells a HorizontalPodAutoscaler the figure, which
wants as many workers as that is. No controller acts on the autoscaler here.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from openpanel_local.engines import valkey
from openpanel_operator.kube.kinds import DEPLOYMENT
from tests.operator.keda.news import NAME, News
from tests.operator.keda.programs import Keda
from tests.operator.reconcile.waiting import until_true
from tests.operator.reconcile.worlds import Scene

SUM = "composite-metric"  # what KEDA calls the result of a formula
SOON = "1s"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[valkey.Valkey]:
    """A Redis of this test's own, which it may end."""
    with valkey.running(tmp_path / "valkey") as engine:
        yield engine


@pytest.fixture
async def news(scene: Scene, store: valkey.Valkey, keda: Keda) -> News:
    return News(scene, store.url)


async def figure(news: News, keda: Keda) -> str:
    """What the autoscaler would be told."""
    return await asyncio.to_thread(keda.value, SUM, namespace=news.scene.namespace, scaled=NAME)


async def test_first_order_brings_a_worker_and_the_last_one_in_hand_keeps_it(news: News) -> None:
    await news.made(cooldown=SOON)
    await news.has(workers=0)

    news.orders(waiting=1, in_hand=0)
    await news.has(workers=1)
    await news.says("Active", "True")
    assert (await news.told("Ready"))["status"] == "True"

    news.orders(waiting=0, in_hand=1)
    await news.looked_again()  # the look before this one may have been under way
    await news.looked_again()
    assert await news.replicas() == 1
    assert (await news.told("Active"))["status"] == "True"

    news.orders(waiting=0, in_hand=0)
    await news.says("Active", "False")
    await news.has(workers=0)
    assert (await news.told("Ready"))["status"] == "True"


async def test_every_order_counts_for_a_worker(news: News, keda: Keda) -> None:
    news.orders(waiting=3, in_hand=2)
    await news.made()

    spec = (await news.autoscaler())["spec"]

    (metric,) = spec["metrics"]
    assert metric["external"]["metric"]["name"] == SUM
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 10)
    target = spec["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"], target["name"]) == (*_id(), NAME)
    assert await figure(news, keda) == "5"
    news.orders(waiting=0, in_hand=4)
    assert await figure(news, keda) == "4"
    news.orders(waiting=0, in_hand=0)
    assert await figure(news, keda) == "0"


async def test_autoscaler_that_keda_makes_is_left_alone(news: News) -> None:
    await news.made()
    before = await news.autoscaler()

    assert await news.writes_of_a_pass() == []

    after = await news.autoscaler()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "keda-operator"


async def test_wrong_password_is_told_and_heals(news: News) -> None:
    await news.made(secret={"password": "wrong"})
    await news.says("Ready", "False")
    assert "WRONGPASS" in (await news.told("Ready"))["message"]

    await news.keep_secret()

    await news.says("Ready", "True")


async def test_user_of_the_redis_is_followed(news: News) -> None:
    with redis.Redis.from_url(news.url) as client:
        client.acl_setuser("panel", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"])

    await news.made(secret={"username": "panel", "password": "secret"})

    await news.says("Ready", "True")


async def test_workers_named_by_number_are_that_many_whatever_waits(news: News) -> None:
    news.orders(waiting=5, in_hand=0)
    await news.made(replicas=0)
    await news.says("Paused", "True")
    await news.has(workers=0)

    await news.change(replicas=None)
    await news.has(workers=1)

    await news.change(replicas=3, scaleToZero=False, min=1)

    async def are_three() -> bool:
        spec = (await news.autoscaler())["spec"]
        return (spec["minReplicas"], spec["maxReplicas"]) == (3, 3)

    await until_true(are_three)


async def test_redis_that_goes_away_takes_no_worker_along(
    news: News, keda: Keda, store: valkey.Valkey, tmp_path: Path
) -> None:
    news.orders(waiting=1, in_hand=0)
    await news.made(fallback=4, cooldown=SOON)
    await news.has(workers=1)

    os.kill(store.pid, signal.SIGKILL)
    await news.says("Active", "False")
    await keda.has_failed(times=2, namespace=news.scene.namespace)

    assert (
        await news.replicas() == 1
    )  # nor are there more: KEDA's fallback wants a Redis that it can connect to
    answer = await asyncio.to_thread(keda.asked, SUM, namespace=news.scene.namespace, scaled=NAME)
    assert answer.is_server_error  # without a figure, an autoscaler leaves the number as it is
    with valkey.running(tmp_path / "valkey", port=store.port):
        await news.says("Active", "True")


def _id() -> tuple[str, str]:
    return DEPLOYMENT.api_version, DEPLOYMENT.name
