"""What a cluster keeps while changes wait for a maintenance window, and what reaches its pods at once."""

import copy
import dataclasses
from typing import Any

import pytest

from openpanel_operator.desired import Object, desired_cluster
from openpanel_operator.desired.revision import revision_of
from openpanel_operator.desired.waiting import as_running, kept
from tests.operator.desired import cases

LARGER = {"requests": {"memory": "8Gi"}, "limits": {"memory": "24Gi"}}


def objects(spec: dict[str, Any] | None = None, **facts: Any) -> list[Object]:
    return desired_cluster(cases.cluster(spec or {}), facts=cases.cluster_facts(**facts))


def templates(found: list[Object]) -> dict[str, Object]:
    """Of what stays; a Job runs once."""
    lasting = [each for each in found if each["kind"] != "Job"]
    return {name.partition("/")[2]: each for name, each in cases.pod_templates(lasting).items()}


@pytest.mark.parametrize("case", cases.CLUSTERS)
def test_what_is_as_wanted_is_kept_to_the_letter(case: str) -> None:
    for template in templates(objects(dict(cases.CLUSTERS[case]))).values():
        assert kept(template, wanted=copy.deepcopy(template)) is template


def test_settings_and_images_wait() -> None:
    running, wanted = (
        templates(objects()),
        templates(objects({"version": "2.0.0", "observability": {"logLevel": "debug"}})),
    )

    for name, template in running.items():
        assert kept(template, wanted=wanted[name]) == template


def test_a_restart_that_is_asked_for_is_followed_with_what_runs() -> None:
    running = templates(objects())["main-redis"]
    asked = cases.cluster({"redis": {"resources": LARGER}}, annotations={"openpanel.dev/restart-at": "now"})
    wanted = templates(desired_cluster(asked, facts=cases.cluster_facts()))["main-redis"]

    template = kept(running, wanted=wanted)

    assert template["metadata"]["annotations"]["openpanel.dev/restart-at"] == "now"
    assert template["spec"] == running["spec"]
    assert revision_of(template) not in {revision_of(running), revision_of(wanted)}


def test_a_restart_and_the_change_taken_back_leave_nothing_to_do() -> None:
    running = templates(objects())["main-redis"]
    note = {"openpanel.dev/restart-at": "now"}
    wanted = cases.cluster({"redis": {"resources": LARGER}}, annotations=note)
    waiting = kept(
        running, wanted=templates(desired_cluster(wanted, facts=cases.cluster_facts()))["main-redis"]
    )

    back = desired_cluster(cases.cluster(annotations=note), facts=cases.cluster_facts())

    assert templates(back)["main-redis"] == waiting


def test_new_credentials_and_another_store_never_wait() -> None:
    before = objects(dict(cases.EXTERNAL), secret_checksums={"my-redis": "a"})
    moved = {**cases.EXTERNAL, "redis": {"mode": "External", "external": {"secretName": "new-redis"}}}
    after = objects({**moved, "version": "2.0.0"}, secret_checksums={"new-redis": "b"})
    running, wanted = templates(before)["main-worker"], templates(after)["main-worker"]

    template = kept(running, wanted=wanted)

    container = template["spec"]["containers"][0]
    (told,) = (each for each in container["env"] if each["name"] == "OPENPANEL_REDIS_URL")
    assert told["valueFrom"]["secretKeyRef"]["name"] == "new-redis"
    note = "openpanel.dev/secrets"
    assert template["metadata"]["annotations"][note] == wanted["metadata"]["annotations"][note]
    assert container["image"] == running["spec"]["containers"][0]["image"]


def test_streams_never_wait() -> None:
    running = templates(objects())["main-ingest"]
    wanted = templates(objects({"version": "2.0.0", "workers": {"shards": 4}}))["main-ingest"]

    container = kept(running, wanted=wanted)["spec"]["containers"][0]

    assert {"name": "OPENPANEL_SHARDS", "value": "4"} in container["env"]
    assert container["image"] == running["spec"]["containers"][0]["image"]


def test_files_of_stores_are_made_for_the_size_that_their_pods_have() -> None:
    before = objects()
    sized = {name: {"resources": LARGER} for name in ("redis", "postgres", "clickhouse")}
    wanted = cases.cluster(sized)

    runs = as_running(wanted, kept=templates(before).values())
    after = desired_cluster(runs, facts=cases.cluster_facts(kept=templates(before)))

    assert cases.of_kind(after, "ConfigMap") == cases.of_kind(before, "ConfigMap")
    assert templates(after) == templates(before)
    assert cases.of_kind(objects(sized), "ConfigMap") != cases.of_kind(before, "ConfigMap")


def test_the_migration_runs_with_what_runs() -> None:
    images = {"worker": "mirror/worker:1", "api": "mirror/api:1"}
    status = {"version": "1.0.0", "images": images}
    wanted = cases.cluster({"version": "2.0.0", "images": {"worker": "mirror/worker:2"}})
    cluster = as_running(dataclasses.replace(wanted, status=status))

    (job,) = cases.of_kind(desired_cluster(cluster, facts=cases.cluster_facts()), "Job").values()

    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "mirror/worker:1"
    assert cluster.spec.version == "1.0.0"


def test_a_cluster_that_never_ran_is_what_its_spec_says() -> None:
    cluster = cases.cluster({"version": "2.0.0"})

    assert as_running(cluster) == cluster
