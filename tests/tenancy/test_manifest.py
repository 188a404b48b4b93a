"""Every field's bounds: what is refused, where, why, and what would be right."""

from typing import Any

import pytest

from openpanel.metadata import RETENTION_KINDS
from openpanel.tenancy import AnalyticsProject, parse
from openpanel.tenancy.manifest import API_VERSION, KIND
from tests.tenancy.manifests import WEB, faults, manifest, text_of

LABEL = (
    "lower-case letters, digits and '-', beginning and ending with a letter or digit, at most 63 characters"
)
SUBDOMAIN = "lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit"
DOMAIN = "'*', a host, or scheme://host[:port], with '*' for any characters, such as https://*.example.com"
LENGTH = "days, hours, minutes and seconds in this order, such as 90d, 24h or 1d12h"
QUANTITY = "a Kubernetes quantity, such as 250m, 0.5, 512Mi or 2Gi"
WHOLE = "a whole number without quotes"
PLAIN = "text without control characters"
DEDICATED = {"mode": "Dedicated"}


def rotating(**rotation: Any) -> dict[str, Any]:
    return {"clients": [{**WEB, "rotation": rotation}]}


def dedicated(**fields: Any) -> dict[str, Any]:
    return {"ingest": {**DEDICATED, **fields}}


def a_filter(**fields: Any) -> dict[str, Any]:
    return {"filters": [{"type": "event", "value": "x", **fields}]}


def a_condition(**fields: Any) -> dict[str, Any]:
    return a_filter(conditions=[{"name": "path", "operator": "is", "values": ["/"], **fields}])


def a_webhook(**fields: Any) -> dict[str, Any]:
    return {"webhooks": [{"url": "https://a.example", "events": ["*"], **fields}]}


REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    # spec, path below spec, reason, what would be right
    ({"displayName": 1}, "displayName", "is 1, a number", "text; put it in quotes"),
    ({"displayName": "a\tb"}, "displayName", "is 'a\tb'", PLAIN),
    ({"displayName": "x" * 201}, "displayName", "has 201 characters", "at most 200 characters"),
    ({"organization": ""}, "organization", "has 0 characters", "at least 1 characters"),
    ({"organization": "Corner Shop"}, "organization", "is 'Corner Shop'", LABEL),
    ({"organization": "x" * 64}, "organization", "has 64 characters", "at most 63 characters"),
    ({"organization": False}, "organization", "is false, a truth value", "text; put it in quotes"),
    ({"clusterRef": {}}, "clusterRef.name", "is required and missing", "Name of the PanelCluster"),
    ({"clusterRef": {"name": "A"}}, "clusterRef.name", "is 'A'", LABEL),
    ({"clusterRef": {"name": "a", "namespace": "-"}}, "clusterRef.namespace", "is '-'", LABEL),
    ({"clusterRef": "main"}, "clusterRef", "is 'main', text", "a mapping"),
    ({"domains": "*"}, "domains", "is '*', text", "a list"),
    ({"domains": ["a b"]}, "domains[0]", "is 'a b'", DOMAIN),
    ({"domains": ["https://a.example/path"]}, "domains[0]", "is 'https://a.example/path'", DOMAIN),
    ({"domains": [""]}, "domains[0]", "has 0 characters", "at least 1 characters"),
    ({"domains": ["a", "b", "a"]}, "domains[2]", "domain 'a' is given twice, first at index 0", "each domain once"),
    ({"domains": [f"h{n}" for n in range(201)]}, "domains", "has 201 entries", "at most 200 entries"),
    (
        {"timeZone": "Europe/Berln"}, "timeZone", "'Europe/Berln' is not a known time zone",
        "an IANA name such as Europe/Berlin, Asia/Seoul or UTC; the nearest known name is Europe/Berlin",
    ),
    (
        {"timeZone": "../etc/passwd"}, "timeZone", "'../etc/passwd' is not a known time zone",
        "an IANA name such as Europe/Berlin, Asia/Seoul or UTC",
    ),
    ({"timeZone": ""}, "timeZone", "has 0 characters", "at least 1 characters"),
    ({"ingest": {"mode": "Own"}}, "ingest.mode", "is 'Own'", "'Shared' or 'Dedicated'"),
    (dedicated(replicas={"min": 0}), "ingest.replicas.min", "is 0", "at least 1"),
    (dedicated(replicas={"max": 101}), "ingest.replicas.max", "is 101", "at most 100"),
    (
        dedicated(replicas={"min": 3, "max": 2}), "ingest.replicas.min", "min is 3 and max is 2",
        "min at most 2, or max at least 3",
    ),
    (dedicated(targetCpuPercent=0), "ingest.targetCpuPercent", "is 0", "at least 1"),
    (dedicated(targetCpuPercent=101), "ingest.targetCpuPercent", "is 101", "at most 100"),
    (dedicated(targetMemoryPercent=0), "ingest.targetMemoryPercent", "is 0", "at least 1"),
    (dedicated(targetMemoryPercent=101), "ingest.targetMemoryPercent", "is 101", "at most 100"),
    (dedicated(resources={"requests": {"cpu": "a lot"}}), "ingest.resources.requests.cpu", "is 'a lot'", QUANTITY),
    (dedicated(resources={"limits": {"memory": "-1Mi"}}), "ingest.resources.limits.memory", "is '-1Mi'", QUANTITY),
    (
        dedicated(resources={"requests": {"disk": "1Gi"}}), "ingest.resources.requests.disk",
        "is not a field of this resource", "one of cpu, memory",
    ),
    (dedicated(host="a_b.example"), "ingest.host", "is 'a_b.example'", SUBDOMAIN),
    (dedicated(host="a" * 254), "ingest.host", "has 254 characters", "at most 253 characters"),
    (
        {"ingest": {"rateLimit": {"messagesPerSecond": 0}}}, "ingest.rateLimit.messagesPerSecond", "is 0",
        "at least 1",
    ),
    (
        {"ingest": {"rateLimit": {"messagesPerSecond": 10_000_001}}}, "ingest.rateLimit.messagesPerSecond",
        "is 10000001", "at most 10000000",
    ),
    ({"ingest": {"rateLimit": {"burst": 0}}}, "ingest.rateLimit.burst", "is 0", "at least 1"),
    ({"ingest": {"rateLimit": {"burst": 10**9}}}, "ingest.rateLimit.burst", "is 1000000000", "at most 100000000"),
    ({"ingest": {"rateLimit": {"burst": "10"}}}, "ingest.rateLimit.burst", "is '10', text", WHOLE),
    (
        {"ingest": {"trustedSenders": ["10.0.0.1/8"]}}, "ingest.trustedSenders[0]", "10.0.0.1/8 has host bits set",
        "an address or a network without host bits, such as 10.20.0.0/16",
    ),
    (
        {"ingest": {"trustedSenders": ["::1", "::1"]}}, "ingest.trustedSenders[1]",
        "network '::1/128' is given twice, first at index 0", "each network once",
    ),
    (
        {"ingest": {"trustedSenders": [f"10.0.0.{n}" for n in range(101)]}}, "ingest.trustedSenders",
        "has 101 entries", "at most 100 entries",
    ),
    *(
        (
            {"ingest": {field: value}}, f"ingest.{field}", f"{field} is given, but mode is Shared",
            f"mode: Dedicated, or no {field}",
        )
        for field, value in {
            "replicas": {}, "targetCpuPercent": 50, "targetMemoryPercent": 50, "resources": {},
        }.items()
    ),
    ({"workers": {"min": -1}}, "workers.min", "is -1", "at least 0"),
    ({"workers": {"min": 101}}, "workers.min", "is 101", "at most 100"),
    ({"workers": {"max": 0}}, "workers.max", "is 0", "at least 1"),
    ({"workers": {"max": 101}}, "workers.max", "is 101", "at most 100"),
    ({"workers": {"min": 3, "max": 2}}, "workers.min", "min is 3 and max is 2", "min at most 2, or max at least 3"),
    ({"workers": {"targetDepth": 0}}, "workers.targetDepth", "is 0", "at least 1"),
    ({"workers": {"targetDepth": 10**9}}, "workers.targetDepth", "is 1000000000", "at most 100000000"),
    ({"workers": {"min": 0}}, "workers.min", "min is 0 without scaleToZero", "scaleToZero: true, or min at least 1"),
    (
        {"workers": {"min": 1, "scaleToZero": True}}, "workers.scaleToZero", "scaleToZero is true, but min is 1",
        "min: 0, or scaleToZero: false",
    ),
    ({"workers": {"scaleToZero": "yes"}}, "workers.scaleToZero", "is 'yes', text", "true or false"),
    ({"workers": {"replicas": 5}}, "workers.replicas", "replicas is 5 and max is 4", "at most 4, or a higher max"),
    (
        {"workers": {"replicas": 0}}, "workers.replicas", "replicas is 0 without scaleToZero",
        "scaleToZero: true, or replicas at least 1",
    ),
    ({"workers": {"fallback": 5}}, "workers.fallback", "fallback is 5 and max is 4", "at most 4, or a higher max"),
    (
        {"workers": {"shards": 3}}, "workers.shards", "shards is 3 and max is 4",
        "shards at least 4, or max at most 3",
    ),
    ({"workers": {"scaler": "HPA"}}, "workers.scaler", "is 'HPA'", "'Operator' or 'Keda'"),
    ({"workers": {"cooldown": "soon"}}, "workers.cooldown", "is 'soon'", LENGTH),
    (
        {"workers": {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "500m"}}}},
        "workers.resources.requests.cpu", "requests.cpu is 1 and limits.cpu is 500m",
        "a request of at most 500m, or a higher limit",
    ),
    (
        dedicated(resources={"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}),
        "ingest.resources.requests.memory", "requests.memory is 1Gi and limits.memory is 1G",
        "a request of at most 1G, or a higher limit",
    ),
    (
        {"ingest": {"tlsSecretName": "a"}}, "ingest.tlsSecretName", "tlsSecretName is given without host",
        "host, or no tlsSecretName",
    ),
    (
        {"ingest": {"trustedSenders": ["10.0.0.0/255.0.0.0"]}}, "ingest.trustedSenders[0]",
        "'10.0.0.0/255.0.0.0' is an unusual form of 10.0.0.0/8",
        "an address or a network without host bits, such as 10.20.0.0/16",
    ),
    ({"isolation": {"resourceQuota": {"pods": 0}}}, "isolation.resourceQuota.pods", "is 0", "at least 1"),
    ({"clients": [{"type": "read"}]}, "clients[0].name", "is required and missing", "Name of the client within the project"),
    ({"clients": [{"name": "web"}]}, "clients[0].type", "is required and missing", "'write', 'read' or 'root'"),
    ({"clients": [{**WEB, "type": "admin"}]}, "clients[0].type", "is 'admin'", "'write', 'read' or 'root'"),
    ({"clients": [{**WEB, "name": "Web"}]}, "clients[0].name", "is 'Web'", LABEL),
    ({"clients": [{**WEB, "secretName": "a_b"}]}, "clients[0].secretName", "is 'a_b'", SUBDOMAIN),
    (
        {"clients": [WEB, {"name": "web", "type": "read"}]}, "clients[1].name",
        "client 'web' is given twice, first at index 0", "each client once",
    ),
    (
        {"clients": [{**WEB, "secretName": "s"}, {"name": "b", "type": "read", "secretName": "s"}]},
        "clients[1].secretName", "secret name 's' is given twice, first at index 0", "each secret name once",
    ),
    (
        {"clients": [WEB, {"name": "b", "type": "read", "secretName": "demo-web"}]},
        "clients[1].secretName", "secret name 'demo-web' is given twice, first at index 0", "each secret name once",
    ),
    (
        {"clients": [{"name": "r", "type": "read", "ignoreCorsAndSecret": True}]}, "clients[0].ignoreCorsAndSecret",
        "ignoreCorsAndSecret is true for a read client", "type: write, or ignoreCorsAndSecret: false",
    ),
    ({"clients": [{"name": f"c{n}", "type": "read"} for n in range(101)]}, "clients", "has 101 entries", "at most 100 entries"),
    (rotating(overlap="1h"), "clients[0].rotation.interval", "is required and missing", "How long a secret is used before a new one is made, such as 90d; on one machine it is made by the next `openpanel apply` after that"),
    (rotating(interval="monthly"), "clients[0].rotation.interval", "is 'monthly'", LENGTH),
    (rotating(interval="12h1d"), "clients[0].rotation.interval", "is '12h1d'", LENGTH),
    (rotating(interval="59m", overlap="1m"), "clients[0].rotation.interval", "interval is 59m", "at least 1h"),
    (
        rotating(interval="24h", overlap="1d"), "clients[0].rotation.overlap", "overlap is 1d and interval is 24h",
        "an overlap shorter than 24h",
    ),
    *(
        (spec, f"retention.{kind}", reason, right)
        for kind in RETENTION_KINDS
        for spec, reason, right in (
            ({"retention": {kind: 0}}, "is 0", "at least 1"),
            ({"retention": {kind: 18_251}}, "is 18251", "at most 18250"),
            ({"retention": {kind: 1.5}}, "is 1.5, a number", WHOLE),
        )
    ),
    ({"retention": {"forever": 1}}, "retention.forever", "is not a field of this resource", "one of events, sessions, aggregates, replays, bots, deadLetters"),
    ({"quota": {"eventsPerMonth": 0}}, "quota.eventsPerMonth", "is 0", "at least 1"),
    ({"quota": {"eventsPerMonth": 10**16}}, "quota.eventsPerMonth", f"is {10**16}", f"at most {10**15}"),
    ({"privacy": {"truncateIp": 1}}, "privacy.truncateIp", "is 1, a number", "true or false"),
    ({"privacy": {"truncateIP": True}}, "privacy.truncateIP", "is not a field of this resource", "perhaps truncateIp"),
    (a_filter(type="country"), "filters[0].type", "is 'country'", "'ip', 'profileId' or 'event'"),
    (a_filter(value=""), "filters[0].value", "has 0 characters", "at least 1 characters"),
    (
        {"filters": [{"type": "ip", "value": "office"}]}, "filters[0].value",
        "'office' is neither an address nor a network",
        "an address such as 203.0.113.7, or a network without host bits such as 203.0.113.0/24",
    ),
    (
        {"filters": [{"type": "profileId", "value": "x", "conditions": [{"name": "path", "operator": "isNull"}]}]},
        "filters[0].conditions", "a filter of type profileId has conditions", "no conditions, or type: event",
    ),
    (a_condition(operator="like"), "filters[0].conditions[0].operator", "is 'like'", (
        "'is', 'isNot', 'contains', 'doesNotContain', 'startsWith', 'endsWith', 'isNull', 'isNotNull', "
        "'gt', 'gte', 'lt' or 'lte'"
    )),
    (a_condition(values=[]), "filters[0].conditions[0].values", "is has no values", "at least one value"),
    (a_condition(operator="isNull"), "filters[0].conditions[0].values", "isNull takes no values", "no values"),
    (
        a_condition(operator="gt", values=["1", "many"]), "filters[0].conditions[0].values[1]",
        "'many' is no number", "a number in quotes for gt",
    ),
    (
        a_condition(operator="lt", values=["1_000"]), "filters[0].conditions[0].values[0]",
        "'1_000' is no number", "a number in quotes for lt",
    ),
    (a_condition(values=[1]), "filters[0].conditions[0].values[0]", "is 1, a number", "text; put it in quotes"),
    (a_condition(values=["x"] * 101), "filters[0].conditions[0].values", "has 101 entries", "at most 100 entries"),
    (a_filter(conditions=[{"name": "path", "operator": "isNull"}] * 21), "filters[0].conditions", "has 21 entries", "at most 20 entries"),
    ({"filters": [{"type": "event", "value": "x"}] * 501}, "filters", "has 501 entries", "at most 500 entries"),
    ({"events": [{"name": "a"}, {"name": "a"}]}, "events[1].name", "event 'a' is given twice, first at index 0", "each event once"),
    ({"events": [{"name": ""}]}, "events[0].name", "has 0 characters", "at least 1 characters"),
    ({"events": [{"name": "a", "icon": "Cart!"}]}, "events[0].icon", "is 'Cart!'", "an icon's name in lower case, such as shopping-cart"),
    ({"events": [{"name": "a", "colour": "red"}]}, "events[0].colour", "is 'red'", "a colour as '#rrggbb', in quotes"),
    ({"events": [{"name": "a", "conversion": None}]}, "events[0].conversion", "is empty, no value", "true or false"),
    ({"events": [{"name": f"e{n}"} for n in range(501)]}, "events", "has 501 entries", "at most 500 entries"),
    (a_webhook(url="ftp://a.example"), "webhooks[0].url", "is 'ftp://a.example'", "an address that begins with https:// or http://"),
    (a_webhook(url="https://"), "webhooks[0].url", "is 'https://'", "an address that begins with https:// or http://"),
    (a_webhook(url="https://user@a.example"), "webhooks[0].url", "is 'https://user@a.example'", "an address that begins with https:// or http://"),
    (a_webhook(events=[]), "webhooks[0].events", "has 0 entries", "at least 1 entries"),
    (a_webhook(secretName="A"), "webhooks[0].secretName", "is 'A'", SUBDOMAIN),
    ({"webhooks": [*a_webhook()["webhooks"]] * 2}, "webhooks[1].url", "address 'https://a.example' is given twice, first at index 0", "each address once"),
    ({"webhooks": [{"url": f"https://{n}.example", "events": ["*"]} for n in range(51)]}, "webhooks", "has 51 entries", "at most 50 entries"),
    ({"deletionPolicy": "Keep"}, "deletionPolicy", "is 'Keep'", "'Retain', 'Delete' or 'Snapshot'"),
    ({"displayNam": "x"}, "displayNam", "is not a field of this resource", "perhaps displayName"),
    ({"ingest": {"retries": 3}}, "ingest.retries", "is not a field of this resource", (
        "one of mode, replicas, targetCpuPercent, targetMemoryPercent, resources, host, tlsSecretName, rateLimit, trustedSenders"
    )),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "path", "reason", "expected"),
    REFUSED,
    ids=[f"{place}-{path}" for place, (_, path, _, _) in enumerate(REFUSED)],
)
def test_a_wrong_value_is_refused_with_place_reason_and_remedy(
    spec: dict[str, Any], path: str, reason: str, expected: str
) -> None:
    assert faults(text_of(**spec)) == [(f"spec.{path}", reason, expected)]


