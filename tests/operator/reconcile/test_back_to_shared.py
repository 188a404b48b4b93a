"""A project that gives up its own streams: what was begun in them comes to its end there, on a real Redis."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from openpanel.stream import Pool
from openpanel.stream.drain import depth, sweep_sessions
from openpanel_operator import pools
from openpanel_operator.desired import desired_project
from openpanel_operator.kube import Key, Kube, Object, Ref
from openpanel_operator.kube.kinds import DEPLOYMENT, PROJECT
from openpanel_operator.metrics import Metrics
from openpanel_operator.reconcile.project import VISITS_AGAIN_S
from openpanel_operator.scaler import Scaler
from openpanel_operator.stores import Addresses, PoolAsk, PoolSeen
from tests.operator.desired import cases
from tests.operator.reconcile.watched import Watched
from tests.operator.reconcile.worlds import MemoryStores, Scene, make_cluster, make_project
from tests.stream.builders import MINUTE, NOON, Stream, a_stream

STREAMS = 16


@dataclass
class StoresWithRedis(MemoryStores):
    """Keeps what it was told; the streams are real."""

    client: redis.Redis = field(kw_only=True)

    async def pools(self, asks: Sequence[PoolAsk], at: Addresses) -> Sequence[PoolSeen]:  # noqa: ARG002
        self._need("Redis")
        return pools.look(self.client, asks, now_ms=NOON)


@pytest.fixture
def scene(kube: Kube, namespace: str, valkey_url: str) -> Iterator[Scene]:
    """A namespace of this test's own, beside a Redis."""
    with redis.Redis.from_url(valkey_url) as client:
        yield Scene(Watched(kube), namespace, stores=StoresWithRedis(client=client))


@pytest.fixture
async def shop(scene: Scene, fresh_name: Callable[[str], str]) -> Key:
    """A project with streams of its own, on a cluster that is ready."""
    await scene.settle(await make_cluster(scene))
    workers = {"min": 0, "max": STREAMS, "scaleToZero": True}
    key = await make_project(
        scene, fresh_name("shop"), deletionPolicy="Delete", ingest={"mode": "Dedicated"}, workers=workers
    )
    await scene.settle(key)
    return key


@pytest.fixture
async def stream(shop: Key, valkey_url: str, tmp_path: Path) -> AsyncIterator[Stream]:
    """The project's own streams; `drained` is what its workers do."""
    async with a_stream(valkey_url, tmp_path, pool=Pool(shop.name, STREAMS)) as running:
        yield running


async def visit(stream: Stream) -> None:
    """Somebody comes, and what was sent is written."""
    await stream.visit(0, project=stream.pool.name)
    stream.drained()


def end_visits(stream: Stream) -> None:
    """What workers do half an hour later, before they write the ends."""
    assert sweep_sessions(stream.redis, pool=stream.pool, now_ms=NOON + 30 * MINUTE, limit=1_000)


async def workers(scene: Scene, shop: Key) -> Object | None:
    return await scene.kube.get(DEPLOYMENT, f"{shop.name}-worker", namespace=scene.namespace)


async def told(scene: Scene, shop: Key) -> tuple[str, str, str]:
    found = await scene.condition(shop, "WorkersReady")
    return found["status"], found["reason"], found.get("message", "")


async def share(scene: Scene, shop: Key) -> None:
    await scene.change(shop, ingest={"mode": "Shared"})
    await scene.settle(shop)


async def test_own_workers_stay_until_the_visits_of_before_have_ended_and_that_is_written(
    scene: Scene, shop: Key, stream: Stream
) -> None:
    await visit(stream)
    await share(scene, shop)
    assert depth(stream.redis, pool=stream.pool) == 0
    assert await workers(scene, shop) is not None

    end_visits(stream)
    await scene.settle(shop)
    assert await workers(scene, shop) is not None

    stream.drained()
    await scene.settle(shop)
    assert await workers(scene, shop) is None
    assert await told(scene, shop) == ("True", "Shared", "")


async def test_condition_says_that_visits_are_waited_for_and_it_is_looked_again(
    scene: Scene, shop: Key, stream: Stream
) -> None:
    await visit(stream)
    await share(scene, shop)

    assert await scene.reconcile(shop) == VISITS_AGAIN_S
    assert await scene.writes_of(shop) == []
    status, reason, message = await told(scene, shop)
    assert (status, reason) == ("True", "Draining")
    assert "visits under way in the project's own streams end within 30 minutes" in message
    assert f"{shop.name}-worker" in message

    end_visits(stream)
    await scene.reconcile(shop)
    assert "goes when the project's own streams are empty" in (await told(scene, shop))[2]


