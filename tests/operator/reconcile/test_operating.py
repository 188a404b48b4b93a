"""The whole operator, kopf included, against the real API server: what a person does is followed within moments."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from openpanel_operator import triggers
from openpanel_operator.health import Health, Sign
from openpanel_operator.kube import Absent, Index, Key, Kind, Kube, Ref, ref_of
from openpanel_operator.kube.kinds import CLUSTER, DEPLOYMENT, OWNED, PROJECT, SECRET
from openpanel_operator.kube.objects import version
from openpanel_operator.metrics import Metrics
from openpanel_operator.operating import SELECTOR, Kinds, Operator, Plan, utc_now
from openpanel_operator.reconcile.claims import Claims
from openpanel_operator.reconcile.conditions import is_true
from openpanel_operator.reconcile.keys import Queue
from openpanel_operator.reconcile.vacancies import Vacancies
from tests.operator.control_plane import ApiServer
from tests.operator.reconcile.conftest import connection
from tests.operator.reconcile.waiting import until, until_true
from tests.operator.reconcile.watched import Watched
from tests.operator.reconcile.worlds import VERSION, MemoryStores, Scene, make_cluster, make_project, serve


@asynccontextmanager
async def operating(
    scene: Scene,
    server: ApiServer,
    *,
    stores: MemoryStores | None = None,
    watched: tuple[Kind, ...] = OWNED,
) -> AsyncIterator[Operator]:
    """The operator at work in the scene's namespace; kopf stops everything else of its own."""
    plan = Plan(
        namespace="openpanel-system",
        namespaces=(scene.namespace,),
        identity="test",
        version=VERSION,
        concurrency=20,
        scaling_interval_s=0.2,
    )
    operator = Operator(
        plan,
        kube=scene.kube,
        stores=stores or scene.stores,
        metrics=Metrics(),
        health=Health(now=asyncio.get_running_loop().time),
        kinds=Kinds(optional=(), watched=watched),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(operator.run(connect=lambda: connection(server), stop=stop))
    try:
        yield operator
        assert not task.done(), task.exception()
    finally:
        stop.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Kubelet:
    """Keeps every pod running."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def run(self) -> None:
        while True:
            with contextlib.suppress(Absent):  # somebody has taken it away meanwhile
                # An operator with a client of its own writes, too: nothing is known to be as it was.
                await serve(Watched(self._scene.kube._inner), self._scene.everywhere)
            await asyncio.sleep(0.2)


@asynccontextmanager
async def kubelet(scene: Scene) -> AsyncIterator[None]:
    task = asyncio.create_task(Kubelet(scene).run())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ready(scene: Scene, *keys: Key) -> None:
    """All are ready; asked of the API server."""

    async def all_ready() -> bool:
        return all([is_true((await scene.status(key)).get("conditions") or (), "Ready") for key in keys])

    await until_true(all_ready)


async def there(scene: Scene, ref: Ref) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        body = await scene.kube.get(ref.kind, ref.name, namespace=ref.namespace)
        found.extend([body] if body else [])
        return bool(found)

    await until_true(is_there)
    return found[0]


async def quiet(scene: Scene, operator: Operator) -> None:
    """The operator has heard of everything, nothing is in work, and nothing was written for a while."""
    calm, before = 0, -1
    async with asyncio.timeout(150):
        while calm < 10:
            await asyncio.sleep(0.1)
            still = await heard(scene, operator) and operator.queue.idle and len(scene.kube.writes) == before
            calm, before = (calm + 1 if still else 0), len(scene.kube.writes)


async def heard(scene: Scene, operator: Operator) -> bool:
    """Whether the operator knows every object as it is."""
    for kind in (CLUSTER, PROJECT, *OWNED):
        selector = "" if kind in (CLUSTER, PROJECT) else SELECTOR
        for body in await scene.kube.listed(kind, namespace=scene.namespace, selector=selector):
            if operator.index.version(ref_of(body, kind=kind)) != version(body):
                return False
    return True


async def test_resources_are_followed_from_their_creation_to_their_end(
    scene: Scene, api_server: ApiServer
) -> None:
    async with operating(scene, api_server) as operator, kubelet(scene):
        panel = await make_cluster(scene)
        shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
        await ready(scene, panel, shop)

        deployment = Ref(DEPLOYMENT, scene.namespace, "shop-ingest")
        uid = (await there(scene, deployment))["metadata"]["uid"]
        await scene.kube._inner.delete(deployment)
        assert (await there(scene, deployment))["metadata"]["uid"] != uid

        secret = Ref(SECRET, scene.namespace, "shop-web")
        before = (await there(scene, secret))["data"]["clientSecret"]
        edited = {"data": {"clientSecret": base64.b64encode(b"x").decode()}}
        await scene.kube._inner.patch(secret, edited, by="somebody")

        async def restored() -> bool:
            return bool((await there(scene, secret))["data"]["clientSecret"] == before)

        await until_true(restored)

        await scene.delete(shop)
        await until(lambda: not operator.claims.is_known(shop))
        assert scene.stores.removed == {"shop": "Retain"}
        assert await scene.kube.get(PROJECT, "shop", namespace=scene.namespace) is None


async def test_ten_projects_at_once_and_a_new_operator_that_writes_nothing(
    scene: Scene, api_server: ApiServer
) -> None:
    async with operating(scene, api_server) as operator, kubelet(scene):
        panel = await make_cluster(scene)
        shops = [await make_project(scene, f"shop-{number}") for number in range(10)]
        await ready(scene, panel, *shops)
        await quiet(scene, operator)

    scene.kube.writes.clear()
    async with operating(scene, api_server) as operator:
        await until(lambda: all(operator.claims.is_known(key) for key in shops))
        await quiet(scene, operator)
        assert [write for write in scene.kube.writes if "/leases/" not in write] == []

        for key in shops:
            await scene.delete(key)
        await until(lambda: not any(operator.claims.is_known(key) for key in shops))
    assert len(scene.stores.removed) == 10


async def test_operator_that_dies_in_the_middle_is_followed_by_one_that_goes_on(
    scene: Scene, api_server: ApiServer
) -> None:
    async with kubelet(scene):
        async with operating(scene, api_server):
            panel = await make_cluster(scene)
            shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
            await there(scene, Ref(DEPLOYMENT, scene.namespace, "panel-api"))
        async with operating(scene, api_server):
            await ready(scene, panel, shop)


async def test_workers_are_scaled_when_a_backlog_appears(scene: Scene, api_server: ApiServer) -> None:
    async with operating(scene, api_server), kubelet(scene):
        panel = await make_cluster(scene, workers={"targetDepth": 10})
        await ready(scene, panel)
        scene.stores.waiting["shared"] = 35

        worker = Ref(DEPLOYMENT, scene.namespace, "panel-worker")

        async def scaled() -> bool:
            return bool((await there(scene, worker))["spec"]["replicas"] == 4)

        await until_true(scaled)


async def test_kopf_leaves_no_mark_on_resources(scene: Scene, api_server: ApiServer) -> None:
    async with operating(scene, api_server), kubelet(scene):
        panel = await make_cluster(scene)
        await ready(scene, panel)

        body = await scene.kube.get(CLUSTER, "panel", namespace=scene.namespace)

    assert body is not None
    assert "annotations" not in body["metadata"]
    assert "finalizers" not in body["metadata"]
    assert "kopf" not in body["status"]


@pytest.fixture
async def audit(scene: Scene) -> triggers.Audit:
    index, queue = Index(), Queue(chance=lambda: 0.5)
    resources = triggers.Resources(index, Claims(), queue, vacancies=Vacancies())
    return triggers.Audit(
        scene.kube, index, resources, namespaces=(scene.namespace,), clock=lambda: scene.now
    )


async def test_watch_that_stays_behind_is_taken_for_deaf(scene: Scene, audit: triggers.Audit) -> None:
    await make_cluster(scene)

    assert not await audit.compare()  # it may still come
    scene.now += triggers.LATE / 2
    assert not await audit.compare()
    scene.now += triggers.LATE
    assert await audit.compare()


async def test_resource_that_went_unseen_is_forgotten(scene: Scene, kube: Kube) -> None:
    index, claims = Index(), Claims()
    queue = Queue(chance=lambda: 0.5)
    resources = triggers.Resources(index, claims, queue, vacancies=Vacancies())
    audit = triggers.Audit(kube, index, resources, namespaces=(), clock=utc_now)
    shop = await make_project(scene, "shop")
    body = await kube.get(PROJECT, "shop", namespace=scene.namespace)
    assert body is not None
    resources.seen(body, kind=PROJECT)
    assert claims.is_known(shop)
    await scene.delete(shop)

    await audit.compare()

    assert not claims.is_known(shop)
    assert queue.waiting == 1


def test_health_names_what_stands() -> None:
    now = 1_000.0
    health = Health(now=lambda: now)
    health.watch([Sign("watch secrets", lambda: now - 1), Sign("queue", lambda: now - 301)])

    assert health.standing() == ["queue"]
    health.clear()
    assert health.standing() == []
