"""The operator with the account that the chart makes for it, and the rights of that account: nothing is refused to it."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import httpx
import kopf
import pytest
import yaml

from openpanel_operator.health import Health
from openpanel_operator.kube import Key, Kube, Ref
from openpanel_operator.kube.kinds import (
    DEPLOYMENT,
    EVENT,
    JOB,
    OPTIONAL,
    POD,
    RESOURCE_QUOTA,
    SECRET,
    kind_of,
)
from openpanel_operator.kube.objects import Object
from openpanel_operator.lease import Lease
from openpanel_operator.metrics import Metrics
from openpanel_operator.operating import Kinds, Operator, Plan, utc_now, watchable_kinds
from openpanel_operator.optional_kinds import served_kinds
from openpanel_operator.reconcile.conditions import is_true
from tests.operator import stub_kinds
from tests.operator.control_plane import ApiServer, api_server_running, apply_crds, until_granted
from tests.operator.reconcile.conftest import connection
from tests.operator.reconcile.test_operating import kubelet
from tests.operator.reconcile.waiting import until, until_true
from tests.operator.reconcile.worlds import VERSION, Scene, make_cluster, make_project

CHART: Final = Path(__file__).parents[3] / "charts" / "openpanel"
CLAIM: Final = kind_of("v1", "PersistentVolumeClaim")
PLACES: Final = {
    "ServiceAccount": "/api/v1/{}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


@pytest.fixture(scope="module")
def api_server(kubebuilder_assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One of its own: an operator that watches everywhere would take up what other tests have left."""
    folder = tmp_path_factory.mktemp("own-api-server")
    with api_server_running(folder, binaries=kubebuilder_assets) as server:
        apply_crds(server)
        with server.client() as client:
            for kind in OPTIONAL:
                stub_kinds.install(client, kind)
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Account:
    """The operator's, as the chart makes it."""

    namespace: str
    token: str = field(repr=False)


@pytest.fixture
def installed(
    api_server: ApiServer, fresh_name: Callable[[str], str]
) -> Iterator[Callable[[Object], Account]]:
    """Installs the account with its roles from these values."""
    with api_server.client() as administrator:
        yield lambda values: _installed(api_server, administrator, values, namespace=fresh_name("system"))


def _installed(
    api_server: ApiServer, administrator: httpx.Client, values: Object, *, namespace: str
) -> Account:
    administrator.post("/api/v1/namespaces", json={"metadata": {"name": namespace}}).raise_for_status()
    with helm.Chart.load(CHART) as chart:
        texts = chart.render(values, name=namespace, namespace=namespace)
    account, made = "", list[Object]()
    for name, text in texts.items():
        if not name.endswith(("templates/rbac.yaml", "templates/serviceaccount.yaml")):
            continue
        for each in (one for one in yaml.safe_load_all(text) if one):
            place = PLACES[each["kind"]].format(f"namespaces/{each['metadata'].get('namespace')}")
            administrator.post(place, json=each).raise_for_status()
            made.append(each)
            if each["kind"] == "ServiceAccount":
                account = f"{place}/{each['metadata']['name']}"
    answer = administrator.post(f"{account}/token", json={"spec": {"expirationSeconds": 3600}})
    token = str(answer.raise_for_status().json()["status"]["token"])
    until_granted(api_server, made, token=token)
    return Account(namespace, token)


