"""KEDA instead of the operator's own scaler: what it looks at, and how it reaches a Redis of somebody else."""

from typing import Any

import pytest

from openpanel.metadata import SHARED_POOL
from openpanel.tenancy.pools import own_name
from openpanel_operator import pools
from openpanel_operator.desired import Object, RedisFacts, desired_cluster, desired_project
from openpanel_operator.desired.autoscaling import KEPT_LABELS, PAUSED_AT, REDIS_KEYS, REDIS_USER
from openpanel_operator.reconcile.cluster_facts import redis_facts
from openpanel_operator.scaler import ORDERS
from openpanel_operator.stores import Addresses
from tests.operator.desired import cases

SPEC = cases.PROJECTS["dedicated-keda"]
EXTERNAL = cases.CLUSTERS["external-keda"]


def rendered(cluster: Any = None, **facts: Any) -> list[Object]:
    return desired_project(
        cases.project(SPEC), cluster=cases.cluster(cluster), facts=cases.project_facts(**facts)
    )


def with_workers(**workers: Any) -> Object:
    """The ScaledObject of a project with these workers."""
    spec = {**SPEC, "workers": {**SPEC["workers"], **workers}}
    objects = desired_project(cases.project(spec), cluster=cases.cluster(), facts=cases.project_facts())
    return cases.only(objects, "ScaledObject", "shop-worker")


def triggers(objects: list[Object], name: str = "shop-worker") -> list[dict[str, str]]:
    found = cases.only(objects, "ScaledObject", name)["spec"]["triggers"]
    return [each["metadata"] for each in found]


def keys_of_queues(*queues: str) -> list[str]:
    """Where the operator itself would look."""
    return [key.format(queue) for queue in queues for key in (pools.QUEUE, pools.IN_WORK)]


def test_keda_looks_at_waiting_orders_and_at_those_in_hand() -> None:
    objects = rendered()
    scaled = cases.only(objects, "ScaledObject", "shop-worker")["spec"]

    drains = pools.DRAIN.format(own_name("shop"))
    assert [each["listName"] for each in triggers(objects)] == keys_of_queues(drains)
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (0, 3)  # the quota has room for seven
    assert not cases.of_kind(rendered(kinds=frozenset()), "ScaledObject")


def test_shared_workers_follow_their_other_orders_too() -> None:
    spec = {"workers": {"scaler": "Keda", "min": 0, "scaleToZero": True}}

    objects = desired_cluster(cases.cluster(spec), facts=cases.cluster_facts())

    wanted = keys_of_queues(pools.DRAIN.format(SHARED_POOL), *ORDERS)
    assert [each["listName"] for each in triggers(objects, "main-worker")] == wanted


def test_every_trigger_is_in_the_sum_that_each_worker_is_one_of() -> None:
    spec = cases.only(rendered(), "ScaledObject", "shop-worker")["spec"]

    modifiers = spec["advanced"]["scalingModifiers"]
    assert modifiers["formula"].split(" + ") == [each["name"] for each in spec["triggers"]]
    assert modifiers["target"] == "1"


def test_no_label_by_which_objects_are_ours_gets_to_keda_s_autoscaler() -> None:
    meta = with_workers()["metadata"]

    assert set(meta["annotations"][KEPT_LABELS].split(",")) == meta["labels"].keys()


def test_workers_named_by_number_are_neither_more_nor_fewer() -> None:
    two, none = with_workers(replicas=2), with_workers(replicas=0)

    assert (two["spec"]["minReplicaCount"], two["spec"]["maxReplicaCount"]) == (2, 2)
    assert none["metadata"]["annotations"][PAUSED_AT] == "0"  # KEDA has no greatest number that is none
    assert PAUSED_AT not in two["metadata"]["annotations"]


def test_fallback_takes_no_worker_away() -> None:
    assert with_workers(fallback=2)["spec"]["fallback"] == {
        "failureThreshold": 3,
        "replicas": 2,
        "behavior": "currentReplicasIfHigher",
    }
    assert "fallback" not in with_workers()["spec"]


def test_keda_finds_an_external_redis_by_keys_of_its_secret() -> None:
    objects = rendered(EXTERNAL)

    targets = cases.only(objects, "TriggerAuthentication", "shop-worker")["spec"]["secretTargetRef"]
    wanted = {(key, key) for key in (*REDIS_KEYS, REDIS_USER)}
    assert {(each["parameter"], each["key"]) for each in targets} == wanted
    assert not any("address" in each for each in triggers(objects))  # it would come before the Secret's


def test_keda_speaks_to_an_external_redis_as_its_address_says() -> None:
    found = triggers(rendered(EXTERNAL, redis=RedisFacts(tls=True, database=3)))

    assert [(each["enableTLS"], each["databaseIndex"]) for each in found] == [("true", "3")] * 2
    assert not any("enableTLS" in each for each in triggers(rendered(EXTERNAL)))


@pytest.mark.parametrize(
    ("url", "facts"),
    [
        ("redis://:p@redis.example.com:6379/0", RedisFacts()),
        ("redis://redis.example.com", RedisFacts()),
        ("rediss://:p@redis.example.com:6380/2", RedisFacts(tls=True, database=2)),
    ],
)
def test_an_address_of_redis_tells_of_encryption_and_database(url: str, facts: RedisFacts) -> None:
    assert redis_facts(Addresses(redis=url, postgres="", clickhouse="")) == facts
