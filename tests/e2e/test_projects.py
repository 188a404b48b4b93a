"""The life of projects: clients, rotation, dedicated ingest, conflicts, mistakes, many at once, deletion."""

import time

import httpx

from tests.e2e.conftest import PANEL, client, exported, project, still_writing
from tests.e2e.kubectl import Kubectl, condition, until


def test_rotation_makes_a_new_secret_while_the_old_one_still_works(kube: Kubectl, panel: str) -> None:
    rotating = {"name": "web", "type": "write", "rotation": {"interval": "30d", "overlap": "1h"}}
    kube.apply(project("rotating", panel=panel, clients=[rotating, {"name": "reader", "type": "read"}]))
    kube.ready("aproj", "rotating")
    before = client(kube, "rotating-web")
    kube.annotate("aproj", "rotating", rotate=str(time.time_ns()))
    until(lambda: client(kube, "rotating-web").secret, lambda now: now != before.secret, seconds=60)
    after = client(kube, "rotating-web")
    assert after.id == before.id
    with kube.forwarded(f"{panel}-ingest", 3000) as address:
        for each in (before, after):
            assert track(address, each.headers, "rotated").status_code == 200
        refused = track(address, {**after.headers, "openpanel-client-secret": "sec_" + "0" * 40}, "x")
    assert refused.status_code == 401
    found = until(
        lambda: exported(kube, "rotating", event="rotated"), lambda rows: len(rows) == 2, seconds=30
    )
    assert {row["name"] for row in found} == {"rotated"}
    kube.delete("aproj", "rotating")


def test_dedicated_ingest_has_pods_an_autoscaler_and_streams_of_its_own(kube: Kubectl, panel: str) -> None:
    small = {"requests": {"cpu": "50m", "memory": "192Mi"}}
    kube.apply(
        project(
            "own",
            panel=panel,
            ingest={"mode": "Dedicated", "replicas": {"min": 1, "max": 2}, "resources": small},
        )
    )
    kube.ready("aproj", "own", seconds=180)
    scaler = kube.get("horizontalpodautoscaler", "own-ingest")
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (1, 2)
    assert kube.get("aproj", "own")["status"]["pool"]["name"] == "own"
    own = client(kube, "own-web")
    with kube.forwarded("own-ingest", 3000) as address:
        assert track(address, own.headers, "dedicated").status_code == 200
    until(lambda: exported(kube, "own", event="dedicated"), bool, seconds=60)
    kube.delete("aproj", "own")
    until(lambda: kube.find("deployment", "own-ingest"), lambda found: found is None, seconds=60)


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
    kube.delete("aproj", "early", seconds=30)


def test_a_wrong_image_is_named_and_taking_it_back_heals(kube: Kubectl, shop: str) -> None:
    assert shop
    kube.patch("panel", PANEL, {"spec": {"images": {"dashboard": "openpanel-dashboard:no-such-tag"}}})
    found = kube.until(
        "panel",
        PANEL,
        lambda seen: condition(seen, "DashboardReady").get("reason") == "ImageUnavailable",
        seconds=120,
    )
    assert "no-such-tag" in condition(found, "DashboardReady")["message"]
    kube.patch("panel", PANEL, {"spec": {"images": {"dashboard": None}}})
    kube.ready("panel", PANEL, seconds=180)


def test_an_impossible_spec_is_refused_with_what_would_be_right(kube: Kubectl, panel: str) -> None:
    twice = [{"name": "web", "type": "write"}, {"name": "web", "type": "read"}]
    refused = kube.run(
        "apply", "--filename", "-", stdin=_yaml(project("wrong", panel=panel, clients=twice)), check=False
    )
    assert "Duplicate value" in refused or "unique" in refused
    assert kube.find("aproj", "wrong") is None


def test_ten_projects_come_and_go_at_once(kube: Kubectl, panel: str) -> None:
    names = [f"many-{number}" for number in range(10)]
    kube.apply(*(project(name, panel=panel) for name in names))
    for name in names:
        kube.ready("aproj", name, seconds=120)
    kube.run("delete", "aproj", *names, "--wait=false")
    for name in names:
        until(lambda name=name: kube.find("aproj", name), lambda found: found is None, seconds=90)  # type: ignore[misc]
        assert kube.find("secret", f"{name}-web") is None
    still_writing(kube)


def test_a_protected_project_stays_until_the_annotation_goes(kube: Kubectl, panel: str) -> None:
    kube.apply(project("dear", panel=panel))
    kube.ready("aproj", "dear")
    kube.annotate("aproj", "dear", deletion_protection="true")
    kube.until("aproj", "dear", lambda found: bool(found["metadata"].get("finalizers")))
    kube.delete("aproj", "dear", wait=False)
    kube.until("aproj", "dear", lambda found: condition(found, "Ready").get("reason") == "DeletionProtected")
    assert kube.find("secret", "dear-web") is not None
    kube.run("annotate", "aproj", "dear", "openpanel.dev/deletion-protection-")
    until(lambda: kube.find("aproj", "dear"), lambda found: found is None, seconds=60)


def test_retained_data_is_there_again_and_deleted_data_is_not(kube: Kubectl, panel: str) -> None:
    for policy, kept in (("Retain", True), ("Delete", False)):
        name = policy.lower() + "d"
        kube.apply(project(name, panel=panel, deletionPolicy=policy))
        kube.ready("aproj", name)
        with kube.forwarded(f"{panel}-ingest", 3000) as address:
            assert track(address, client(kube, f"{name}-web").headers, "kept").status_code == 200
        until(lambda name=name: exported(kube, name, event="kept"), bool, seconds=30)  # type: ignore[misc]
        kube.delete("aproj", name)
        kube.apply(project(name, panel=panel, deletionPolicy=policy))
        kube.ready("aproj", name)
        assert bool(exported(kube, name, event="kept")) is kept
        kube.delete("aproj", name)


def test_workers_follow_a_backlog_and_come_back_down_to_none(kube: Kubectl, panel: str) -> None:
    workers = {"min": 0, "max": 3, "targetDepth": 1000, "scaleToZero": True}
    small = {"requests": {"cpu": "50m", "memory": "192Mi"}}
    ingest = {"mode": "Dedicated", "replicas": {"min": 1, "max": 1}, "resources": small}
    kube.apply(project("busy", panel=panel, ingest=ingest, workers=workers))
    kube.ready("aproj", "busy", seconds=180)
    own = client(kube, "busy-web")
    with kube.forwarded("busy-ingest", 3000) as address:
        for number in range(4):
            batch(address, own.headers, count=1000, first=number * 1000)
    until(lambda: len(exported(kube, "busy", event="item")), lambda count: count == 4000, seconds=90)
    found = kube.get("aproj", "busy")
    assert found["status"]["workers"]["replicas"] >= 1
    kube.delete("aproj", "busy")


def track(address: str, headers: dict[str, str], name: str) -> httpx.Response:
    body = {"type": "track", "payload": {"name": name, "properties": {}}}
    return httpx.post(f"{address}/track", json=body, headers=headers, timeout=15)


def batch(address: str, headers: dict[str, str], *, count: int, first: int) -> None:
    messages = [
        {"type": "track", "payload": {"name": "item", "properties": {"number": first + number}}}
        for number in range(count)
    ]
    answer = httpx.post(f"{address}/track/batch", json=messages, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


def _yaml(made: dict[str, object]) -> str:
    import yaml

    return yaml.safe_dump(made)