@asynccontextmanager
async def operating(
    scene: Scene, kube: Kube, connect: Callable[[], kopf.ConnectionInfo], *, plan: Plan
) -> AsyncIterator[Operator]:
    operator = Operator(
        plan,
        kube=kube,
        stores=scene.stores,
        metrics=Metrics(),
        health=Health(now=asyncio.get_running_loop().time),
        kinds=Kinds(
            await served_kinds(kube), watched=await watchable_kinds(kube, namespaces=plan.namespaces)
        ),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(operator.run(connect=connect, stop=stop))
    try:
        yield operator
        assert not task.done(), task.exception()
    finally:
        stop.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ready(scene: Scene, *keys: Key) -> None:
    async def all_ready() -> bool:
        return all([is_true((await scene.status(key)).get("conditions") or (), "Ready") for key in keys])

    await until_true(all_ready)


async def replicas_of(scene: Scene, name: str) -> int:
    body = await scene.kube.get(DEPLOYMENT, name, namespace=scene.namespace)
    return int(body["spec"]["replicas"]) if body else 0


async def do_what_is_rare(scene: Scene, mine: Kube) -> None:
    """What takes a pod that was withdrawn, a volume that grows or a Job that is done again, tried with the account."""
    meta: Object = {"name": "rare", "namespace": scene.namespace}
    container = {"name": "main", "image": "none"}
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}
    claim: Object = {
        "apiVersion": "v1",
        "kind": CLAIM.name,
        "metadata": meta,
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    for body in (pod, claim):
        await scene.kube._inner.create(body)
    note: Object = {"metadata": {"annotations": {"note": "1"}}}
    await mine.patch(Ref(POD, scene.namespace, "rare"), note)
    assert await mine.delete(Ref(POD, scene.namespace, "rare"))
    assert await mine.get(CLAIM, "rare", namespace=scene.namespace)
    await mine.patch(Ref(CLAIM, scene.namespace, "rare"), note)
    await mine.listed(EVENT, namespace=scene.namespace, fields="involvedObject.name=rare")
    assert not await mine.delete(Ref(JOB, scene.namespace, "rare"))


@pytest.mark.parametrize("named", [False, True], ids=["everywhere", "in named namespaces"])
async def test_account_of_the_chart_may_do_all_that_the_operator_does(
    scene: Scene,
    api_server: ApiServer,
    installed: Callable[[Object], Account],
    named: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    namespaces = (scene.namespace,) if named else ()
    values: dict[str, Any] = {"operator": {"watchNamespaces": list(namespaces)}}
    account = installed(values)
    answers: list[tuple[str, int]] = []
    plan = Plan(
        namespace=account.namespace,
        namespaces=namespaces,
        identity="test",
        version=VERSION,
        concurrency=20,
        scaling_interval_s=0.2,
    )

    def connect() -> kopf.ConnectionInfo:
        return connection(api_server, token=account.token)

    async def connect_later() -> kopf.ConnectionInfo:
        return connect()

    def observe(verb: str, status: int) -> None:
        answers.append((verb, status))

    async with Kube(connect_later, chance=random.Random(1).random, observe=observe) as mine:
        lease = Lease(mine, name="operator", namespace=account.namespace, identity="test", clock=utc_now)
        await lease.acquire()
        async with operating(scene, mine, connect, plan=plan) as operator, kubelet(scene):
            panel = await make_cluster(scene, workers={"targetDepth": 10})
            counted = {"priorityClassName": "gold", "resourceQuota": {"admission": True, "pods": 9}}
            dedicated: dict[str, Any] = {"ingest": {"mode": "Dedicated"}, "isolation": counted}
            shop = await make_project(scene, "shop", **dedicated, workers={"scaler": "Keda"})
            await ready(scene, panel, shop)
            assert await scene.kube.get(RESOURCE_QUOTA, "shop-quota", namespace=scene.namespace)

            scene.stores.waiting["shared"] = 35

            async def scaled() -> bool:
                return await replicas_of(scene, "panel-worker") == 4

            await until_true(scaled)
            await scene.kube._inner.delete(Ref(DEPLOYMENT, scene.namespace, "panel-api"))

            async def restored() -> bool:
                return await replicas_of(scene, "panel-api") > 0

            await until_true(restored)
            await do_what_is_rare(scene, mine)
            await scene.delete(shop)
            await until(lambda: not operator.claims.is_known(shop))
        await lease.release()

    # To learn whether Secrets may be listed it tries, once for each place; this account may not, and that is meant.
    assert [verb for verb, status in answers if status == 403] == ["list"]
    assert await scene.kube.get(SECRET, "panel-redis", namespace=scene.namespace)
    refusals = [
        record.getMessage() for record in caplog.records if "forbidden" in record.getMessage().lower()
    ]
    assert refusals == []


async def test_account_of_the_chart_may_do_no_more(
    api_server: ApiServer, installed: Callable[[Object], Account]
) -> None:
    """A few of the things that whoever takes the account over would like to do."""
    account = installed({})

    def may(verb: str, resource: str, *, group: str = "", sub: str = "") -> bool:
        wish = {"verb": verb, "resource": resource, "group": group, "namespace": "default"}
        review = {"spec": {"resourceAttributes": wish | ({"subresource": sub} if sub else {})}}
        with api_server.client(token=account.token) as client:
            answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
        return bool(answer.raise_for_status().json()["status"]["allowed"])

    assert may("get", "secrets")
    assert not may("list", "secrets")
    assert not may("watch", "secrets")
    for resource in ("serviceaccounts", "limitranges", "nodes"):
        assert not may("get", resource)
    assert not may("create", "pods")
    assert not may("create", "pods", sub="exec")
    assert not may("create", "serviceaccounts", sub="token")
    assert not may("create", "rolebindings", group="rbac.authorization.k8s.io")
    assert not may("delete", "persistentvolumeclaims")
    assert not may("create", "analyticsprojects", group="openpanel.dev")
