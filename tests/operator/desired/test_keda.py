"""KEDA instead of the operator's own scaler: what it looks at, and how it reaches a Redis of somebody else."""

from typing import Any

import pytest

from openpanel_operator.desired import Object, RedisFacts, desired_project
from openpanel_operator.desired.autoscaling import REDIS_KEYS
from openpanel_operator.reconcile.cluster_facts import redis_facts
from openpanel_operator.stores import Addresses
from tests.operator.desired import cases

SPEC = cases.PROJECTS["dedicated-keda"]
EXTERNAL = cases.CLUSTERS["external-keda"]


def rendered(cluster: Any = None, **facts: Any) -> list[Object]:
    return desired_project(
        cases.project(SPEC), cluster=cases.cluster(cluster), facts=cases.project_facts(**facts)
    )


def triggers(objects: list[Object]) -> list[dict[str, str]]:
    found = cases.only(objects, "ScaledObject", "shop-worker")["spec"]["triggers"]
    return [each["metadata"] for each in found]


def test_keda_looks_at_waiting_orders_and_at_those_in_hand() -> None:
    objects = rendered()
    scaled = cases.only(objects, "ScaledObject", "shop-worker")["spec"]

    assert [each["listName"] for each in triggers(objects)] == ["rq:queue:drain-shop", "rq:wip:drain-shop"]
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (0, 3)  # the quota has room for seven
    assert not cases.of_kind(rendered(kinds=frozenset()), "ScaledObject")


def test_keda_finds_an_external_redis_by_two_keys_of_its_secret() -> None:
    objects = rendered(EXTERNAL)

    targets = cases.only(objects, "TriggerAuthentication", "shop-worker")["spec"]["secretTargetRef"]
    assert {(each["parameter"], each["key"]) for each in targets} == {(key, key) for key in REDIS_KEYS}
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
