"""A PanelCluster against the real API server: the order of things, and what each trouble becomes."""

import asyncio
import base64
import contextlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from openpanel_operator.desired.autoscaling import SCALED_OBJECT
from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import DEPLOYMENT, JOB, POD, PROJECT, SECRET, STATEFUL_SET
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.reconcile.reconciling import Failed
from openpanel_operator.reconcile.volumes import CLAIM
from tests.operator.reconcile.waiting import until_true
from tests.operator.reconcile.worlds import Scene, finish, make_cluster, make_project, serve, served_status


async def image(scene: Scene, name: str) -> str:
    body = await scene.kube.get(DEPLOYMENT, name, namespace=scene.namespace)
    assert body is not None
    return str(body["spec"]["template"]["spec"]["containers"][0]["image"])


async def serve_one(scene: Scene, name: str, **changes: Any) -> None:
    body = await scene.kube.get(DEPLOYMENT, name, namespace=scene.namespace)
    assert body is not None
    status = {**served_status(body), **changes}
    await scene.kube._inner.patch(Ref(DEPLOYMENT, scene.namespace, name), {"status": status}, sub="status")


async def test_cluster_becomes_ready_and_a_second_pass_writes_nothing(scene: Scene) -> None:
    panel = await make_cluster(scene)

    await scene.settle(panel)

    status = await scene.status(panel)
    assert (await scene.condition(panel, "Ready"))["status"] == "True", status
    assert status["version"] == "1.0.0"
    assert await scene.writes_of(panel) == []
    scene.restart()
    assert await scene.writes_of(panel) == []


async def test_managed_servers_become_ready_and_a_second_pass_writes_nothing(scene: Scene) -> None:
    panel = await make_cluster(scene, clickhouse={"engine": "Managed", "shards": 2, "replicas": 2})

    await scene.settle(panel)

    status = await scene.status(panel)
    assert (await scene.condition(panel, "Ready"))["status"] == "True", status
    assert status["clickhouse"]["readyShards"] == 2
    assert [node["furnished"] for node in status["clickhouse"]["nodes"]] == [True] * 4
    assert status["keeper"]["members"] == [0, 1, 2]
    scene.restart()
    assert await scene.writes_of(panel) == []


