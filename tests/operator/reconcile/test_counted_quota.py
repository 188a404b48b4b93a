"""A quota that Kubernetes counts by priority class: made, put back and taken away; and whose class it may be."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest

from openpanel_operator.kube import Key, KubeError, Ref, Refused
from openpanel_operator.kube.kinds import DEPLOYMENT, POD, RESOURCE_QUOTA
from openpanel_operator.kube.objects import Object
from openpanel_operator.reconcile.claims import Claims
from tests.operator.reconcile.test_quota import no_pods
from tests.operator.reconcile.waiting import until_true
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project, serve

CLASSES: Final = "/apis/scheduling.k8s.io/v1/priorityclasses"
QUOTA = {"admission": True, "pods": 12, "requests": {"cpu": "4"}, "limits": {"memory": "16Gi"}}
PLAIN: Final[dict[str, Any]] = {
    "ingest": {"mode": "Dedicated"},
    "isolation": {"priorityClassName": "gold"},
}


def counted(name: str = "gold", **quota: Any) -> dict[str, Any]:
    isolation = {"priorityClassName": name, "resourceQuota": {**QUOTA, **quota}}
    return {"ingest": {"mode": "Dedicated"}, "isolation": isolation}


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


async def quota_of(scene: Scene, name: str) -> Object | None:
    return await scene.kube.get(RESOURCE_QUOTA, f"{name}-quota", namespace=scene.namespace)


async def enforced(scene: Scene, key: Key) -> tuple[str, str]:
    found = await scene.condition(key, "QuotaEnforced")
    return found["status"], found["reason"]


@pytest.mark.usefixtures("panel")
async def test_quota_is_made_and_what_somebody_changes_is_put_back(scene: Scene) -> None:
    shop = await make_project(scene, "shop", **counted())
    await scene.settle(shop)
    assert await enforced(scene, shop) == ("True", "AsWanted")
    assert await scene.writes_of(shop) == []
    before = await quota_of(scene, "shop")
    assert before is not None

    ref = Ref(RESOURCE_QUOTA, scene.namespace, "shop-quota")
    more = {"hard": {"pods": "99", "requests.cpu": "99"}}
    await scene.kube._inner.patch(ref, {"spec": more}, by="somebody")
    await scene.reconcile(shop)
    after = await quota_of(scene, "shop")
    assert after is not None
    assert after["spec"] == before["spec"]

    await scene.kube._inner.delete(ref)
    await scene.reconcile(shop)
    again = await quota_of(scene, "shop")
    assert again is not None
    assert again["spec"] == before["spec"]


@pytest.mark.usefixtures("panel")
async def test_quota_follows_the_projects_class_and_bounds(scene: Scene) -> None:
    shop = await make_project(scene, "shop", **counted())
    await scene.settle(shop)

    bounds = {"pods": 20, "requests": {"cpu": None}, "limits": {"memory": "32Gi"}}
    await scene.change(shop, isolation={"priorityClassName": "silver", "resourceQuota": bounds})
    await scene.settle(shop)

    quota = await quota_of(scene, "shop")
    assert quota is not None
    assert quota["spec"]["hard"] == {"pods": "20", "limits.memory": "32Gi"}
    assert quota["spec"]["scopeSelector"]["matchExpressions"][0]["values"] == ["silver"]
    assert await scene.writes_of(shop) == []


@pytest.mark.usefixtures("panel")
async def test_quota_goes_when_nobody_asks_for_it_any_more(scene: Scene) -> None:
    shop = await make_project(scene, "shop", **counted())
    await scene.settle(shop)

    await scene.change(shop, isolation={"resourceQuota": {"admission": False}})
    await scene.settle(shop)

    assert await quota_of(scene, "shop") is None
    assert await enforced(scene, shop) == ("True", "NotWanted")
    assert await scene.writes_of(shop) == []


@pytest.mark.usefixtures("panel")
async def test_project_that_never_asked_is_told_nothing(scene: Scene) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(shop)

    assert await scene.condition(shop, "QuotaEnforced") == {}


@pytest.mark.usefixtures("panel")
async def test_project_without_pods_of_its_own_has_nothing_to_count(scene: Scene) -> None:
    shop = await make_project(scene, "shop", isolation=counted()["isolation"])
    await scene.settle(shop)

    assert await enforced(scene, shop) == ("True", "Shared")
    assert await quota_of(scene, "shop") is None


@pytest.mark.usefixtures("panel")
async def test_quota_that_would_hold_up_a_rolling_update_is_not_made_and_says_what_would_do(
    scene: Scene,
) -> None:
    shop = await make_project(scene, "shop", **counted(pods=5))
    await scene.settle(shop)
    assert await enforced(scene, shop) == ("False", "QuotaTooSmall")
    assert "pods is 5 and 6 would do" in (await scene.condition(shop, "QuotaEnforced"))["message"]
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    assert (await scene.condition(shop, "Degraded"))["status"] == "True"
    assert await quota_of(scene, "shop") is None

    await scene.change(shop, isolation={"resourceQuota": {"pods": 6}})
    await scene.settle(shop)

    assert await enforced(scene, shop) == ("True", "AsWanted")
    assert (await scene.condition(shop, "Degraded"))["status"] == "False"


@pytest.mark.usefixtures("panel")
async def test_younger_of_two_projects_with_one_class_is_refused_and_heals(scene: Scene) -> None:
    shop = await make_project(scene, "shop", **counted())
    await scene.settle(shop)
    bank = await make_project(scene, "bank", **counted())
    await scene.settle(shop, bank)

    found = await scene.condition(bank, "SpecValid")
    assert (found["status"], found["reason"]) == ("False", "PriorityConflict")
    assert "gold" in found["message"]
    assert str(shop) in found["message"]
    assert await enforced(scene, shop) == ("True", "AsWanted")
    assert await scene.kube.get(DEPLOYMENT, "bank-ingest", namespace=scene.namespace) is None

    await scene.change(bank, isolation={"priorityClassName": "silver"})
    await scene.settle(shop, bank)

    assert (await scene.condition(bank, "Ready"))["status"] == "True"
    assert await enforced(scene, bank) == ("True", "AsWanted")


@pytest.mark.usefixtures("panel")
async def test_project_that_would_be_counted_with_another_is_refused(scene: Scene) -> None:
    shop = await make_project(scene, "shop", **counted())
    await scene.settle(shop)
    bank = await make_project(scene, "bank", **PLAIN)
    await scene.settle(shop, bank)

    assert (await scene.condition(bank, "SpecValid"))["reason"] == "PriorityConflict"
    assert await enforced(scene, shop) == ("True", "AsWanted")

    scene.restart()
    await scene.settle(bank, shop)
    assert (await scene.condition(bank, "SpecValid"))["reason"] == "PriorityConflict"
    assert await enforced(scene, shop) == ("True", "AsWanted")


@pytest.mark.usefixtures("panel")
async def test_nobody_is_counted_who_had_the_class_before_somebody_asked(scene: Scene) -> None:
    shop = await make_project(scene, "shop", **PLAIN)
    bank = await make_project(scene, "bank", **PLAIN)
    await scene.settle(shop, bank)

    await scene.change(shop, **counted())
    await scene.settle(shop, bank)

    assert await enforced(scene, shop) == ("False", "PriorityConflict")
    assert str(bank) in (await scene.condition(shop, "QuotaEnforced"))["message"]
    assert await quota_of(scene, "shop") is None
    assert (await scene.condition(bank, "Ready"))["status"] == "True"

    scene.asked.clear()
    await scene.change(bank, isolation={"priorityClassName": "silver"})
    await scene.settle(bank, shop)
    assert await enforced(scene, shop) == ("True", "AsWanted")


async def test_stores_are_never_counted_with_a_project(scene: Scene, panel: Key) -> None:
    shop = await make_project(scene, "shop", **counted())
    await scene.settle(shop)
    assert await quota_of(scene, "shop") is not None

    await scene.change(panel, redis={"placement": {"priorityClassName": "gold"}})
    await scene.settle(panel, shop)

    assert await enforced(scene, shop) == ("False", "PriorityConflict")
    assert str(panel) in (await scene.condition(shop, "QuotaEnforced"))["message"]
    assert await quota_of(scene, "shop") is None
    assert (await scene.condition(panel, "Ready"))["status"] == "True"


@pytest.fixture
def priority_class(kubernetes: httpx.Client, fresh_name: Callable[[str], str]) -> Iterator[str]:
    """A class that no other test has, since they are of the whole Kubernetes cluster."""
    name = fresh_name("class")
    kubernetes.post(CLASSES, json={"metadata": {"name": name}, "value": 7}).raise_for_status()
    yield name
    kubernetes.delete(f"{CLASSES}/{name}").raise_for_status()


def pod_of(deployment: Object, name: str) -> Object:
    """The pod that the Deployment's controllers would make."""
    template = deployment["spec"]["template"]
    meta = {
        "name": name,
        "namespace": deployment["metadata"]["namespace"],
        "labels": template["metadata"]["labels"],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


async def begin_counting(scene: Scene, name: str) -> None:
    """What the controller of quotas does when it sees one."""
    quota = await quota_of(scene, name)
    assert quota is not None
    hard = quota["spec"]["hard"]
    status = {"hard": hard, "used": dict.fromkeys(hard, "0")}
    ref = Ref(RESOURCE_QUOTA, scene.namespace, f"{name}-quota")
    await scene.kube._inner.patch(ref, {"status": status}, sub="status", by="controller")


async def admitted(scene: Scene, kubernetes: httpx.Client, pod: Object) -> None:
    """Wait until the API server would take the pod: it knows of class and quota a moment after they are written."""
    where = POD.path(namespace=scene.namespace)

    async def would_be() -> bool:
        answer = await asyncio.to_thread(kubernetes.post, where, params={"dryRun": "All"}, json=pod)
        return answer.is_success

    await until_true(would_be)


@pytest.mark.usefixtures("panel")
async def test_api_server_refuses_the_pod_that_is_too_many_and_the_condition_has_its_words(
    scene: Scene, kubernetes: httpx.Client, priority_class: str
) -> None:
    shop = await make_project(scene, "shop", **counted(priority_class, pods=6))
    await scene.settle(shop)
    await begin_counting(scene, "shop")
    ingest, worker, strange = [
        await scene.kube.get(DEPLOYMENT, name, namespace=scene.namespace)
        for name in ("shop-ingest", "shop-worker", "panel-api")
    ]
    assert ingest is not None
    assert worker is not None
    assert strange is not None
    fewest = [pod_of(ingest, f"ingest-{number}") for number in range(3)] + [pod_of(worker, "worker-0")]
    replaced = [pod_of(ingest, "ingest-new"), pod_of(worker, "worker-new")]

    await admitted(scene, kubernetes, fewest[0])
    for each in (*fewest, *replaced):
        await made(scene, each)
    with pytest.raises(KubeError) as refused:
        await made(scene, pod_of(ingest, "ingest-too-many"))

    assert isinstance(refused.value, Refused)
    assert "exceeded quota: shop-quota" in refused.value.message
    await made(scene, pod_of(strange, "of-the-cluster"))  # of another class, and not counted
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": refused.value.message,
    }
    await no_pods(scene, DEPLOYMENT, "shop-ingest", conditions=[failure])
    await scene.reconcile(shop)
    found = await scene.condition(shop, "IngestReady")
    assert (found["status"], found["reason"]) == ("False", "QuotaExceeded")
    assert "shop-quota" in found["message"]
    await no_pods(scene, DEPLOYMENT, "shop-ingest", conditions=[])
    await serve(scene.kube, [scene.namespace])
    await scene.reconcile(shop)
    assert (await scene.condition(shop, "IngestReady"))["status"] == "True"


