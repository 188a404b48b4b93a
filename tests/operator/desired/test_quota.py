"""What a project's pods may use together: as bounds of what scales them, and as Kubernetes counts it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpanel.tenancy.spec import ResourceQuota
from openpanel_operator.desired import Object, desired_project
from openpanel_operator.desired.project import most_pods, quota_shortage
from openpanel_operator.desired.quota import Share, affordable, shortage
from openpanel_operator.desired.services import SURGE
from openpanel_operator.desired.sizes import number
from tests.operator.desired import cases

COUNTED = cases.PROJECTS["dedicated-counted"]


def rendered(spec: Any = COUNTED, **facts: Any) -> list[Object]:
    return desired_project(
        cases.project(spec),
        cluster=cases.cluster(cases.EVERYTHING),
        facts=cases.project_facts(**facts),
    )


def counted(quota: Object, **spec: Any) -> Any:
    isolation = {"priorityClassName": "gold", "resourceQuota": {"admission": True, **quota}}
    return {"ingest": {"mode": "Dedicated"}, "isolation": isolation, **spec}


def size(cpu: int, memory: int) -> dict[str, dict[str, str]]:
    """Of one pod, in millicores and mebibytes."""
    return {
        "requests": {"cpu": f"{cpu}m", "memory": f"{memory // 2 + 1}Mi"},
        "limits": {"cpu": f"{cpu * 2}m", "memory": f"{memory}Mi"},
    }


amounts = st.integers(1, 4_000)
shares = st.builds(
    Share, least=st.integers(0, 5), most=st.integers(5, 30), size=st.builds(size, amounts, amounts)
)
cores = st.none() | st.integers(1, 80).map(str)
memories = st.none() | st.integers(1, 80).map(lambda count: f"{count}Gi")
bounded = st.fixed_dictionaries({"cpu": cores, "memory": memories})
quotas = st.builds(
    lambda pods, requests, limits: ResourceQuota.model_validate(
        {
            "admission": any([pods, *requests.values(), *limits.values()]),
            "pods": pods,
            "requests": requests,
            "limits": limits,
        }
    ),
    st.none() | st.integers(1, 70),
    bounded,
    bounded,
)


def used(counts: tuple[int, int], one: Share, other: Share) -> dict[str, Decimal]:
    """What Kubernetes would count of so many pods."""
    found = {"pods": Decimal(sum(counts))}
    for kind in ("requests", "limits"):
        for name in ("cpu", "memory"):
            found[f"{kind}.{name}"] = sum(
                (
                    count * number(share.size[kind][name])
                    for count, share in zip(counts, (one, other), strict=True)
                ),
                Decimal(0),
            )
    return found


def hard(quota: ResourceQuota) -> dict[str, Decimal]:
    said = {
        f"{kind}.{name}": number(amount)
        for kind, amounts_ in (("requests", quota.requests), ("limits", quota.limits))
        for name, amount in amounts_.model_dump(exclude_none=True).items()
    }
    return said if quota.pods is None else {"pods": Decimal(quota.pods), **said}


def fits(quota: ResourceQuota, counts: tuple[int, int], one: Share, other: Share) -> bool:
    there = used(counts, one, other)
    return all(there[name] <= bound for name, bound in hard(quota).items())


@settings(deadline=None)
@given(quota=quotas, ingest=shares, workers=shares, further=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_counted_quota_is_never_passed_also_while_pods_are_replaced(
    quota: ResourceQuota, ingest: Share, workers: Share, further: tuple[int, int]
) -> None:
    most = affordable(quota, ingest=ingest, workers=workers)

    least = (ingest.least, workers.least)
    spare = SURGE if quota.admission else 0
    if shortage(quota, ingest=ingest, workers=workers):
        assert most == least
        assert not fits(quota, (least[0] + spare, least[1] + spare), ingest, workers)
    else:
        between = tuple(min(low + more, high) for low, more, high in zip(least, further, most, strict=True))
        assert fits(quota, (between[0] + spare, between[1] + spare), ingest, workers)
        assert fits(quota, (most[0] + spare, most[1] + spare), ingest, workers)


@settings(deadline=None)
@given(quota=quotas, ingest=shares, workers=shares)
def test_counted_quota_is_used_up_to_what_replacing_needs(
    quota: ResourceQuota, ingest: Share, workers: Share
) -> None:
    most = affordable(quota, ingest=ingest, workers=workers)

    spare = SURGE if quota.admission else 0
    whole = (most[0] + spare, most[1] + spare)
    assert most[0] == ingest.most or not fits(quota, (whole[0] + 1, whole[1]), ingest, workers)
    assert most[1] == workers.most or not fits(quota, (whole[0], whole[1] + 1), ingest, workers)


def test_kubernetes_counts_the_pods_of_the_class() -> None:
    quota = cases.only(rendered(), "ResourceQuota", "shop-quota")

    assert quota["spec"]["hard"] == {"pods": "12", "requests.cpu": "4", "limits.memory": "16Gi"}
    (scope,) = quota["spec"]["scopeSelector"]["matchExpressions"]
    assert scope == {"scopeName": "PriorityClass", "operator": "In", "values": ["gold"]}
    assert {each["spec"]["priorityClassName"] for each in templates()} == {"gold"}


def templates() -> list[Object]:
    return list(cases.pod_templates(rendered()).values())


def test_every_container_says_what_may_be_counted() -> None:
    limited = {"limits": {"cpu": "2"}}
    spec = counted(
        {"limits": {"cpu": "99"}},
        ingest={"mode": "Dedicated", "resources": limited},
        workers={"resources": limited},
    )

    for template in cases.pod_templates(rendered(spec)).values():
        containers = [*template["spec"]["containers"], *template["spec"].get("initContainers", ())]
        for each in containers:
            assert each["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert each["resources"]["limits"].keys() >= {"cpu", "memory"}


def test_memory_and_requests_are_said_by_every_container_that_nobody_sized() -> None:
    for template in templates():
        for each in template["spec"]["containers"]:
            assert each["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert "memory" in each["resources"]["limits"]


def test_quota_is_there_before_the_pods_that_it_counts() -> None:
    assert [each["kind"] for each in rendered()].index("ResourceQuota") == 0


@pytest.mark.parametrize(
    "spec",
    [
        {"ingest": {"mode": "Dedicated"}, "isolation": {"resourceQuota": {"pods": 9}}},
        {"isolation": COUNTED["isolation"]},
        counted({"pods": 5}),
    ],
    ids=["only the autoscalers are bounded", "no pods of its own", "no room for a rolling update"],
)
def test_kubernetes_does_not_count(spec: Any) -> None:
    assert not cases.of_kind(rendered(spec), "ResourceQuota")


def test_kubernetes_does_not_count_where_others_have_the_class() -> None:
    assert not cases.of_kind(rendered(class_is_shared=True), "ResourceQuota")


def test_autoscalers_leave_room_for_one_pod_more_of_each() -> None:
    quota = {"pods": 12}
    plain = {**counted(quota), "isolation": {"resourceQuota": quota}}

    assert sum(most_pods(cases.project(plain))) == 12
    assert sum(most_pods(cases.project(counted(quota)))) == 10


def test_workers_whose_number_is_written_down_are_counted_as_that() -> None:
    pinned = counted({"pods": 12}, workers={"max": 6, "replicas": 5})
    none = counted({"pods": 12}, workers={"min": 0, "scaleToZero": True, "replicas": 0})

    assert most_pods(cases.project(pinned)) == (5, 5)
    assert most_pods(cases.project(none)) == (10, 0)
    assert not quota_shortage(cases.project(pinned))


def test_what_a_quota_has_no_room_for_is_said_in_numbers() -> None:
    spec = counted({"pods": 5, "requests": {"cpu": "1250m"}, "limits": {"memory": "3Gi"}})

    assert quota_shortage(cases.project(spec)) == (
        "for the fewest pods (ingest 3, workers 1) and 1 more of each while they are replaced: "
        "pods is 5 and 6 would do, requests.cpu is 1250m and 1500m would do, "
        "limits.memory is 3Gi and 4096Mi would do"
    )
