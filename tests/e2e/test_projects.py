"""The life of projects: clients, rotation, dedicated ingest, conflicts, mistakes, many at once, deletion."""

from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.conftest import ONE_POD, PANEL, SMALL, client, exported, project
from tests.e2e.events import batch, track
from tests.e2e.kubectl import Kubectl, Object, condition, until
from tests.e2e.reading import still_serving


@pytest.fixture(scope="module")
def sleeper(kube: Kubectl, panel: str) -> Iterator[str]:
    """A project whose workers come and go soon; its name. It rests while the tests between its own ones run."""
    workers = {"min": 0, "max": 2, "targetDepth": 1000, "scaleToZero": True, "resources": SMALL}
    pace = {"stabilization": "10s", "cooldown": "10s"}
    ingest = {"mode": "Dedicated", "replicas": ONE_POD, "resources": SMALL}
    kube.apply(project("sleeper", panel=panel, ingest=ingest, workers={**workers, **pace}))
    kube.ready("aproj", "sleeper")
    yield "sleeper"
    kube.delete("aproj", "sleeper")


def workers_of(kube: Kubectl, name: str) -> int:
    """How many workers the project's Deployment asks for."""
    return int(kube.get("deployment", f"{name}-worker")["spec"]["replicas"])


def workers_told(project: Object) -> tuple[int, int, int]:
    """The project's workers by its status: those there are, those ready, those wanted."""
    workers = project["status"]["workers"]
    return workers["replicas"], workers["ready"], workers["desired"]


def test_a_backlog_wakes_workers_and_is_written(kube: Kubectl, sleeper: str) -> None:
    until(lambda: workers_of(kube, sleeper), lambda count: count == 0)
    own = client(kube, f"{sleeper}-web")
    with kube.forwarded(f"{sleeper}-ingest", 3000) as address:
        for number in range(4):
            batch(address, own.headers, count=1000, first=number * 1000)
    until(lambda: workers_of(kube, sleeper), lambda count: count == 2)
    found = until(lambda: exported(kube, sleeper, event="item"), lambda rows: len(rows) == 4000)
    assert {int(row["properties"]["number"]) for row in found} == set(range(4000))


def test_dedicated_ingest_has_pods_an_autoscaler_and_streams_of_its_own(kube: Kubectl, panel: str) -> None:
    ingest = {"mode": "Dedicated", "replicas": {"min": 1, "max": 2}, "resources": SMALL}
    kube.apply(project("own", panel=panel, ingest=ingest, workers={"resources": SMALL}))
    kube.ready("aproj", "own")
    scaler = kube.get("horizontalpodautoscaler", "own-ingest")
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (1, 2)
    assert kube.get("aproj", "own")["status"]["pool"]["name"] == "own"
    own = client(kube, "own-web")
    with kube.forwarded("own-ingest", 3000) as address:
        assert track(address, own.headers, "dedicated").status_code == 200
    until(lambda: exported(kube, "own", event="dedicated"), bool)
    kube.delete("aproj", "own")
    until(lambda: kube.find("deployment", "own-ingest"), lambda found: found is None)


def test_two_projects_with_one_host_are_told_of_each_other(kube: Kubectl, panel: str) -> None:
    host = {"mode": "Shared", "host": "collect.example.com"}
    kube.apply(project("left", panel=panel, ingest=host))
    kube.ready("aproj", "left")
    kube.apply(project("right", panel=panel, ingest=host))
    found = kube.until(
        "aproj", "right", lambda seen: condition(seen, "Ready").get("reason") == "HostConflict"
    )
    assert "left" in condition(found, "Ready")["message"]
    kube.delete("aproj", "left")
    kube.ready("aproj", "right")
    kube.delete("aproj", "right")


def test_a_project_of_a_missing_cluster_says_which_and_can_be_deleted(kube: Kubectl, panel: str) -> None:
    assert panel
    kube.apply(project("early", panel="missing"))
    found = kube.until("aproj", "early", lambda seen: condition(seen, "Ready").get("status") == "False")
    assert "missing" in condition(found, "Ready")["message"]
    kube.delete("aproj", "early")


def test_a_wrong_image_is_named_and_taking_it_back_heals(kube: Kubectl, shop: str) -> None:
    assert shop
    kube.patch("panel", PANEL, {"spec": {"images": {"dashboard": "openpanel-dashboard:no-such-tag"}}})
    found = kube.until(
        "panel",
        PANEL,
        lambda seen: condition(seen, "DashboardReady").get("reason") == "ImageUnavailable",
    )
    assert "no-such-tag" in condition(found, "DashboardReady")["message"]
    kube.patch("panel", PANEL, {"spec": {"images": {"dashboard": None}}})
    kube.ready("panel", PANEL)