async def made(scene: Scene, pod: Object) -> None:
    body = {**pod, "spec": {key: value for key, value in pod["spec"].items() if key != "priority"}}
    await scene.kube._inner.create(body)
    assert await scene.kube.listed(POD, namespace=scene.namespace)


def resource(key: Key, *, made: int, is_counted: bool = False, **spec: Any) -> dict[str, Any]:
    meta = {
        "name": key.name,
        "namespace": key.namespace,
        "creationTimestamp": f"2026-01-01T00:00:{made:02}Z",
    }
    told = [{"type": "QuotaEnforced", "status": "True", "reason": "AsWanted"}] if is_counted else []
    return {"metadata": meta, "spec": {"clusterRef": MAIN, **spec}, "status": {"conditions": told}}


MAIN = {"name": "main", "namespace": "a"}


def project(name: str, namespace: str = "a") -> Key:
    return Key("AnalyticsProject", namespace, name)


def before(claims: Claims, key: Key) -> list[Key]:
    return claims.before_in_class(key, "gold", place="a")


def test_elder_of_two_that_ask_comes_first() -> None:
    claims = Claims()
    old, young = project("old", "x"), project("young", "y")
    claims.put(resource(young, made=2, **counted()), key=young)
    assert claims.put(resource(old, made=1, **counted()), key=old) == {young}

    assert before(claims, old) == []
    assert before(claims, young) == [old]


