"""A body of the API server, read into a resource or refused with place and remedy."""

from typing import Any

import pytest

from openpanel_operator.resources import CLUSTER, PROJECT, InvalidSpec, parse_cluster, parse_project
from openpanel_operator.resources.project import manifest
from tests.operator.resources.asking import NAMESPACE, resource


def body(**metadata: Any) -> dict[str, Any]:
    made = resource(PROJECT, {"displayName": "Demo"})
    made["metadata"] |= metadata
    return made


def test_a_resource_is_read_with_who_it_is() -> None:
    read = parse_project(
        {
            **body(uid="u-1", generation=4, labels={"a": "b"}, annotations={"c": "d"}),
            "status": {"observedGeneration": 3},
        }
    )

    assert (read.name, read.namespace, read.uid, read.generation) == ("demo", NAMESPACE, "u-1", 4)
    assert (read.labels, read.annotations) == ({"a": "b"}, {"c": "d"})
    assert (read.spec.display_name, read.status, read.deleting) == ("Demo", {"observedGeneration": 3}, False)


def test_a_resource_that_is_being_deleted_says_so() -> None:
    assert parse_project(body(deletionTimestamp="2026-01-01T00:00:00Z")).deleting


def test_labels_and_status_may_be_null() -> None:
    read = parse_cluster({**resource(CLUSTER, {}), "status": None})

    assert (read.labels, read.annotations, read.status) == ({}, {}, {})


def test_a_project_is_a_manifest_of_the_same_spec() -> None:
    project = parse_project(resource(PROJECT, {"clients": [{"name": "web", "type": "write"}]}, name="shop"))

    made = manifest(project)

    same = made.spec.model_copy(update={"organization": project.spec.organization})
    assert (made.name, same) == ("shop", project.spec)
    assert made.organization == project.namespace
    assert [made.secret_name(client) for client in made.spec.clients] == ["shop-web"]


def test_two_clients_with_one_secret_are_refused_whoever_named_it() -> None:
    clients = [{"name": "a", "type": "read"}, {"name": "b", "type": "read", "secretName": "demo-a"}]

    with pytest.raises(InvalidSpec) as refused:
        parse_project(resource(PROJECT, {"clients": clients}))

    assert refused.value.path == "spec.clients[1].secretName"
    assert refused.value.reason == (
        "secret name 'demo-a' is given twice, first at index 0; expected each secret name once"
    )


CLUSTERS: list[tuple[dict[str, Any], str, str]] = [
    # spec, path below spec, reason
    (
        {"clickhouse": {"engine": "Embedded", "shards": 2}}, "clickhouse.shards",
        "shards is 2, but engine is Embedded; expected engine: Managed, or shards: 1",
    ),
    (
        {"clickhouse": {"engine": "External"}}, "clickhouse.external",
        "engine is External without external; expected external.secretName",
    ),
    (
        {"redis": {"external": {"secretName": "a"}}}, "redis.external",
        "external is given, but mode is Managed; expected mode: External, or no external",
    ),
    (
        {"api": {"replicas": 1, "autoscaling": {"enabled": True}}}, "api.replicas",
        ("replicas is given, but autoscaling is enabled; expected autoscaling.min and autoscaling.max, "
        "or autoscaling.enabled: false"),
    ),
    (
        {"exposure": {"type": "Gateway", "hosts": {"api": "a"}}}, "exposure.gatewayRef",
        "type is Gateway without gatewayRef; expected gatewayRef.name",
    ),
    (
        {"exposure": {"gatewayRef": {"name": "a"}}}, "exposure.gatewayRef",
        "gatewayRef is given, but type is None; expected type: Gateway, or no gatewayRef",
    ),
    (
        {"exposure": {"className": "a"}}, "exposure.className",
        "className is given, but type is None; expected type: Ingress, or no className",
    ),
    (
        {"exposure": {"type": "Ingress"}}, "exposure.hosts",
        "type is Ingress without a host; expected at least one of hosts",
    ),
    (
        {"exposure": {"type": "Ingress", "hosts": {"api": "a", "ingest": "a"}}}, "exposure.hosts.api",
        "host 'a' is given for ingest and for api; expected a host of its own for each service",
    ),
    (
        {"exposure": {"tls": {"secretName": "a"}}}, "exposure.tls",
        "tls is given, but type is None; expected type: Ingress or Gateway, or no tls",
    ),
    ({"exposure": {"tls": {}}}, "exposure.tls", "tls is empty; expected at least one of secretName, issuer"),
    ({"geo": {}}, "geo", "geo has no origin; expected exactly one of secretName, configMapName, claimName"),
    (
        {"geo": {"secretName": "a", "claimName": "b"}}, "geo",
        "geo has secretName and claimName; expected exactly one of secretName, configMapName, claimName",
    ),
    (
        {"placement": {"tolerations": [{"operator": "Exists", "value": "a"}]}}, "placement.tolerations[0].value",
        "value is given, but operator is Exists; expected operator: Equal, or no value",
    ),
    (
        {"placement": {"tolerations": [{"value": "a"}]}}, "placement.tolerations[0].key",
        "operator is Equal without key; expected key, or operator: Exists",
    ),
    (
        {"placement": {"tolerations": [{"key": "a", "tolerationSeconds": 1}]}},
        "placement.tolerations[0].tolerationSeconds",
        "tolerationSeconds is given, but effect is not NoExecute; expected effect: NoExecute, or no tolerationSeconds",
    ),
    (
        {"images": {"api": "Registry/api"}}, "images.api",
        ("is 'Registry/api'; expected an image reference, such as registry.example.com/openpanel-api:1.2.3 "
        "or one that ends with @sha256:…"),
    ),
    ({"images": {"pullSecrets": ["a", "a"]}}, "images.pullSecrets[1]", "secret 'a' is given twice, first at index 0; expected each secret once"),
    ({"networkPolicies": {"fromNamespaces": ["a", "a"]}}, "networkPolicies.fromNamespaces[1]", "namespace 'a' is given twice, first at index 0; expected each namespace once"),
    ({"clickhouse": {"keeper": {"replicas": 2}}}, "clickhouse.keeper.replicas", "is 2; expected 1, 3 or 5"),
    (
        {"clickhouse": {"settings": {"max-queries": "1"}}}, "clickhouse.settings.max-queries",
        "is 'max-queries'; expected a ClickHouse setting's name, such as max_concurrent_queries",
    ),
    ({"clickhouse": {"shard": 2}}, "clickhouse.shard", "is not a field of this resource; expected perhaps shards"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "at", "reason"), CLUSTERS, ids=[each[1] for each in CLUSTERS])
