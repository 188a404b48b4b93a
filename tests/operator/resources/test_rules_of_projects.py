"""Every rule of an AnalyticsProject as the API server enforces it, each with the sentence it is refused with."""

from typing import Any

import httpx
import pytest

from openpanel_operator.resources import PROJECT, InvalidSpec, parse_project
from openpanel_operator.resources.crds import project_crd
from tests.operator.resources.asking import Spec, asked, causes, changed, resource
from tests.operator.resources.schemas import rule_messages

WEB = {"name": "web", "type": "write"}
DEDICATED = (
    "replicas, targetCpuPercent, targetMemoryPercent and resources need mode: Dedicated; or leave them out"
)
NETWORK = "each of trustedSenders must be an address or a network without host bits, such as 10.20.0.0/16"
ADDRESS = (
    "value must be an address such as 203.0.113.7, or a network without host bits such as 203.0.113.0/24"
)
BOUNDS = "min may be at most max; lower min or raise max"
SECRETS = "each client needs a Secret of its own; choose another secretName"
VALUES = "this operator needs at least one value in values"
REQUESTS = "requests.{0} may be at most limits.{0}; lower the request or raise the limit"


QUOTA_BOUNDS = "admission: true needs pods, requests or limits, since nothing is refused otherwise; name one, or say admission: false"
QUOTA_CLASS = (
    "resourceQuota.admission: true needs priorityClassName, by which Kubernetes tells the project's pods from others; "
    "name a class that no other pods have, or say admission: false"
)
QUOTA_CPU = (
    "limits.cpu with admission: true needs limits.cpu in ingest.resources and in workers.resources, since Kubernetes "
    "refuses pods that do not say what is counted; say both, or leave this bound out"
)


def counted(**quota: Any) -> Spec:
    return {"priorityClassName": "own", "resourceQuota": {"admission": True, **quota}}


def rotating(**rotation: str) -> Spec:
    return {"clients": [{**WEB, "rotation": rotation}]}


def filtered(**condition: Any) -> Spec:
    return {"filters": [{"type": "event", "value": "x", "conditions": [{"name": "path", **condition}]}]}


REFUSED: list[tuple[Spec, str, str]] = [
    # spec, path below spec, message
    ({"ingest": {"mode": "Dedicated", "replicas": {"min": 4, "max": 3}}}, "ingest.replicas.min", BOUNDS),
    ({"ingest": {"replicas": {}}}, "ingest.mode", DEDICATED),
    ({"ingest": {"targetCpuPercent": 50}}, "ingest.mode", DEDICATED),
    ({"ingest": {"targetMemoryPercent": 50}}, "ingest.mode", DEDICATED),
    ({"ingest": {"resources": {}}}, "ingest.mode", DEDICATED),
    (
        {"ingest": {"tlsSecretName": "certificate"}}, "ingest.host",
        "tlsSecretName needs host, the name that the certificate is for",
    ),
    ({"ingest": {"trustedSenders": ["10.0.0.1/8"]}}, "ingest.trustedSenders", NETWORK),
    ({"ingest": {"trustedSenders": ["10.0.0.0/33"]}}, "ingest.trustedSenders", NETWORK),
    ({"ingest": {"trustedSenders": ["office"]}}, "ingest.trustedSenders", NETWORK),
    ({"workers": {"min": 5}}, "workers.min", BOUNDS),
    ({"workers": {"min": 0}}, "workers.min", "min: 0 needs scaleToZero: true; or say min: 1"),
    ({"workers": {"scaleToZero": True}}, "workers.scaleToZero", "scaleToZero: true needs min: 0"),
    ({"workers": {"replicas": 5}}, "workers.replicas", "replicas may be at most max; lower replicas or raise max"),
    ({"workers": {"replicas": 0}}, "workers.replicas", "replicas: 0 needs scaleToZero: true"),
    ({"workers": {"fallback": 5}}, "workers.fallback", "fallback may be at most max; lower fallback or raise max"),
    (
        {"workers": {"shards": 3}}, "workers.shards",
        "shards must be at least max, since a stream is written by one worker; raise shards or lower max",
    ),
    (
        {"workers": {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}}},
        "workers.resources.requests", REQUESTS.format("cpu"),
    ),
    (
        {"workers": {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}}},
        "workers.resources.requests", REQUESTS.format("memory"),
    ),
    (
        {"clients": [{"name": "r", "type": "read", "ignoreCorsAndSecret": True}]},
        "clients[0].ignoreCorsAndSecret",
        "ignoreCorsAndSecret needs type: write, since data may be sent by anyone but never read by anyone",
    ),
    ({"isolation": counted()}, "isolation.resourceQuota.admission", QUOTA_BOUNDS),
    ({"isolation": counted(requests={}, limits={})}, "isolation.resourceQuota.admission", QUOTA_BOUNDS),
    (
        {"isolation": {"resourceQuota": {"admission": True, "pods": 9}}},
        "isolation.priorityClassName", QUOTA_CLASS,
    ),
    (
        {"ingest": {"mode": "Dedicated"}, "isolation": counted(limits={"cpu": 4})},
        "isolation.resourceQuota.limits", QUOTA_CPU,
    ),
    (
        {
            "ingest": {"mode": "Dedicated", "resources": {"limits": {"cpu": 1}}},
            "isolation": counted(limits={"cpu": 4}),
            "workers": {"resources": {"limits": {"memory": "1Gi"}}},
        },
        "isolation.resourceQuota.limits", QUOTA_CPU,
    ),
    ({"clients": [{**WEB, "secretName": "s"}, {"name": "b", "type": "read", "secretName": "s"}]}, "clients", SECRETS),
    (rotating(interval="59m59s", overlap="1m"), "clients[0].rotation.interval", "interval must be at least 1h"),
    (rotating(interval="1d"), "clients[0].rotation.overlap", "overlap must be shorter than interval"),
    (rotating(interval="2d", overlap="1d23h59m60s"), "clients[0].rotation.overlap", "overlap must be shorter than interval"),
    (
        filtered(operator="isNull", values=["/"]), "filters[0].conditions[0].values",
        "isNull and isNotNull take no values; leave values out",
    ),
    (filtered(operator="is"), "filters[0].conditions[0].values", VALUES),
    (filtered(operator="contains", values=[]), "filters[0].conditions[0].values", VALUES),
    (
        {"filters": [{"type": "profileId", "value": "x", "conditions": [{"name": "path", "operator": "isNull"}]}]},
        "filters[0].conditions", "conditions need type: event; or leave them out",
    ),
    ({"filters": [{"type": "ip", "value": "office"}]}, "filters[0].value", ADDRESS),
    ({"filters": [{"type": "ip", "value": "203.0.113.7/24"}]}, "filters[0].value", ADDRESS),
]  # fmt: skip