TAKEN: list[dict[str, Any]] = [
    {},
    {"domains": ["*", "a.example", "https://*.a.example", "http://localhost:3000", "capacitor://localhost", "http://[::1]:80"]},
    {"timeZone": "America/Argentina/Buenos_Aires"},
    dedicated(replicas={"min": 1, "max": 1}, targetCpuPercent=1, targetMemoryPercent=100),
    dedicated(resources={"requests": {"cpu": 1, "memory": "1.5Gi"}, "limits": {"cpu": 1.5}}),
    {"ingest": {"host": "a.example", "trustedSenders": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]}},
    {"workers": {"min": 0, "max": 1, "scaleToZero": True}},
    {"workers": {"min": 100, "max": 100, "targetDepth": 1}},
    {"workers": {"min": 0, "scaleToZero": True, "replicas": 0, "fallback": 4, "shards": 4, "scaler": "Keda"}},
    {"workers": {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1000m"}}}},
    rotating(interval="1h", overlap="59m59s"),
    rotating(interval="90d"),
    {"retention": {"events": 1, "sessions": 18_250, "replays": None}},
    {"quota": {"eventsPerMonth": 10**15}},
    a_condition(name="properties.plan"),
    a_condition(operator="gte", values=["-1.5"]),
    {"filters": [{"type": "ip", "value": "2001:db8::/32"}]},
    a_webhook(url="http://localhost:8080/x?y=z"),
    {"events": [{"name": "결제 완료", "conversion": True}]},
]  # fmt: skip


@pytest.mark.parametrize("spec", TAKEN, ids=range(len(TAKEN)))
def test_a_value_at_the_edge_is_taken(spec: dict[str, Any]) -> None:
    assert faults(text_of(**spec)) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "reason", "expected"),
    [
        ("name: demo", "name: Demo_1", "metadata.name", "is 'Demo_1'", LABEL),
        ("name: demo", "name: 1", "metadata.name", "is 1, a number", "text; put it in quotes"),
        ("name: demo", "labels: {}", "metadata.name", "is required and missing", "Name of the project; it is the project's id everywhere"),
        ("name: demo", "name: demo\n  label: x", "metadata.label", "is not a field of this resource", "perhaps labels"),
        ("name: demo", "name: demo\n  namespace: A", "metadata.namespace", "is 'A'", LABEL),
        ("name: demo", "name: demo\n  labels: {a: 1}", "metadata.labels.a", "is 1, a number", "text; put it in quotes"),
        ("v1alpha1", "v2", "apiVersion", "is 'openpanel.dev/v2'", "'openpanel.dev/v1alpha1'"),
        ("kind: Analytics", "kind: My", "kind", "is 'MyProject'", "'AnalyticsProject'"),
        ("spec: {}", "spec:", "spec", "is empty, no value", "a mapping"),
        ("spec: {}", "spec: {}\nspecs: {}", "specs", "is not a field of this resource", "perhaps spec"),
    ],
)  # fmt: skip
def test_a_wrong_frame_is_refused(old: str, new: str, path: str, reason: str, expected: str) -> None:
    assert faults(text_of().replace(old, new)) == [(path, reason, expected)]


