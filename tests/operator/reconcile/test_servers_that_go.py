"""Managed ClickHouse servers that nobody wants any more, and those that are behind, against the real API server."""

import contextlib
from typing import Any

from openpanel_operator.desired import Node
from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import CONFIG_MAP, POD, SECRET, STATEFUL_SET
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.reconcile.reconciling import Failed
from tests.operator.reconcile.worlds import Scene, make_cluster, served_status

TWO_BY_TWO = {"engine": "Managed", "shards": 2, "replicas": 2}
SECOND_SHARD = {Node(1, 0), Node(1, 1)}


async def test_replica_stays_until_the_others_have_its_data_and_says_so(scene: Scene) -> None:
    panel = await clusters(scene)
    await scene.change(panel, clickhouse={"replicas": 1})

    await scene.settle(panel)

    allowed = await scene.condition(panel, "ScaleAllowed")
    assert (allowed["status"], allowed["reason"]) == ("False", "ScaleDownBlocked")
    assert "panel-clickhouse-0-1, panel-clickhouse-1-1" in allowed["message"]
    assert len(await servers(scene)) == 4

    scene.stores.spare |= {Node(0, 1), Node(1, 1)}
    await scene.settle(panel)

    assert await servers(scene) == {"panel-clickhouse-0-0", "panel-clickhouse-1-0"}
    assert (await scene.condition(panel, "ScaleAllowed"))["status"] == "True"


async def test_shard_gets_nothing_new_and_goes_when_it_is_empty(scene: Scene) -> None:
    panel = await clusters(scene)
    await scene.change(panel, clickhouse={"shards": 1, "shardRemoval": "Allow"})

    await scene.settle(panel)

    allowed = await scene.condition(panel, "ScaleAllowed")
    assert (allowed["status"], allowed["reason"]) == ("False", "ShardNotEmpty")
    assert "shard 1 " in allowed["message"]
    assert "docs/operations.md" in allowed["message"]
    assert len(await servers(scene)) == 4
    known = await told_of_the_cluster(scene)
    assert "panel-clickhouse-1-0-0" in known
    assert known.count("<weight>0</weight>") == 1

    scene.stores.spare |= SECOND_SHARD
    await scene.settle(panel)

    assert await servers(scene) == {"panel-clickhouse-0-0", "panel-clickhouse-0-1"}
    known = await told_of_the_cluster(scene)
    assert "panel-clickhouse-1-" not in known
    assert "<weight>" not in known
    assert (await scene.condition(panel, "ScaleAllowed"))["status"] == "True"


async def test_server_that_is_behind_is_told_of(scene: Scene) -> None:
    panel = await clusters(scene)
    scene.stores.behind[Node(0, 1)] = 127

    await scene.reconcile(panel)

    ready = await scene.condition(panel, "ClickHouseReady")
    assert (ready["status"], ready["reason"]) == ("True", "ReplicaLagging")
    assert ready["message"] == "panel-clickhouse-0-1 is 100 s behind"
    nodes = (await scene.status(panel))["clickhouse"]["nodes"]
    assert [node["delaySeconds"] for node in nodes] == [0, 100, 0, 0]
    scene.stores.behind[Node(0, 1)] = 128
    assert await scene.writes_of(panel) == []

    scene.stores.behind.clear()
    await scene.reconcile(panel)
    assert (await scene.condition(panel, "ClickHouseReady"))["reason"] == "AsWanted"


async def test_new_server_is_asked_when_it_has_the_data_of_its_shard(scene: Scene) -> None:
    panel = await make_cluster(scene, clickhouse={"engine": "Managed", "shards": 1, "replicas": 1})
    await scene.settle(panel)
    scene.stores.behind[Node(0, 1)] = 600
    await scene.change(panel, clickhouse={"replicas": 2})

    await scene.settle(panel)
    assert "panel-clickhouse-0-1" not in await told_of_the_cluster(scene)

    scene.stores.behind.clear()
    await scene.settle(panel)
    assert "panel-clickhouse-0-1" in await told_of_the_cluster(scene)


async def test_restart_goes_on_when_the_server_before_has_caught_up(scene: Scene) -> None:
    panel = await clusters(scene)
    for name in sorted(await servers(scene)):
        await outdated(scene, name)
    scene.stores.behind[Node(1, 1)] = 60

    await scene.reconcile(panel)
    assert await going(scene) == set()

    scene.stores.behind.clear()
    await scene.reconcile(panel)
    assert await going(scene) == {"panel-clickhouse-1-1-0"}


