"""The numbered examples, applied as they are: each is Ready, and what is special about each is so."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
import yaml

from tests.e2e import examples
from tests.e2e.conftest import EXAMPLES, Client, client, exported
from tests.e2e.events import track
from tests.e2e.kubectl import Kubectl, Object, condition, documents, until


@pytest.fixture(scope="module")
def applied(kube: Kubectl, panel: str) -> Iterator[str]:
    """All of them at once; the panel that serves them. The isolated tenant stays for the uninstallation."""
    for each in examples.objects():
        Kubectl(each["metadata"].get("namespace", kube.namespace)).apply(each)
    yield panel
    names = [name for name, namespace in examples.projects().items() if not namespace]
    kube.run("delete", "aproj", *names, "--wait=true", "--timeout=240s", seconds=250)


def written(number: str) -> Object:
    """The spec of the project in an example, as it stands in the file."""
    path = next(EXAMPLES.glob(f"{number}-*.yaml"))
    return next(each["spec"] for each in documents(path) if each["kind"] == "AnalyticsProject")


def test_every_example_is_run_or_said_why_not() -> None:
    known = {*examples.RUN, *examples.NOT_RUN, examples.PLATFORM}
    assert known == {path.stem for path in EXAMPLES.glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(examples.projects()))
def test_an_example_becomes_ready(kube: Kubectl, applied: str, name: str) -> None:
    assert applied
    Kubectl(examples.projects()[name] or kube.namespace).ready("aproj", name)


def test_the_first_example_takes_pages_from_everywhere_without_a_secret(kube: Kubectl, applied: str) -> None:
    own = client(kube, "demo-web")
    page = {"openpanel-client-id": own.id, "origin": "https://anywhere.example.org"}
    with kube.forwarded(f"{applied}-ingest", 3000) as address:
        assert track(address, page, "screen_view").status_code == 200
    until(lambda: seen(kube, "demo", "screen_view"), bool)


def test_the_shop_example_has_autoscaler_secrets_and_filters(kube: Kubectl, applied: str) -> None:
    assert applied
    scaler = kube.get("horizontalpodautoscaler", "shop-ingest")["spec"]
    said = written("02")["ingest"]
    targets = {
        each["resource"]["name"]: each["resource"]["target"]["averageUtilization"]
        for each in scaler["metrics"]
    }
    assert targets == {"cpu": said["targetCpuPercent"], "memory": said["targetMemoryPercent"]}
    own = client(kube, "shop-checkout-credentials")
    with kube.forwarded("shop-ingest", 3000) as address:
        assert track(address, own.headers, "checkout_completed").status_code == 200
        blocked = httpx.post(
            f"{address}/track",
            json={"type": "track", "payload": {"name": "x", "profileId": "load-test", "properties": {}}},
            headers=own.headers,
            timeout=15,
        )
    assert blocked.status_code == 401
    assert "filter" in blocked.text
    until(lambda: seen(kube, "shop", "checkout_completed"), bool)


def test_the_dedicated_example_has_pods_streams_and_a_budget_of_its_own(kube: Kubectl, applied: str) -> None:
    assert applied
    assert kube.get("horizontalpodautoscaler", "marketplace-ingest")["spec"]["scaleTargetRef"]
    assert kube.get("poddisruptionbudget", "marketplace-ingest")["spec"]["selector"]
    assert kube.get("aproj", "marketplace")["status"]["pool"]["name"] == "marketplace"
    with kube.forwarded("marketplace-ingest", 3000) as address:
        assert track(address, client(kube, "marketplace-web").headers, "sold").status_code == 200
        strange = track(address, client(kube, "demo-web").headers, "strange")
    assert strange.status_code == httpx.codes.MISDIRECTED_REQUEST
    until(lambda: seen(kube, "marketplace", "sold"), bool)


def test_the_keda_example_says_that_keda_is_missing_and_serves(kube: Kubectl, applied: str) -> None:
    assert applied
    if "scaledobjects.keda.sh" in kube.run("get", "customresourcedefinitions", "--output", "name"):
        pytest.skip("this cluster has KEDA")
    found = kube.get("aproj", "news")
    assert condition(found, "ScalingActive")["reason"] == "KedaNotInstalled"
    assert condition(found, "Ready")["status"] == "True"


def test_the_retention_example_is_applied_to_the_day(kube: Kubectl, applied: str) -> None:
    assert applied
    found = kube.until("aproj", "journal", lambda seen: bool(seen["status"].get("retention")))
    assert found["status"]["retention"] == written("09")["retention"]
    assert condition(found, "RetentionApplied")["status"] == "True"


def test_the_rotation_example_plans_each_rotation_and_another_value_replaces_every_secret(
    kube: Kubectl, applied: str
) -> None:
    assert applied
    intervals = {each["name"]: each["rotation"]["interval"] for each in written("10")["clients"]}
    clients = {each["name"]: each for each in kube.get("aproj", "bank")["status"]["clients"]}
    for name, interval in intervals.items():
        days = int(interval[:-1]) / (24 if interval.endswith("h") else 1)
        planned = datetime.fromisoformat(clients[name]["nextRotation"]) - datetime.now(UTC)
        assert days - 0.1 < planned.total_seconds() / 86_400 <= days
    secrets = {name: str(clients[name]["secretName"]) for name in intervals}
    assert secrets["backend"] == "bank-analytics"
    before = {name: client(kube, secret) for name, secret in secrets.items()}

    kube.annotate("aproj", "bank", rotate=str(time.time_ns()))

    for name, secret in secrets.items():
        after = changed(kube, secret, before[name])
        assert after.id == before[name].id


def test_the_privacy_example_leaves_uncounted_who_objects(kube: Kubectl, applied: str) -> None:
    own = client(kube, "clinic-web")
    ward = {"__path": "https://clinic.example.com/patient/7"}
    news = {"__path": "https://clinic.example.com/news"}
    with kube.forwarded(f"{applied}-ingest", 3000) as address:
        for header in ("dnt", "sec-gpc"):
            assert track(address, {**own.headers, header: "1"}, "objected").status_code == 200
        inside = {**own.headers, "openpanel-client-ip": "198.51.100.7"}
        assert track(address, inside, "own_visit").status_code == 401
        assert track(address, own.headers, "screen_view", ward).status_code == 200
        assert track(address, own.headers, "screen_view", news).status_code == 200
    rows = until(lambda: seen(kube, "clinic", "screen_view"), bool)
    assert [row["path"] for row in rows] == ["/news"]
    assert not seen(kube, "clinic", "objected")
    assert not seen(kube, "clinic", "own_visit")


def test_the_sleeping_example_takes_events_and_may_have_no_worker(kube: Kubectl, applied: str) -> None:
    assert applied
    spec = kube.get("aproj", "archive")["spec"]["workers"]
    assert (spec["min"], spec["max"], spec["cooldown"]) == (0, 2, "10m")
    with kube.forwarded("archive-ingest", 3000) as address:
        assert track(address, client(kube, "archive-web").headers, "found").status_code == 200
    until(lambda: seen(kube, "archive", "found"), bool)


def test_the_isolated_example_keeps_its_secrets_and_admits_nobody_elses_pods(
    kube: Kubectl, applied: str
) -> None:
    assert applied
    own = client(Kubectl(examples.TENANT), "gamma-web")
    assert kube.find("secret", "gamma-web") is None
    pod = kube.get("deployment", "gamma-ingest")["spec"]["template"]["spec"]
    assert pod["priorityClassName"] == "openpanel-gamma"
    policy = kube.get("networkpolicy", "gamma-ingest")["spec"]
    assert policy["podSelector"]["matchLabels"]["openpanel.dev/project"] == "gamma"
    sources = [source for rule in policy["ingress"] for source in rule["from"]]
    strangers = {"key": "openpanel.dev/project", "operator": "DoesNotExist"}
    assert all(
        strangers in source["podSelector"].get("matchExpressions", [])
        or source["podSelector"].get("matchLabels") == {"openpanel.dev/project": "gamma"}
        for source in sources
    )
    with kube.forwarded("gamma-ingest", 3000) as address:
        assert track(address, own.headers, "apart").status_code == 200
    reader = client(Kubectl(examples.TENANT), f"gamma-{examples.READER}")
    until(lambda: seen(kube, "gamma", "apart", reader=reader), bool)


def test_kubernetes_counts_the_isolated_example_and_refuses_a_pod_beyond_its_quota(
    kube: Kubectl, applied: str
) -> None:
    assert applied
    tenant = Kubectl(examples.TENANT)
    tenant.until("aproj", "gamma", lambda seen: condition(seen, "QuotaEnforced").get("status") == "True")
    kube.until(
        "resourcequota",
        "gamma-quota",
        lambda seen: int(seen.get("status", {}).get("used", {}).get("pods", 0)) >= 2,
    )
    template = kube.get("deployment", "gamma-ingest")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "too-much"}, "spec": template["spec"]}
    pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "11"
    said = kube.run("create", "--dry-run=server", "--filename", "-", stdin=yaml.safe_dump(pod), check=False)
    assert "exceeded quota: gamma-quota" in said


def test_the_conversions_example_counts_what_it_names_and_drops_what_it_filters(
    kube: Kubectl, applied: str
) -> None:
    with kube.forwarded(f"{applied}-ingest", 3000) as address:
        for name in ("heartbeat", "enrolled"):
            assert track(address, client(kube, "school-web").headers, name).status_code == 200
    until(lambda: seen(kube, "school", "enrolled"), bool)
    assert not seen(kube, "school", "heartbeat")


def seen(kube: Kubectl, name: str, event: str, *, reader: Client | None = None) -> list[Object]:
    """The events of that name in the export of an example's project."""
    return exported(kube, name, reader=reader or client(kube, f"{name}-{examples.READER}"), event=event)


def changed(kube: Kubectl, secret: str, before: Client) -> Client:
    """What the Secret holds as soon as it is something else."""
    return until(lambda: client(kube, secret), lambda now: now != before)