def test_what_is_missing_is_told_by_its_form() -> None:
    (spec,) = faults(text_of().replace("spec: {}", ""))
    (filter_type,) = faults(text_of(filters=[{"value": "x"}]))

    assert spec[:2] == ("spec", "is required and missing")
    assert spec[2].startswith("a mapping with clusterRef, displayName, ")
    assert filter_type == ("spec.filters[0].type", "is required and missing", "'ip', 'profileId' or 'event'")


def test_of_a_resource_of_another_kind_nothing_else_is_told() -> None:
    panel = "apiVersion: openpanel.dev/v1alpha1\nkind: PanelCluster\nmetadata: {name: panel}\nspec: {redis: {mode: Managed}}"
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}"

    assert [path for path, _, _ in faults(panel)] == ["kind"]
    assert [path for path, _, _ in faults(secret)] == ["apiVersion", "kind"]


def test_every_fault_of_a_document_is_told_at_once() -> None:
    text = text_of(timeZone="Mars", retention={"events": 0}, workers={"min": 9, "max": 1})

    assert [path for path, _, _ in faults(text)] == [
        "spec.timeZone",
        "spec.workers.min",
        "spec.retention.events",
    ]


def test_a_secret_put_into_the_manifest_is_not_repeated() -> None:
    found = faults(text_of(clients=[{**WEB, "secret": "sec_0123456789"}]))

    assert [path for path, _, _ in found] == ["spec.clients[0].secret"]
    assert "sec_0123456789" not in str(found)