CLUSTER_REF = (
    "clusterRef cannot change, since data stays where it is; make a new project for the other PanelCluster"
)
SHARDS = "shards can only grow: what waits in a stream that goes would never be written; keep the old number"
CHANGES: list[tuple[Spec, Spec, str, str]] = [
    # before, after, path below spec, message
    ({"clusterRef": {"name": "a"}}, {"clusterRef": {"name": "b"}}, "clusterRef", CLUSTER_REF),
    ({"clusterRef": {"name": "a"}}, {}, "clusterRef", CLUSTER_REF),
    (
        {"clusterRef": {"name": "a"}}, {"clusterRef": {"name": "a", "namespace": "b"}}, "clusterRef", CLUSTER_REF,
    ),
    ({"workers": {"shards": 8}}, {"workers": {"shards": 7}}, "workers.shards", SHARDS),
    ({"workers": {"shards": 8}}, {"workers": {}}, "workers.shards", SHARDS),
]  # fmt: skip

NAME = "metadata.name must be lower-case letters, digits and '-', beginning with a letter, since Services get its name"


@pytest.mark.parametrize(("spec", "at", "message"), REFUSED, ids=[each[1] for each in REFUSED])
def test_a_rule_is_enforced_with_its_sentence(
    kubernetes: httpx.Client, spec: Spec, at: str, message: str
) -> None:
    found = causes(asked(kubernetes, PROJECT, spec))

    assert [(field, text.split(": ", 1)[1]) for field, text in found] == [(f"spec.{at}", message)]


@pytest.mark.parametrize(("spec", "at", "message"), REFUSED, ids=[each[1] for each in REFUSED])
def test_what_the_api_server_refuses_is_refused_without_it(spec: Spec, at: str, message: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_project(resource(PROJECT, spec))

    assert refused.value.path.startswith("spec.")


@pytest.mark.parametrize(("before", "after", "at", "message"), CHANGES, ids=[each[2] for each in CHANGES])
def test_what_cannot_change_is_refused_with_its_sentence(
    kubernetes: httpx.Client, before: Spec, after: Spec, at: str, message: str
) -> None:
    found = changed(kubernetes, PROJECT, before, after, name="changing")

    assert [(field, text.split(": ", 1)[1]) for field, text in found] == [(f"spec.{at}", message)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"clusterRef": {"name": "a"}}),
        ({"workers": {"shards": 4}}, {"workers": {"shards": 8}}),
        ({"clients": [WEB]}, {"clients": [{"name": "other", "type": "read"}]}),
        ({"retention": {"events": 30}}, {"retention": {"events": 10}}),
        ({}, {"isolation": counted(limits={"cpu": 4})}),
        (
            {"isolation": {"resourceQuota": {"pods": 9}}},
            {
                "ingest": {"mode": "Dedicated", "resources": {"limits": {"cpu": 1}}},
                "isolation": counted(limits={"cpu": 4}),
                "workers": {"resources": {"limits": {"cpu": 1}}},
            },
        ),
    ],
    ids=[
        "cluster named",
        "more shards",
        "other clients",
        "retention is the operator's to guard",
        "no pods, nothing to say",
        "all that is counted is said",
    ],
)
def test_what_may_change_is_taken(kubernetes: httpx.Client, before: Spec, after: Spec) -> None:
    assert changed(kubernetes, PROJECT, before, after, name="changing") == []


@pytest.mark.parametrize("name", ["1shop", "a.b"])
def test_a_name_that_no_service_can_have_is_refused(kubernetes: httpx.Client, name: str) -> None:
    ((_, message),) = causes(asked(kubernetes, PROJECT, {}, name=name))

    assert message.endswith(NAME)


def test_a_name_that_is_too_long_is_refused(kubernetes: httpx.Client) -> None:
    found = causes(asked(kubernetes, PROJECT, {}, name="a" * 41))

    assert ("metadata.name", "Too long: may not be more than 40 bytes") in found


def test_every_rule_has_a_case_here() -> None:
    tested = {message for *_, message in (*REFUSED, *CHANGES)} | {NAME}

    assert tested == set(rule_messages(project_crd()))