def test_who_is_counted_already_comes_before_who_takes_the_class_later() -> None:
    claims = Claims()
    asks, plain = project("asks"), project("plain")
    claims.put(resource(asks, made=1, **counted()), key=asks)
    claims.put(resource(plain, made=2, **PLAIN), key=plain)
    assert before(claims, asks) == [plain]

    assert claims.put(resource(asks, made=1, is_counted=True, **counted()), key=asks) == {plain}

    assert before(claims, asks) == []
    assert before(claims, plain) == [asks]
    assert claims.asks_for_quota(asks)
    assert not claims.asks_for_quota(plain)


def test_cluster_comes_first_and_the_project_hears_of_it() -> None:
    claims = Claims()
    shop, main, far = project("shop"), Key("PanelCluster", "a", "main"), Key("PanelCluster", "b", "far")
    claims.put(resource(shop, made=1, is_counted=True, **counted()), key=shop)
    placed: dict[str, Any] = {"api": {"placement": {"priorityClassName": "gold"}}}

    claims.put(resource(far, made=2, **placed), key=far)
    assert before(claims, shop) == []
    assert claims.put(resource(main, made=3, **placed), key=main) == {shop, far}
    assert before(claims, shop) == [main]


def test_project_that_shares_the_ingest_has_no_pods_of_a_class() -> None:
    claims = Claims()
    shop, shared = project("shop"), project("shared")
    claims.put(resource(shop, made=2, **counted()), key=shop)
    claims.put(resource(shared, made=1, isolation=counted()["isolation"]), key=shared)

    assert before(claims, shop) == []
    assert not claims.asks_for_quota(shared)


def test_projects_of_one_class_hear_of_one_another_only_where_somebody_counts() -> None:
    claims = Claims()
    first, second, asks = project("first"), project("second"), project("asks")
    claims.put(resource(first, made=1, **PLAIN), key=first)

    assert claims.put(resource(second, made=2, **PLAIN), key=second) == set()
    assert claims.put(resource(asks, made=3, **counted()), key=asks) == {first, second}
    assert claims.put(resource(second, made=2), key=second) == {first, asks}
    assert claims.drop(asks) == {first}