def test_an_impossible_spec_is_refused_with_what_would_be_right(kube: Kubectl, panel: str) -> None:
    twice = [{"name": "web", "type": "write"}, {"name": "web", "type": "read"}]
    refused = kube.run(
        "apply",
        "--filename",
        "-",
        stdin=yaml.safe_dump(project("wrong", panel=panel, clients=twice)),
        check=False,
    )
    assert "Duplicate value" in refused or "unique" in refused
    assert kube.find("aproj", "wrong") is None


def test_ten_projects_come_and_go_at_once(kube: Kubectl, panel: str) -> None:
    names = [f"many-{number}" for number in range(10)]
    kube.apply(*(project(name, panel=panel) for name in names))
    for name in names:
        kube.ready("aproj", name)
    kube.run("delete", "aproj", *names, "--wait=false")
    for name in names:
        until(lambda name=name: kube.find("aproj", name), lambda found: found is None)  # type: ignore[misc]
        assert kube.find("secret", f"{name}-web") is None
    still_serving(kube)


def test_a_protected_project_stays_until_the_annotation_goes(kube: Kubectl, panel: str) -> None:
    kube.apply(project("dear", panel=panel))
    kube.ready("aproj", "dear")
    kube.annotate("aproj", "dear", deletion_protection="true")
    refused = kube.run("delete", "aproj", "dear", "--wait=false", check=False)
    assert "openpanel.dev/deletion-protection-" in refused, refused
    assert "deletionTimestamp" not in kube.get("aproj", "dear")["metadata"]
    assert kube.find("secret", "dear-web") is not None
    kube.run("annotate", "aproj", "dear", "openpanel.dev/deletion-protection-")
    kube.delete("aproj", "dear")


def test_a_shorter_retention_is_refused_without_consent_and_taken_with_it(kube: Kubectl, panel: str) -> None:
    kube.apply(project("archived", panel=panel, retention={"events": 365}))
    kube.ready("aproj", "archived")
    assert kube.get("aproj", "archived")["status"]["retention"]["events"] == 365
    shorter = yaml.safe_dump(project("archived", panel=panel, retention={"events": 7}))
    refused = kube.run("apply", "--filename", "-", stdin=shorter, check=False)
    assert "openpanel.dev/allow-data-loss=true" in refused, refused
    assert kube.get("aproj", "archived")["spec"]["retention"]["events"] == 365
    kube.annotate("aproj", "archived", allow_data_loss="true")
    kube.run("apply", "--filename", "-", stdin=shorter)
    kube.until("aproj", "archived", lambda found: found["status"]["retention"]["events"] == 7)
    kube.delete("aproj", "archived")


def test_two_projects_that_want_one_secret_are_told_of_it(kube: Kubectl, panel: str) -> None:
    same = [{"name": "web", "type": "write", "secretName": "only-one"}]
    kube.apply(project("first", panel=panel, clients=same))
    kube.ready("aproj", "first")
    before = client(kube, "only-one")
    kube.apply(project("late", panel=panel, clients=same))
    found = kube.until(
        "aproj", "late", lambda seen: condition(seen, "CredentialsReady").get("reason") == "SecretConflict"
    )
    assert "only-one" in condition(found, "CredentialsReady")["message"]
    kube.patch("aproj", "late", {"spec": {"clients": [{**same[0], "secretName": "another"}]}})
    kube.ready("aproj", "late")
    assert client(kube, "only-one") == before
    assert client(kube, "another").id != before.id
    kube.run("delete", "aproj", "first", "late")


def test_retained_data_is_there_again_and_deleted_data_is_not(kube: Kubectl, panel: str) -> None:
    for policy, kept in (("Retain", True), ("Delete", False)):
        name = policy.lower() + "d"
        kube.apply(project(name, panel=panel, deletionPolicy=policy))
        kube.ready("aproj", name)
        with kube.forwarded(f"{panel}-ingest", 3000) as address:
            assert track(address, client(kube, f"{name}-web").headers, "kept").status_code == 200
        until(lambda name=name: exported(kube, name, event="kept"), bool)  # type: ignore[misc]
        kube.delete("aproj", name)
        kube.apply(project(name, panel=panel, deletionPolicy=policy))
        kube.ready("aproj", name)
        assert bool(exported(kube, name, event="kept")) is kept
        kube.delete("aproj", name)


def test_workers_follow_a_backlog_and_come_back_down_to_none(kube: Kubectl, sleeper: str) -> None:
    until(lambda: workers_of(kube, sleeper), lambda count: count == 0)
    kube.until("aproj", sleeper, lambda found: workers_told(found) == (0, 0, 0))
    own = client(kube, f"{sleeper}-web")
    with kube.forwarded(f"{sleeper}-ingest", 3000) as address:
        assert track(address, own.headers, "woken").status_code == 200
    until(lambda: exported(kube, sleeper, event="woken"), bool)
    assert len(exported(kube, sleeper, event="item")) == 4000