async def test_generated_credentials_are_made_once(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    before = await scene.kube.get(SECRET, "panel-postgres", namespace=scene.namespace)

    scene.restart()
    await scene.reconcile(panel)

    after = await scene.kube.get(SECRET, "panel-postgres", namespace=scene.namespace)
    assert before is not None
    assert after is not None
    assert before["data"] == after["data"]
    assert "ownerReferences" not in after["metadata"]  # the volume that it opens stays, too


async def test_credentials_go_with_the_cluster_when_its_data_does(scene: Scene) -> None:
    panel = await make_cluster(scene, deletionPolicy="Delete")

    await scene.settle(panel)

    secret = await scene.kube.get(SECRET, "panel-redis", namespace=scene.namespace)
    assert secret is not None
    assert secret["metadata"]["ownerReferences"][0]["name"] == "panel"


async def test_services_wait_for_the_schema(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.reconcile(panel)
    (job,) = await scene.kube.listed(JOB, namespace=scene.namespace)
    await finish(scene.kube, Ref(JOB, scene.namespace, job["metadata"]["name"]), failed=True)
    for kind in (DEPLOYMENT, STATEFUL_SET):
        for body in await scene.kube.listed(kind, namespace=scene.namespace):
            ref = Ref(kind, scene.namespace, body["metadata"]["name"])
            await scene.kube._inner.patch(ref, {"status": served_status(body)}, sub="status")

    await scene.reconcile(panel)

    schema = await scene.condition(panel, "SchemaInSync")
    assert (schema["status"], schema["reason"]) == ("False", "MigrationFailed")
    assert "gave up" in schema["message"]


async def test_failed_migration_is_tried_again_after_a_while(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.reconcile(panel)
    (job,) = await scene.kube.listed(JOB, namespace=scene.namespace)
    await finish(scene.kube, Ref(JOB, scene.namespace, job["metadata"]["name"]), failed=True)
    await scene.reconcile(panel)
    scene.now = scene.now.replace(year=2036)

    await scene.settle(panel)

    assert (await scene.condition(panel, "SchemaInSync"))["status"] == "True"


async def test_tables_that_were_lost_are_made_again(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    scene.stores.current = False

    await scene.reconcile(panel)

    assert len(await scene.kube.listed(JOB, namespace=scene.namespace)) == 1
    scene.stores.current = True
    await scene.settle(panel)
    assert (await scene.condition(panel, "Ready"))["status"] == "True"


async def test_upgrade_goes_from_workers_to_api_to_dashboard_and_stops_where_it_fails(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    await scene.change(panel, version="2.0.0")

    await scene.reconcile(panel)
    (job,) = await scene.kube.listed(JOB, namespace=scene.namespace)
    assert (await image(scene, "panel-worker")).endswith(":1.0.0")

    await finish(scene.kube, Ref(JOB, scene.namespace, job["metadata"]["name"]))
    await scene.reconcile(panel)
    await scene.reconcile(panel)
    assert (await image(scene, "panel-worker")).endswith(":2.0.0")
    assert (await image(scene, "panel-api")).endswith(":1.0.0")

    await serve_one(scene, "panel-worker")
    await scene.reconcile(panel)
    assert (await image(scene, "panel-api")).endswith(":2.0.0")
    assert (await image(scene, "panel-dashboard")).endswith(":1.0.0")

    await serve_one(scene, "panel-ingest")
    await _broken_pod(scene, "panel-api")
    await scene.reconcile(panel)
    assert (await image(scene, "panel-dashboard")).endswith(":1.0.0")
    stopped = await scene.condition(panel, "UpToDate")
    assert (stopped["status"], stopped["reason"]) == ("False", "UpgradeStopped")
    assert "ImageUnavailable" in stopped["message"]
    assert (await scene.status(panel))["version"] == "1.0.0"

    await serve_one(scene, "panel-api")
    await scene.settle(panel)
    assert (await image(scene, "panel-dashboard")).endswith(":2.0.0")
    assert (await scene.status(panel))["version"] == "2.0.0"


async def test_newer_operator_waits_for_a_person_where_the_policy_is_manual(scene: Scene) -> None:
    panel = await make_cluster(scene, upgrade={"policy": "Manual"}, version="0.9.0")
    await scene.settle(panel)
    await scene.change(panel, version=None)

    await scene.settle(panel)

    assert (await image(scene, "panel-api")).endswith(":0.9.0")


async def test_pod_of_a_withdrawn_template_is_deleted(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    stateful_set = await scene.kube.get(STATEFUL_SET, "panel-redis", namespace=scene.namespace)
    assert stateful_set is not None
    await _pod(scene, stateful_set, "panel-redis-0", revision="bad")
    status = {
        **served_status(stateful_set), "readyReplicas": 0, "updatedReplicas": 0, "availableReplicas": 0,
        "currentRevision": "bad", "updateRevision": "good",
    }  # fmt: skip
    ref = Ref(STATEFUL_SET, scene.namespace, "panel-redis")
    await scene.kube._inner.patch(ref, {"status": status}, sub="status")

    await scene.reconcile(panel)

    pod = await scene.kube.get(POD, "panel-redis-0", namespace=scene.namespace)
    assert pod is None or "deletionTimestamp" in pod["metadata"]


async def test_missing_secret_is_named_and_noticed_when_it_comes(scene: Scene) -> None:
    panel = await make_cluster(
        scene, postgres={"mode": "External", "external": {"secretName": "my-postgres"}}
    )
    await scene.reconcile(panel)
    missing = await scene.condition(panel, "PostgresReady")
    assert (missing["status"], missing["reason"]) == ("False", "SecretMissing")
    assert "my-postgres" in missing["message"]

    await _secret(scene, "my-postgres", other="x")
    await scene.reconcile(panel)
    assert (await scene.condition(panel, "PostgresReady"))["reason"] == "SecretKeyMissing"

    await _secret(scene, "my-postgres", url="postgresql://there/db")
    await scene.settle(panel)
    assert (await scene.condition(panel, "PostgresReady"))["reason"] == "External"
    assert (await scene.condition(panel, "Ready"))["status"] == "True"


async def test_keda_needs_address_and_password_of_an_external_redis(scene: Scene) -> None:
    scene.world.installed.kinds = frozenset({SCALED_OBJECT})
    external = Ref(SECRET, scene.namespace, "our-redis")
    meta = {"name": external.name, "namespace": scene.namespace}
    data = {"url": "redis://:p@redis:6379/0"}
    await scene.kube._inner.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}
    )
    panel = await make_cluster(
        scene,
        redis={"mode": "External", "external": {"secretName": external.name}},
        workers={"scaler": "Keda"},
    )
    with contextlib.suppress(Failed):  # the kind itself is not installed here, so its objects are refused
        await scene.reconcile(panel)

    found = await scene.condition(panel, "ScalingActive")
    assert (found["status"], found["reason"]) == ("False", "SecretKeyMissing")
    assert found["message"] == "Secret our-redis has no key address and no key password"

    more = {"stringData": {"address": "redis:6379", "password": "p"}}
    await scene.kube._inner.patch(external, more, by="somebody")
    with contextlib.suppress(Failed):
        await scene.reconcile(panel)
    assert (await scene.condition(panel, "ScalingActive"))["reason"] == "Delegated"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("connection refused", "Unreachable"),
        ('FATAL: password authentication failed for user "x"', "AuthenticationFailed"),
    ],
)
async def test_store_that_fails_is_named_and_heals(scene: Scene, fault: str, reason: str) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    scene.stores.away["PostgreSQL"] = fault

    await scene.reconcile(panel)

    postgres = await scene.condition(panel, "PostgresReady")
    assert (postgres["status"], postgres["reason"]) == ("False", reason)
    assert fault in postgres["message"]
    assert (await scene.condition(panel, "Degraded"))["status"] == "True"
    assert (await scene.condition(panel, "ApiReady"))["status"] == "True"  # one fault is not all faults
    assert await scene.writes_of(panel) == []

    scene.stores.away.clear()
    await scene.reconcile(panel)
    assert (await scene.condition(panel, "Ready"))["status"] == "True"


async def test_volume_that_shall_be_larger_is_enlarged(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-panel-redis-0", "namespace": scene.namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "10Gi"}},
        },
    }
    await scene.kube._inner.create(claim)
    before = await scene.kube.get(STATEFUL_SET, "panel-redis", namespace=scene.namespace)
    await scene.change(panel, redis={"storage": {"size": "20Gi"}})

    await scene.reconcile(panel)
    await scene.reconcile(panel)

    found = await scene.condition(panel, "ScaleAllowed")
    assert (found["status"], found["reason"]) == ("False", "VolumeNotExpandable")  # no class, so no resizing
    assert "data-panel-redis-0" in found["message"]
    assert (await scene.condition(panel, "Ready"))["status"] == "True"  # it serves as it is
    after = await scene.kube.get(STATEFUL_SET, "panel-redis", namespace=scene.namespace)
    assert before is not None
    assert after is not None
    assert "deletionTimestamp" in after["metadata"]  # to be made anew around its pod
    assert after["metadata"]["finalizers"] == ["orphan"]

    await scene.kube._inner.patch(
        Ref(STATEFUL_SET, scene.namespace, "panel-redis"), {"metadata": {"finalizers": []}}
    )
    with contextlib.suppress(Failed):
        await scene.reconcile(panel)
    anew = await scene.kube.get(STATEFUL_SET, "panel-redis", namespace=scene.namespace)
    assert anew is not None
    assert anew["metadata"]["uid"] != before["metadata"]["uid"]
    (template,) = anew["spec"]["volumeClaimTemplates"]
    assert template["spec"]["resources"]["requests"]["storage"] == "20Gi"


@pytest.fixture
def growing_class(kubernetes: httpx.Client, fresh_name: Callable[[str], str]) -> str:
    """A storage class whose volumes can grow."""
    name = fresh_name("growing")
    body = {"metadata": {"name": name}, "provisioner": "example.org/disks", "allowVolumeExpansion": True}
    kubernetes.post("/apis/storage.k8s.io/v1/storageclasses", json=body).raise_for_status()
    return name


async def test_volume_that_an_earlier_cluster_left_grows_where_its_class_allows(
    scene: Scene, kubernetes: httpx.Client, growing_class: str
) -> None:
    claim = Ref(CLAIM, scene.namespace, "data-panel-postgres-0")
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": growing_class,
        "volumeName": "left",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    meta = {"name": claim.name, "namespace": scene.namespace}
    left = {"apiVersion": "v1", "kind": CLAIM.name, "metadata": meta, "spec": spec}
    await scene.kube._inner.create(left)
    await bind(scene, claim, size="1Gi")
    await grows(kubernetes, claim)
    panel = await make_cluster(scene, postgres={"storage": {"size": "3Gi"}})

    await scene.settle(panel)

    asked = await scene.kube.get(CLAIM, claim.name, namespace=scene.namespace)
    assert asked is not None
    assert asked["spec"]["resources"]["requests"]["storage"] == "3Gi"
    found = await scene.condition(panel, "ScaleAllowed")
    assert (found["status"], found["reason"]) == ("False", "VolumeResizing")

    await bind(scene, claim, size="3Gi")
    await scene.settle(panel)
    assert (await scene.condition(panel, "ScaleAllowed"))["status"] == "True"
    assert await scene.writes_of(panel) == []


async def grows(kubernetes: httpx.Client, claim: Ref) -> None:
    """Wait until the API server would let the claim grow: it knows of a new class a moment later."""
    where = CLAIM.path(namespace=claim.namespace, name=claim.name)
    change = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    headers = {"Content-Type": "application/merge-patch+json"}

    async def would() -> bool:
        answer = await asyncio.to_thread(
            kubernetes.patch, where, params={"dryRun": "All"}, headers=headers, json=change
        )
        return answer.is_success

    await until_true(would)


async def bind(scene: Scene, claim: Ref, *, size: str) -> None:
    """What the volume controllers do."""
    status = {"phase": "Bound", "capacity": {"storage": size}}
    await scene.kube._inner.patch(claim, {"status": status}, sub="status", by="controller")


async def test_cluster_with_the_name_of_an_elder_project_of_another_cluster_is_refused(scene: Scene) -> None:
    panel = await make_cluster(scene)
    elder = await make_project(scene, "shop", clusterRef={"name": panel.name}, ingest={"mode": "Dedicated"})
    await scene.settle(panel, elder)
    younger = await make_cluster(scene, "shop")
    before = await scene.objects()

    await scene.look()
    body = await scene.kube.get(PROJECT, elder.name, namespace=elder.namespace)
    assert body is not None
    body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"  # the real ones may be of the same second
    scene.claims.put(body, key=elder)
    await scene.reconciler(younger)

    found = await scene.condition(younger, "SpecValid")
    assert (found["status"], found["reason"]) == ("False", "NameConflict")
    assert str(elder) in found["message"]
    assert await scene.objects() == before
    assert scene.claims.drop(elder) == {younger}


async def test_paused_cluster_is_left_alone(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    await scene.annotate(panel, paused="true")
    await scene.kube._inner.delete(Ref(DEPLOYMENT, scene.namespace, "panel-api"))

    await scene.reconcile(panel)
    assert await scene.kube.get(DEPLOYMENT, "panel-api", namespace=scene.namespace) is None
    assert (await scene.condition(panel, "Paused"))["status"] == "True"

    await scene.annotate(panel, paused=None)
    await scene.settle(panel)
    assert await scene.kube.get(DEPLOYMENT, "panel-api", namespace=scene.namespace) is not None
    assert (await scene.condition(panel, "Paused"))["status"] == "False"


async def test_object_of_somebody_else_is_not_taken(scene: Scene) -> None:
    await _secret(scene, "panel-redis", other="theirs")
    panel = await make_cluster(scene)

    await scene.reconcile(panel)

    found = await scene.condition(panel, "SpecValid")
    assert (found["status"], found["reason"]) == ("Unknown", "SecretConflict")
    secret = await scene.kube.get(SECRET, "panel-redis", namespace=scene.namespace)
    assert secret is not None
    assert "labels" not in secret["metadata"]


async def test_secret_that_a_person_made_before_is_used_as_it_is(scene: Scene) -> None:
    await _secret(scene, "panel-redis", password="0123456789abcdef")
    panel = await make_cluster(scene)

    await scene.settle(panel)

    assert (await scene.condition(panel, "Ready"))["status"] == "True"
    secret = await scene.kube.get(SECRET, "panel-redis", namespace=scene.namespace)
    assert secret is not None
    assert base64.b64decode(secret["data"]["password"]) == b"0123456789abcdef"
    assert "labels" not in secret["metadata"]


async def test_events_are_told_once_per_change(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    ready = await _told(scene)

    for _ in range(3):
        await scene.reconcile(panel)

    assert set(ready) == {"Applied", "Ready"}
    assert await _told(scene) == []


async def _told(scene: Scene) -> list[str]:
    waiting = scene.recorder._waiting
    return [waiting.get_nowait()["reason"] for _ in range(waiting.qsize())]


async def _secret(scene: Scene, name: str, **values: str) -> None:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    meta = {"name": name, "namespace": scene.namespace}
    await scene.kube._inner.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}, manager="somebody"
    )


async def _pod(scene: Scene, workload: Object, name: str, *, revision: str = "a") -> Ref:
    """A pod of this workload, that is not ready."""
    template = workload["spec"]["template"]
    owner = {"apiVersion": "apps/v1", "kind": workload["kind"], "name": workload["metadata"]["name"]}
    await scene.kube._inner.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": scene.namespace,
                "labels": {**template["metadata"]["labels"], "controller-revision-hash": revision},
                "ownerReferences": [{**owner, "uid": workload["metadata"]["uid"], "controller": True}],
            },
            "spec": {
                **template["spec"],
                "volumes": [*template["spec"]["volumes"], {"name": "data", "emptyDir": {}}],
            },
        }
    )
    return Ref(POD, scene.namespace, name)


