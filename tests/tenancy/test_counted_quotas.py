"""Quotas that Kubernetes counts: what they need said beside them, and where it is missing."""

from typing import Any

import pytest

from tests.tenancy.manifests import faults, manifest, text_of

LIMITED = {"resources": {"limits": {"cpu": "2"}}}


def counted(quota: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"isolation": {"priorityClassName": "own", "resourceQuota": {"admission": True, **quota}}, **spec}


def dedicated(**fields: Any) -> dict[str, Any]:
    return {"mode": "Dedicated", **fields}


@pytest.mark.parametrize(
    ("spec", "path", "reason", "expected"),
    [
        (
            counted({}), "isolation.resourceQuota.admission",
            "admission is true, but nothing is bounded", "pods, requests or limits, or admission: false",
        ),
        (
            {"isolation": {"resourceQuota": {"admission": True, "pods": 9}}}, "isolation.priorityClassName",
            "resourceQuota.admission is true without priorityClassName",
            "a priorityClassName that no other pods have, or admission: false",
        ),
        (
            counted({"limits": {"cpu": "8"}}, ingest=dedicated(), workers=LIMITED), "ingest.resources.limits.cpu",
            "isolation.resourceQuota bounds limits.cpu by admission, and ingest.resources.limits.cpu is left out",
            "ingest.resources.limits.cpu, or no limits.cpu in the quota",
        ),
        (
            counted({"limits": {"cpu": "8"}}, ingest=dedicated(**LIMITED)), "workers.resources.limits.cpu",
            "isolation.resourceQuota bounds limits.cpu by admission, and workers.resources.limits.cpu is left out",
            "workers.resources.limits.cpu, or no limits.cpu in the quota",
        ),
        (
            {"isolation": {"resourceQuota": {"admission": "yes", "pods": 9}}}, "isolation.resourceQuota.admission",
            "is 'yes', text", "true or false",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(spec: dict[str, Any], path: str, reason: str, expected: str) -> None:
    assert faults(text_of(**spec)) == [(f"spec.{path}", reason, expected)]


@pytest.mark.parametrize(
    "spec",
    [
        counted({"pods": 9}, ingest=dedicated()),
        counted({"limits": {"cpu": "8"}}),
        counted({"limits": {"cpu": "8"}}, ingest=dedicated(**LIMITED), workers=LIMITED),
        {"isolation": {"resourceQuota": {"limits": {"cpu": "8"}}}, "ingest": dedicated()},
    ],
    ids=["pods", "no pods of its own", "every limit is said", "only the autoscalers are bounded"],
)
def test_what_is_whole_is_taken(spec: dict[str, Any]) -> None:
    isolation = manifest(**spec).spec.isolation

    assert isolation.resource_quota is not None
    assert (isolation.counted is not None) == isolation.resource_quota.admission