async def test_workers_come_again_for_what_arrives_late(scene: Scene, shop: Key, stream: Stream) -> None:
    await share(scene, shop)
    assert await workers(scene, shop) is None
    scene.restart()
    assert await scene.writes_of(shop) == []

    await stream.visit(0, project=shop.name)
    await scene.settle(shop)
    again = await workers(scene, shop)
    assert again is not None
    (container,) = again["spec"]["template"]["spec"]["containers"]
    assert {"name": "OPENPANEL_SHARDS", "value": str(STREAMS)} in container["env"]
    assert await scene.writes_of(shop) == []

    stream.drained()
    end_visits(stream)
    stream.drained()
    await scene.settle(shop)
    assert await workers(scene, shop) is None
    assert await scene.writes_of(shop) == []


async def test_all_streams_of_before_are_looked_at_also_when_there_were_more_than_now(
    scene: Scene, shop: Key, stream: Stream
) -> None:
    await scene.change(shop, workers={"max": 1})
    await share(scene, shop)

    for device in range(1, 2 * STREAMS):
        await stream.visit(0, project=shop.name, device=device)
    stream.redis.delete(*(f"op:{{{shop.name}:0}}:{name}" for name in ("stream", "depth", "projects")))
    await scene.settle(shop)

    assert await workers(scene, shop) is not None


async def test_deleted_workers_of_streams_with_visits_are_made_again(
    scene: Scene, shop: Key, stream: Stream
) -> None:
    await visit(stream)
    await share(scene, shop)

    await scene.kube._inner.delete(Ref(DEPLOYMENT, scene.namespace, f"{shop.name}-worker"))
    await scene.settle(shop)

    assert await workers(scene, shop) is not None


async def test_no_workers_are_made_while_redis_cannot_say(scene: Scene, shop: Key) -> None:
    await share(scene, shop)

    scene.stores.away["Redis"] = "gone"
    await scene.settle(shop)

    assert await workers(scene, shop) is None


async def test_project_that_never_had_streams_is_not_asked_after(scene: Scene, shop: Key) -> None:
    other = await make_project(scene, f"{shop.name}-b")
    await scene.settle(other)

    scene.stores.away["Redis"] = "gone"  # who asks hears of it

    again = await scene.reconcile(other)
    assert again is not None
    assert again > VISITS_AGAIN_S
    assert "workers" not in await scene.status(other)


async def test_deletion_waits_for_no_visit(scene: Scene, shop: Key, stream: Stream) -> None:
    await visit(stream)
    await share(scene, shop)

    await scene.delete(shop)

    assert await scene.reconcile(shop) is None
    assert await scene.kube.get(PROJECT, shop.name, namespace=scene.namespace) is None
    assert scene.stores.removed == {shop.name: "Delete"}


@pytest.mark.parametrize("pinned", [None, 0])
async def test_pool_without_workers_gets_one_to_end_its_visits(
    scene: Scene, shop: Key, stream: Stream, pinned: int | None
) -> None:
    await visit(stream)
    await scene.change(shop, workers={"replicas": pinned})
    await scene.settle(shop)
    await scene.kube._inner.scale(Ref(DEPLOYMENT, scene.namespace, f"{shop.name}-worker"), replicas=0)
    await share(scene, shop)

    await scene.look()
    await Scaler(scene.world, metrics=Metrics()).tick()

    running = await workers(scene, shop)
    assert running is not None
    assert running["spec"]["replicas"] == 1


@pytest.mark.parametrize("pinned", [None, 0])
def test_keda_keeps_a_worker_of_streams_that_are_given_up(pinned: int | None) -> None:
    workers = {"min": 0, "max": 4, "scaleToZero": True, "scaler": "Keda", "replicas": pinned}

    objects = desired_project(
        cases.project({"workers": workers}),
        cluster=cases.cluster(),
        facts=cases.project_facts(pool_drained=False, kinds=frozenset({"ScaledObject"})),
    )

    (scaled,) = (each for each in objects if each["kind"] == "ScaledObject")
    assert scaled["spec"]["minReplicaCount"] == 1
    assert "autoscaling.keda.sh/paused-replicas" not in scaled["metadata"]["annotations"]