async def test_shard_that_is_to_go_is_made_again_when_its_sets_are_lost(scene: Scene) -> None:
    panel = await clusters(scene)
    await scene.change(panel, clickhouse={"shards": 1, "shardRemoval": "Allow"})
    await scene.settle(panel)
    await lose(scene, "panel-clickhouse-1-0", "panel-clickhouse-1-1")

    await scene.settle(panel)

    assert len(await servers(scene)) == 4
    assert "panel-clickhouse-1-0-0" in await told_of_the_cluster(scene)
    assert (await scene.condition(panel, "ScaleAllowed"))["reason"] == "ShardNotEmpty"


async def test_replica_that_is_to_go_is_made_again_when_its_set_is_lost(scene: Scene) -> None:
    panel = await clusters(scene)
    await scene.change(panel, clickhouse={"replicas": 1})
    await scene.settle(panel)
    await lose(scene, "panel-clickhouse-0-1")

    await scene.settle(panel)

    assert len(await servers(scene)) == 4


async def test_set_is_made_again_although_the_pass_that_missed_it_came_to_nothing(scene: Scene) -> None:
    panel = await clusters(scene)
    await scene.change(panel, clickhouse={"shards": 1, "shardRemoval": "Allow"})
    await scene.settle(panel)
    await lose(scene, "panel-clickhouse-1-0", "panel-clickhouse-1-1")
    scene.stores.spare |= SECOND_SHARD - {Node(1, 0)}
    secret = Ref(SECRET, scene.namespace, "panel-postgres")
    await scene.kube._inner.patch(secret, {"data": None}, by="somebody")
    await scene.look()
    with contextlib.suppress(Failed):
        await scene.reconcile(panel)

    await scene.settle(panel)

    assert await servers(scene) == {"panel-clickhouse-0-0", "panel-clickhouse-0-1", "panel-clickhouse-1-0"}


async def test_servers_of_a_shard_that_went_are_not_made_again(scene: Scene) -> None:
    panel = await clusters(scene)
    await scene.change(panel, clickhouse={"shards": 1, "shardRemoval": "Allow"})
    await scene.settle(panel)
    scene.stores.spare |= SECOND_SHARD
    await scene.settle(panel)
    scene.stores.spare.clear()
    scene.restart()

    await scene.settle(panel)

    assert await servers(scene) == {"panel-clickhouse-0-0", "panel-clickhouse-0-1"}
    told = (await scene.status(panel))["clickhouse"]["nodes"]
    assert [node["name"] for node in told] == ["panel-clickhouse-0-0", "panel-clickhouse-0-1"]


async def test_set_of_a_shard_that_is_to_go_comes_back_with_a_larger_volume(scene: Scene) -> None:
    panel = await make_cluster(scene, clickhouse={"engine": "Managed", "shards": 2, "replicas": 1})
    await scene.settle(panel)
    await scene.change(panel, clickhouse={"shards": 1, "shardRemoval": "Allow", "storage": {"size": "300Gi"}})
    for _ in range(4):
        await scene.settle(panel)
        await collect(scene)

    assert await servers(scene) == {"panel-clickhouse-0-0", "panel-clickhouse-1-0"}


async def test_changed_password_reaches_servers_that_refuse_it_one_after_the_other(scene: Scene) -> None:
    panel = await make_cluster(scene, clickhouse={"engine": "Managed", "shards": 1, "replicas": 2})
    await scene.settle(panel)
    for name in sorted(await servers(scene)):
        await outdated(scene, name)
    await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "panel-clickhouse"))
    scene.stores.refusing |= {Node(0, 0), Node(0, 1)}

    await scene.reconcile(panel)
    for name in sorted(await servers(scene)):
        await outdated(scene, name, pod=False)
    await scene.reconcile(panel)
    assert await going(scene) == {"panel-clickhouse-0-1-0"}

    pod = await start(scene, "panel-clickhouse-0-1")
    scene.stores.refusing.remove(Node(0, 1))
    scene.stores.behind[Node(0, 1)] = 60
    await scene.reconcile(panel)
    assert await going(scene) == set()

    await serves(scene, pod)
    await scene.reconcile(panel)
    assert await going(scene) == set()

    scene.stores.behind.clear()
    await scene.reconcile(panel)
    assert await going(scene) == {"panel-clickhouse-0-0-0"}


