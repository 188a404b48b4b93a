"""Every rule of a PanelCluster as the API server enforces it, each with the sentence it is refused with."""

from typing import Any

import httpx
import pytest

from openpanel_operator.resources import CLUSTER, InvalidSpec, parse_cluster
from openpanel_operator.resources.crds import cluster_crd
from tests.operator.resources.asking import Spec, asked, causes, changed, resource
from tests.operator.resources.schemas import rule_messages

STORE = {"secretName": "store"}
HOSTS = {"ingest": "a.example.com"}
INGRESS = {"type": "Ingress", "hosts": HOSTS}
BOUNDS = "min may be at most max; lower min or raise max"
KEY = "each key must be a Kubernetes label key, such as disktype or example.com/pool"
REQUESTS = "requests.{0} may be at most limits.{0}; lower the request or raise the limit"
WINDOW = "duration must be from 10m to 24h"
ONE_COUNT = "replicas needs autoscaling.enabled: false; or say autoscaling.min and autoscaling.max instead"
NETWORK = "each of trustedProxies must be an address or a network without host bits, such as 10.20.0.0/16"
GEO = "geo needs exactly one of secretName, configMapName and claimName"
SOME_HOST = "type: Ingress and type: Gateway need at least one of hosts"
NAME = "metadata.name must be lower-case letters, digits and '-', beginning with a letter, since Services get its name"


def exposed(**exposure: Any) -> Spec:
    return {"exposure": {**INGRESS, **exposure}}


def tolerating(**toleration: Any) -> Spec:
    return {"placement": {"tolerations": [toleration]}}