def test_a_wrong_cluster_is_refused_with_place_and_remedy(spec: dict[str, Any], at: str, reason: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_cluster(resource(CLUSTER, spec))

    assert (refused.value.path, refused.value.reason) == (f"spec.{at}", reason)


def test_images_are_the_products_unless_named() -> None:
    images = parse_cluster(
        resource(CLUSTER, {"images": {"registry": "registry.example.com/a", "worker": "b/worker:2"}})
    ).spec.images

    assert images.reference("api", version="1.0.0") == "registry.example.com/a/openpanel-api:1.0.0"
    assert images.reference("worker", version="1.0.0") == "b/worker:2"
    assert images.reference("redis", version="1.0.0") == "redis:7-bookworm"


def test_images_need_no_registry() -> None:
    images = parse_cluster(resource(CLUSTER, {})).spec.images

    assert images.reference("dashboard", version="1.0.0") == "openpanel-dashboard:1.0.0"


@pytest.mark.parametrize(
    ("service", "count"),
    [({}, 2), ({"replicas": 5}, 5), ({"autoscaling": {"enabled": True}}, None)],
    ids=["usual", "named", "left to the autoscaler"],
)
def test_a_service_knows_how_many_pods_it_asks_for(service: dict[str, Any], count: int | None) -> None:
    assert parse_cluster(resource(CLUSTER, {"ingest": service})).spec.ingest.count == count


@pytest.mark.parametrize(
    ("exposure", "scheme"),
    [
        ({}, "http"),
        ({"type": "Ingress", "hosts": {"api": "a"}, "tls": {"secretName": "a"}}, "https"),
        ({"scheme": "https"}, "https"),
    ],
    ids=["plain", "with tls", "as told"],
)
def test_the_scheme_follows_tls_unless_told(exposure: dict[str, Any], scheme: str) -> None:
    assert parse_cluster(resource(CLUSTER, {"exposure": exposure})).spec.exposure.url_scheme == scheme


def test_dedicated_ingest_scales_as_the_product_thinks_best() -> None:
    ingest = parse_project(resource(PROJECT, {"ingest": {"mode": "Dedicated"}})).spec.ingest

    assert (ingest.bounds.min, ingest.bounds.max, ingest.cpu_target, ingest.memory_target) == (3, 20, 70, 80)


@pytest.mark.parametrize(
    ("workers", "streams"), [({}, 4), ({"max": 9}, 9), ({"shards": 12}, 12)], ids=["usual", "as max", "named"]
)
def test_events_are_spread_over_a_stream_for_each_worker(workers: dict[str, int], streams: int) -> None:
    assert parse_project(resource(PROJECT, {"workers": workers})).spec.workers.streams == streams