async def test_server_that_cannot_be_asked_is_waited_for_while_its_credentials_are_the_same(
    scene: Scene,
) -> None:
    panel = await clusters(scene)
    for name in sorted(await servers(scene)):
        await outdated(scene, name)
    scene.stores.refusing |= {Node(1, 1)}

    await scene.reconcile(panel)

    assert await going(scene) == set()


async def lose(scene: Scene, *names: str) -> None:
    """Somebody deletes the sets by mistake."""
    for name in names:
        await scene.kube._inner.delete(Ref(STATEFUL_SET, scene.namespace, name))


async def collect(scene: Scene) -> None:
    """The garbage collector lets go of sets whose pods are orphans now."""
    for body in await scene.kube.listed(STATEFUL_SET, namespace=scene.namespace):
        if "deletionTimestamp" in body["metadata"]:
            ref = Ref(STATEFUL_SET, scene.namespace, body["metadata"]["name"])
            await scene.kube._inner.patch(ref, {"metadata": {"finalizers": None}}, by="gc")


async def clusters(scene: Scene) -> Key:
    """Two shards of two replicas, which serve."""
    panel = await make_cluster(scene, clickhouse=TWO_BY_TWO)
    await scene.settle(panel)
    return panel


async def servers(scene: Scene) -> set[str]:
    found = await scene.kube.listed(STATEFUL_SET, namespace=scene.namespace)
    names = {str(each["metadata"]["name"]) for each in found if "deletionTimestamp" not in each["metadata"]}
    return {name for name in names if "clickhouse" in name}


async def told_of_the_cluster(scene: Scene) -> str:
    body = await scene.kube.get(CONFIG_MAP, "panel-clickhouse", namespace=scene.namespace)
    assert body is not None
    return str(body["data"]["config.d_30-cluster.xml"])


async def outdated(scene: Scene, name: str, *, pod: bool = True) -> None:
    """The set has a pod that serves, of the template before."""
    body = await set_of(scene, name)
    if pod:
        await serves(scene, await pod_of(scene, body))
    status = {**served_status(body), "currentRevision": "a", "updateRevision": "b"}
    await scene.kube._inner.patch(
        Ref(STATEFUL_SET, scene.namespace, name), {"status": status}, sub="status", by="kubelet"
    )


async def start(scene: Scene, name: str) -> Ref:
    """The kubelet ends the pod that is deleted, and the set's controller makes one of its newest template."""
    ended = {"gracePeriodSeconds": 0}
    await scene.kube._inner._call("delete", POD.path(namespace=scene.namespace, name=f"{name}-0"), body=ended)
    return await pod_of(scene, await set_of(scene, name), revision="b")


async def serves(scene: Scene, pod: Ref) -> None:
    ready = {"type": "Ready", "status": "True"}
    await scene.kube._inner.patch(
        pod, {"status": {"phase": "Running", "conditions": [ready]}}, sub="status", by="kubelet"
    )


async def set_of(scene: Scene, name: str) -> Object:
    body = await scene.kube.get(STATEFUL_SET, name, namespace=scene.namespace)
    assert body is not None
    return body


async def pod_of(scene: Scene, workload: Object, *, revision: str = "a") -> Ref:
    template, name = workload["spec"]["template"], f"{workload['metadata']['name']}-0"
    owner = {"apiVersion": "apps/v1", "kind": STATEFUL_SET.name, "name": workload["metadata"]["name"]}
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": scene.namespace,
            "labels": {**template["metadata"]["labels"], "controller-revision-hash": revision},
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [{**owner, "uid": workload["metadata"]["uid"], "controller": True}],
        },
        "spec": {
            **template["spec"],
            "nodeName": "somewhere",
            "volumes": [*template["spec"]["volumes"], {"name": "data", "emptyDir": {}}],
        },
    }
    await scene.kube._inner.create(body)
    return Ref(POD, scene.namespace, name)


async def going(scene: Scene) -> set[str]:
    found = await scene.kube.listed(POD, namespace=scene.namespace)
    names = {f"{name}-0" for name in await servers(scene)}
    there = {each["metadata"]["name"] for each in found if "deletionTimestamp" not in each["metadata"]}
    return names - there
