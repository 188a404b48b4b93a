"""The chart's admission policies, asked of a real API server: what they refuse, with which words, and what passes.

They are bound to namespaces of these tests alone, as they are where the operator watches named namespaces, so that
other tests on the same API server do not meet them.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import httpx
import pytest
import yaml

from openpanel_operator.resources import CLUSTER, PROJECT, Kind

CHART: Final = Path(__file__).parents[3] / "charts" / "openpanel"
NAMESPACES: Final = ("admission", "admission-going")
POLICIES: Final = "/apis/admissionregistration.k8s.io/v1"
HEARD_WITHIN_S: Final = 60.0
PROTECTION: Final = "openpanel.dev/deletion-protection"
CONSENT: Final = "openpanel.dev/allow-data-loss"
KEPT: Final = {
    "events": 365,
    "replays": 90,
}  # what the operator says is applied; other kinds are kept for ever

Object = dict[str, Any]


def rendered(mode: str) -> list[Object]:
    """The policies and their bindings."""
    values = {"admissionPolicies": {"mode": mode}, "operator": {"watchNamespaces": list(NAMESPACES)}}
    with helm.Chart.load(CHART) as chart:
        files = chart.render(values, name="panel", namespace="analytics")
    texts = [text for name, text in files.items() if name.endswith("templates/admission.yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def path(kind: Kind, name: str = "", *, namespace: str = NAMESPACES[0]) -> str:
    base = f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}"
    return f"{base}/{name}" if name else base


def plural(each: Object) -> str:
    bindings = each["kind"].endswith("Binding")
    return "validatingadmissionpolicybindings" if bindings else "validatingadmissionpolicies"


@pytest.fixture(scope="module")
def guarded(kubernetes: httpx.Client) -> Iterator[httpx.Client]:
    """The API server with the policies in force."""
    for name in NAMESPACES:
        kubernetes.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    objects = rendered("Always")
    for each in objects:
        kubernetes.post(f"{POLICIES}/{plural(each)}", json=each).raise_for_status()
    make(kubernetes, CLUSTER, "sentinel", {"clickhouse": {"engine": "Embedded"}}, {PROTECTION: "true"})
    make(kubernetes, PROJECT, "sentinel", {"retention": {"events": 365}})
    applied(kubernetes, "sentinel")
    heard(lambda: kubernetes.delete(path(CLUSTER, "sentinel"), params={"dryRun": "All"}).is_success)
    heard(lambda: changed(kubernetes, "sentinel", {"events": 1}, dry=True).is_success)
    yield kubernetes
    for each in objects:
        kubernetes.delete(f"{POLICIES}/{plural(each)}/{each['metadata']['name']}").raise_for_status()


def heard(passes: Callable[[], bool]) -> None:
    """Wait until the API server knows the policy by which this no longer passes."""
    deadline = time.monotonic() + HEARD_WITHIN_S
    while passes():
        assert time.monotonic() < deadline, "the policy is not in force"
        time.sleep(0.1)


def make(
    kubernetes: httpx.Client,
    kind: Kind,
    name: str,
    spec: Object,
    annotations: dict[str, str] | None = None,
    *,
    namespace: str = NAMESPACES[0],
) -> None:
    metadata = {"name": name, "namespace": namespace, "annotations": annotations or {}}
    body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
    kubernetes.post(path(kind, namespace=namespace), json=body).raise_for_status()


def applied(kubernetes: httpx.Client, name: str) -> None:
    """Say in the status what the stores keep, as the operator does."""
    patched(kubernetes, path(PROJECT, name) + "/status", {"status": {"retention": KEPT}}).raise_for_status()


def changed(
    kubernetes: httpx.Client,
    name: str,
    retention: Object,
    annotations: dict[str, str] | None = None,
    *,
    dry: bool = False,
) -> httpx.Response:
    body = {"metadata": {"annotations": annotations or {}}, "spec": {"retention": retention}}
    return patched(kubernetes, path(PROJECT, name), body, dry=dry)


def patched(kubernetes: httpx.Client, where: str, body: Object, *, dry: bool = False) -> httpx.Response:
    return kubernetes.patch(
        where,
        params={"dryRun": "All"} if dry else {},
        headers={"Content-Type": "application/merge-patch+json"},
        json=body,
    )


def test_policies_come_where_the_api_server_knows_them_or_when_asked() -> None:
    assert [each["kind"] for each in rendered("Always")].count("ValidatingAdmissionPolicy") == 2
    assert rendered("Never") == []
    # Rendered offline, nothing is known of an API server.
    assert rendered("Auto") == []


def test_every_policy_is_bound_to_what_the_operator_watches() -> None:
    objects = rendered("Always")
    bindings = [each["spec"] for each in objects if each["kind"].endswith("Binding")]
    names = {each["metadata"]["name"] for each in objects if each["kind"] == "ValidatingAdmissionPolicy"}
    assert {each["policyName"] for each in bindings} == names
    for each in bindings:
        (watched,) = each["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert watched["values"] == list(NAMESPACES)


@pytest.mark.parametrize("kind", [CLUSTER, PROJECT], ids=lambda kind: kind.name)
@pytest.mark.parametrize("value", ["true", " Yes", "1"])
def test_a_protected_resource_is_not_deleted_and_the_refusal_says_how_it_would_be(
    guarded: httpx.Client, kind: Kind, value: str
) -> None:
    name = f"dear-{value.strip().lower()}"
    spec = {"clickhouse": {"engine": "Embedded"}} if kind is CLUSTER else {}
    make(guarded, kind, name, spec, {PROTECTION: value})

    answer = guarded.delete(path(kind, name))

    assert answer.status_code == 403
    assert f"kubectl annotate {kind.plural} {name} {PROTECTION}-" in answer.json()["message"]
    removed = {"metadata": {"annotations": {PROTECTION: None}}}
    patched(guarded, path(kind, name), removed).raise_for_status()
    assert guarded.delete(path(kind, name)).is_success


@pytest.mark.parametrize("annotations", [{}, {PROTECTION: "false"}, {"example.com/other": "true"}])
def test_a_resource_that_nobody_protects_is_deleted(
    guarded: httpx.Client, annotations: dict[str, str]
) -> None:
    make(guarded, PROJECT, "common", {}, annotations)

    assert guarded.delete(path(PROJECT, "common")).is_success


def test_a_namespace_that_goes_takes_a_protected_resource_along(guarded: httpx.Client) -> None:
    namespace = NAMESPACES[1]
    make(guarded, PROJECT, "dear", {}, {PROTECTION: "true"}, namespace=namespace)
    assert guarded.delete(path(PROJECT, "dear", namespace=namespace)).status_code == 403

    guarded.delete(f"/api/v1/namespaces/{namespace}").raise_for_status()

    heard(lambda: guarded.delete(path(PROJECT, "dear", namespace=namespace)).status_code == 403)
    assert guarded.get(path(PROJECT, "dear", namespace=namespace)).status_code == 404


@pytest.mark.parametrize(
    ("retention", "words"),
    [
        ({"events": 364}, "retention.events: 364 days are less than the data is kept for now (365 days)"),
        ({"sessions": 18_000}, "retention.sessions: 18000 days are less than the data is kept for now (for ever)"),
        ({"replays": 89}, "retention.replays: 89 days are less than the data is kept for now (90 days)"),
        ({"deadLetters": 1}, "retention.deadLetters: 1 days are less than the data is kept for now (30 days)"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_shorter_retention_needs_consent(guarded: httpx.Client, retention: Object, words: str) -> None:
    name = f"archive-{'-'.join(retention).lower()}"
    make(guarded, PROJECT, name, {"retention": dict(KEPT)})
    applied(guarded, name)

    refused = changed(guarded, name, retention)

    assert refused.status_code == 422
    assert words in refused.json()["message"]
    assert f"{CONSENT}=true" in refused.json()["message"]
    assert changed(guarded, name, retention, {CONSENT: "false"}).status_code == 422
    assert changed(guarded, name, retention, {CONSENT: "true"}).is_success


@pytest.mark.parametrize(
    "retention", [{"events": 365}, {"events": 366}, {"events": None}, {"replays": 91}, {"replays": 90}]
)
def test_a_longer_retention_needs_none(guarded: httpx.Client, retention: Object) -> None:
    name = f"longer-{'-'.join(f'{kind}-{days}' for kind, days in retention.items()).lower()}"
    make(guarded, PROJECT, name, {"retention": dict(KEPT)})
    applied(guarded, name)

    assert changed(guarded, name, retention).is_success


def test_a_project_whose_data_nobody_keeps_yet_may_say_any_retention(guarded: httpx.Client) -> None:
    make(guarded, PROJECT, "new", {"retention": {"events": 365}})

    assert changed(guarded, "new", {"events": 7}).is_success


def test_what_was_asked_for_before_is_not_refused_with_every_later_change(guarded: httpx.Client) -> None:
    make(guarded, PROJECT, "held-back", {"retention": {"events": 7}})
    applied(guarded, "held-back")

    body = {"metadata": {"labels": {"team": "data"}}, "spec": {"displayName": "Held back"}}

    assert patched(guarded, path(PROJECT, "held-back"), body).is_success
    assert changed(guarded, "held-back", {"events": 8}).status_code == 422