REFUSED: list[tuple[Spec, str, str]] = [
    # spec, path below spec, message
    (
        {"clickhouse": {"engine": "Embedded", "shards": 2}}, "clickhouse.shards",
        "engine: Embedded is one process; say shards: 1, or engine: Managed",
    ),
    (
        {"clickhouse": {"engine": "Embedded", "replicas": 2}}, "clickhouse.replicas",
        "engine: Embedded is one process; say replicas: 1, or engine: Managed",
    ),
    ({"maintenance": {"windows": [{"start": "02:00", "duration": "9m59s"}]}}, "maintenance.windows[0].duration", WINDOW),
    ({"maintenance": {"windows": [{"start": "02:00", "duration": "24h1s"}]}}, "maintenance.windows[0].duration", WINDOW),
    (
        {"clickhouse": {"engine": "Embedded"}, "snapshots": {"url": "https://s3.example.com/bucket"}}, "snapshots",
        "snapshots need clickhouse.engine: Managed or External, since the embedded engine calls nobody; or leave them out",
    ),
    ({"clickhouse": {"engine": "External"}}, "clickhouse.external", "engine: External needs external.secretName"),
    ({"clickhouse": {"external": STORE}}, "clickhouse.external", "external needs engine: External; or leave it out"),
    ({"redis": {"mode": "External"}}, "redis.external", "mode: External needs external.secretName"),
    ({"redis": {"external": STORE}}, "redis.external", "external needs mode: External; or leave it out"),
    ({"postgres": {"mode": "External"}}, "postgres.external", "mode: External needs external.secretName"),
    ({"postgres": {"external": STORE}}, "postgres.external", "external needs mode: External; or leave it out"),
    (
        {"clickhouse": {"settings": {"max-queries": "1"}}}, "clickhouse.settings",
        "each key must be a ClickHouse setting's name, such as max_concurrent_queries",
    ),
    ({"placement": {"nodeSelector": {"a b": "c"}}}, "placement.nodeSelector", KEY),
    ({"observability": {"labels": {"-": "c"}}}, "observability.labels", KEY),
    (exposed(annotations={"a/b/c": "d"}), "exposure.annotations", KEY),
    ({"api": {"replicas": 2, "autoscaling": {"enabled": True}}}, "api.replicas", ONE_COUNT),
    ({"ingest": {"autoscaling": {"min": 11}}}, "ingest.autoscaling.min", BOUNDS),
    ({"workers": {"max": 2, "min": 3}}, "workers.min", BOUNDS),
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
        {"redis": {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "999m"}}}},
        "redis.resources.requests", REQUESTS.format("cpu"),
    ),
    (
        {"dashboard": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "2000M"}}}},
        "dashboard.resources.requests", REQUESTS.format("memory"),
    ),
    (tolerating(operator="Exists", key="a", value="b"), "placement.tolerations[0].value", "value needs operator: Equal; or leave it out"),
    (tolerating(value="b"), "placement.tolerations[0].key", "operator: Equal needs key; or say operator: Exists"),
    (
        tolerating(operator="Exists", tolerationSeconds=1), "placement.tolerations[0].tolerationSeconds",
        "tolerationSeconds needs effect: NoExecute; or leave it out",
    ),
    (
        {"exposure": {"type": "Gateway", "hosts": HOSTS}}, "exposure.gatewayRef", "type: Gateway needs gatewayRef.name",
    ),
    (exposed(gatewayRef={"name": "a"}), "exposure.gatewayRef", "gatewayRef needs type: Gateway; or leave it out"),
    ({"exposure": {"className": "nginx"}}, "exposure.className", "className needs type: Ingress; or leave it out"),
    ({"exposure": {"type": "Ingress"}}, "exposure.hosts", SOME_HOST),
    ({"exposure": {"type": "Gateway", "gatewayRef": {"name": "a"}, "hosts": {}}}, "exposure.hosts", SOME_HOST),
    ({"exposure": {"tls": STORE}}, "exposure.tls", "tls needs type: Ingress or type: Gateway; or leave it out"),
    (exposed(tls={}), "exposure.tls", "tls needs at least one of secretName and issuer"),
    (exposed(hosts={"ingest": "a", "api": "a"}), "exposure.hosts.api", "ingest and api need a host each"),
    (exposed(hosts={"ingest": "a", "dashboard": "a"}), "exposure.hosts.dashboard", "ingest and dashboard need a host each"),
    (exposed(hosts={"api": "a", "dashboard": "a"}), "exposure.hosts.dashboard", "api and dashboard need a host each"),
    ({"exposure": {"trustedProxies": ["10.0.0.1/8"]}}, "exposure.trustedProxies", NETWORK),
    ({"geo": {}}, "geo", GEO),
    ({"geo": {"secretName": "a", "claimName": "b"}}, "geo", GEO),
]  # fmt: skip

ENGINE = "engine cannot change, since data stays where it is; make a new PanelCluster and move the data"
MODE = "mode cannot change, since data stays where it is; make a new PanelCluster and move the data"
SIZE = "size can only grow, since no volume shrinks; set the old size or a larger one"
CLASS = "className cannot change, since a volume stays where it is; set the old class"
KEEPER = "replicas of Keeper grow from 1 to 3 to 5 and never shrink; take the next step only"
STREAMS = "shards can only grow: what waits in a stream that goes would never be written; keep the old number"
FEWER = "fewer shards need shardRemoval: Allow, then those that go take nothing new and stay until their data is moved; or keep the number"
CHANGES: list[tuple[Spec, Spec, str, str]] = [
    # before, after, path below spec, message
    ({"clickhouse": {"engine": "Embedded"}}, {}, "clickhouse.engine", ENGINE),
    ({"redis": {"mode": "External", "external": STORE}}, {}, "redis.mode", MODE),
    ({}, {"postgres": {"mode": "External", "external": STORE}}, "postgres.mode", MODE),
    ({"redis": {"storage": {"size": "2Gi"}}}, {"redis": {"storage": {"size": "2047Mi"}}}, "redis.storage.size", SIZE),
    ({}, {"postgres": {"storage": {"size": "9Gi"}}}, "postgres.storage.size", SIZE),
    ({}, {"clickhouse": {"storage": {"size": "1Gi"}}}, "clickhouse.storage.size", SIZE),
    ({}, {"clickhouse": {"keeper": {"storage": {"size": "1Gi"}}}}, "clickhouse.keeper.storage.size", SIZE),
    ({}, {"redis": {"storage": {"className": "fast"}}}, "redis.storage.className", CLASS),
    (
        {"clickhouse": {"storage": {"className": "fast"}}}, {"clickhouse": {"storage": {"className": "slow"}}},
        "clickhouse.storage.className", CLASS,
    ),
    ({}, {"clickhouse": {"keeper": {"replicas": 1}}}, "clickhouse.keeper.replicas", KEEPER),
    (
        {"clickhouse": {"keeper": {"replicas": 1}}}, {"clickhouse": {"keeper": {"replicas": 5}}},
        "clickhouse.keeper.replicas", KEEPER,
    ),
    ({"clickhouse": {"shards": 3}}, {"clickhouse": {"shards": 2}}, "clickhouse.shards", FEWER),
    ({"workers": {"shards": 8}}, {"workers": {}}, "workers.shards", STREAMS),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "at", "message"), REFUSED, ids=[each[1] for each in REFUSED])