def test_a_long_wrong_value_is_shown_in_part() -> None:
    ((_, reason, _),) = faults(text_of(timeZone="x" * 1_000, organization="fine"))

    assert len(reason) < 120


def test_defaults_are_the_simplest_project() -> None:
    simplest = manifest()
    spec = simplest.spec

    assert (simplest.organization, spec.time_zone, spec.deletion_policy) == ("default", "UTC", "Retain")
    assert (spec.ingest.mode, spec.workers.scale_to_zero, spec.domains, spec.clients) == (
        "Shared",
        False,
        [],
        [],
    )
    assert spec.retention.model_dump(by_alias=True) == dict.fromkeys(RETENTION_KINDS)


def test_a_client_without_a_secret_name_gets_one_from_its_project() -> None:
    project = manifest(clients=[WEB, {"name": "b", "type": "read", "secretName": "own"}])

    assert [project.secret_name(client) for client in project.spec.clients] == ["demo-web", "own"]


def test_the_group_version_and_kind_are_those_of_the_resource() -> None:
    (project,) = parse(text_of())

    assert (project.api_version, project.kind) == (API_VERSION, KIND)


def test_every_field_is_described_in_one_sentence() -> None:
    schema = AnalyticsProject.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    fields = [
        (part["title"], name, {**parts.get(field.get("$ref", "").rpartition("/")[2], {}), **field})
        for part in (schema, *parts.values())
        for name, field in part["properties"].items()
    ]

    assert len(fields) > 70
    assert [(title, name) for title, name, field in fields if not field["description"].endswith(".")] == []


def test_the_schema_is_structural() -> None:
    schema = AnalyticsProject.model_json_schema(by_alias=True)
    fields = [field for part in (schema, *schema["$defs"].values()) for field in part["properties"].values()]

    for field in fields:
        kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
        assert len(kinds) <= 1, field