async def _broken_pod(scene: Scene, workload: str) -> None:
    """A pod whose image is not to be had."""
    body = await scene.kube.get(DEPLOYMENT, workload, namespace=scene.namespace)
    assert body is not None
    ref = await _pod(scene, body, f"{workload}-x")
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    container = body["spec"]["template"]["spec"]["containers"][0]
    statuses = [
        {
            "name": container["name"], "image": container["image"], "imageID": "", "ready": False,
            "restartCount": 0, "state": {"waiting": waiting},
        }
    ]  # fmt: skip
    status = {"phase": "Pending", "containerStatuses": statuses}
    await scene.kube._inner.patch(ref, {"status": status}, sub="status")


async def test_serving_pods_are_needed_for_every_service(scene: Scene) -> None:
    panel: Key = await make_cluster(scene)
    await scene.settle(panel)
    await serve_one(scene, "panel-api", readyReplicas=0, availableReplicas=0)

    await scene.reconcile(panel)

    api = await scene.condition(panel, "ApiReady")
    assert (api["status"], api["reason"]) == ("False", "WaitingForPods")
    assert (await scene.condition(panel, "Ready"))["status"] == "False"
    await serve(scene.kube, [scene.namespace])
    await scene.reconcile(panel)
    assert (await scene.condition(panel, "Ready"))["status"] == "True"