def test_a_rule_is_enforced_with_its_sentence(
    kubernetes: httpx.Client, spec: Spec, at: str, message: str
) -> None:
    found = causes(asked(kubernetes, CLUSTER, spec))

    assert [(field, text.split(": ", 1)[1]) for field, text in found] == [(f"spec.{at}", message)]


@pytest.mark.parametrize(("spec", "at", "message"), REFUSED, ids=[each[1] for each in REFUSED])
def test_what_the_api_server_refuses_is_refused_without_it(spec: Spec, at: str, message: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_cluster(resource(CLUSTER, spec))

    assert refused.value.path.startswith("spec.")


@pytest.mark.parametrize(("before", "after", "at", "message"), CHANGES, ids=[each[2] for each in CHANGES])
def test_what_cannot_change_is_refused_with_its_sentence(
    kubernetes: httpx.Client, before: Spec, after: Spec, at: str, message: str
) -> None:
    found = changed(kubernetes, CLUSTER, before, after, name="changing")

    assert [(field, text.split(": ", 1)[1]) for field, text in found] == [(f"spec.{at}", message)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"redis": {"storage": {"size": "10240Mi"}}}),
        ({}, {"clickhouse": {"storage": {"size": "1Ti"}, "shards": 2, "replicas": 2, "keeper": {"replicas": 5}}}),
        ({"clickhouse": {"keeper": {"replicas": 1}}}, {"clickhouse": {"keeper": {"replicas": 3}}}),
        ({"clickhouse": {"shards": 3}}, {"clickhouse": {"shards": 2, "shardRemoval": "Allow"}}),
        ({}, {"version": "0.2.0", "workers": {"max": 8, "shards": 8}, "exposure": INGRESS}),
    ],
    ids=["size in other words", "growing", "Keeper's next step", "shards with consent", "everything else"],
)  # fmt: skip
def test_what_may_change_is_taken(kubernetes: httpx.Client, before: Spec, after: Spec) -> None:
    assert changed(kubernetes, CLUSTER, before, after, name="changing") == []


def test_a_name_that_no_service_can_have_is_refused(kubernetes: httpx.Client) -> None:
    ((_, message),) = causes(asked(kubernetes, CLUSTER, {}, name="1panel"))

    assert message.endswith(NAME)


def test_a_name_that_is_too_long_is_refused(kubernetes: httpx.Client) -> None:
    found = causes(asked(kubernetes, CLUSTER, {}, name="a" * 37))

    assert ("metadata.name", "Too long: may not be more than 36 bytes") in found


def test_every_rule_has_a_case_here() -> None:
    tested = {message for *_, message in (*REFUSED, *CHANGES)} | {NAME}

    assert tested == set(rule_messages(cluster_crd()))
