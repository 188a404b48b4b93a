"""What holds for every object of every shape of resource."""

import json
import re

import kubernetes_validate.utils as kubernetes_validate
import pytest

from openpanel_operator.desired import Object, desired_cluster, desired_project
from openpanel_operator.desired.labels import CLUSTER, PROJECT
from tests.operator.desired import cases
from tests.operator.desired.restricted import breaches

RENDERED = cases.all_rendered()
CASES = pytest.mark.parametrize("case", RENDERED)
SCALED = {
    "HorizontalPodAutoscaler": lambda each: each["spec"]["scaleTargetRef"]["name"],
    "ScaledObject": lambda each: each["spec"]["scaleTargetRef"]["name"],
}
_VALID: set[str] = set()  # the same object in several cases is read once
NOT_BUNDLED = {"ServiceMonitor", "ScaledObject", "TriggerAuthentication", "HTTPRoute"}


@CASES
def test_object_fits_the_strict_schema_of_kubernetes(case: str) -> None:
    for each in RENDERED[case]:
        text = json.dumps(each, sort_keys=True)
        if each["kind"] not in NOT_BUNDLED and text not in _VALID:
            kubernetes_validate.validate(each, "1.36", strict=True)
            _VALID.add(text)


@CASES
def test_pods_are_restricted(case: str) -> None:
    found = {name: breaches(template) for name, template in cases.pod_templates(RENDERED[case]).items()}

    assert {name: texts for name, texts in found.items() if texts} == {}


@CASES
def test_nothing_appears_twice(case: str) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in RENDERED[case]]

    assert len(names) == len(set(names))


@CASES
def test_names_fit_into_labels(case: str) -> None:
    for each in RENDERED[case]:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", each["metadata"]["name"])
        assert len(each["metadata"]["name"]) <= 52


def test_long_names_stay_apart_and_short_enough() -> None:
    names = [f"{'a' * 62}{letter}" for letter in "xy"]
    dedicated = cases.PROJECTS["dedicated"]

    rendered = [
        desired_project(
            cases.project(dedicated, name=name), cluster=cases.cluster(name=name), facts=cases.project_facts()
        )
        for name in names
    ]

    first, second = ({each["metadata"]["name"] for each in objects} for objects in rendered)
    assert not first & second
    assert all(len(name) <= 52 for name in first | second)


@CASES
def test_objects_say_whose_they_are(case: str) -> None:
    kind = "PanelCluster" if case.startswith("cluster") else "AnalyticsProject"
    for each in RENDERED[case]:
        labels, (owner,) = each["metadata"]["labels"], each["metadata"]["ownerReferences"]
        assert labels["app.kubernetes.io/managed-by"] == "openpanel-operator"
        assert labels[CLUSTER] == "main"
        assert (PROJECT in labels) == (kind == "AnalyticsProject")
        assert owner["kind"] == kind
        assert owner["uid"]


def test_objects_in_another_namespace_have_no_owner() -> None:
    objects = desired_project(
        cases.project(cases.PROJECTS["dedicated"], namespace="tenant"),
        cluster=cases.cluster(),
        facts=cases.project_facts(),
    )

    assert objects
    for each in objects:
        assert each["metadata"]["namespace"] == "analytics"
        assert each["metadata"]["labels"]["openpanel.dev/project-namespace"] == "tenant"
        assert "ownerReferences" not in each["metadata"]


@CASES
def test_whatever_scales_alone_says_how_many(case: str) -> None:
    objects = RENDERED[case]
    scaled = {SCALED[each["kind"]](each) for each in objects if each["kind"] in SCALED}
    workers = {name for name in cases.of_kind(objects, "Deployment") if name.endswith("-worker")}

    for name, deployment in cases.of_kind(objects, "Deployment").items():
        assert ("replicas" not in deployment["spec"]) == (name in scaled | workers)


@CASES
def test_selectors_meet_their_pods_and_nobody_elses(case: str) -> None:
    templates = cases.pod_templates(RENDERED[case])
    for each in RENDERED[case]:
        if each["kind"] not in {"Deployment", "StatefulSet"}:
            continue
        selector = each["spec"]["selector"]["matchLabels"].items()
        name = f"{each['kind']}/{each['metadata']['name']}"
        assert {
            key for key, template in templates.items() if selector <= template["metadata"]["labels"].items()
        } == {name}


def test_no_change_of_a_spec_changes_a_selector() -> None:
    def selectors(objects: list[Object]) -> dict[tuple[str, str], object]:
        return {
            (each["kind"], each["metadata"]["name"]): (
                each["spec"]["selector"],
                each["spec"].get("serviceName"),
            )
            for each in objects
            if each["kind"] in {"Deployment", "StatefulSet"}
        }

    seen: dict[tuple[str, str], object] = {}
    for case, objects in RENDERED.items():
        if case in {"cluster-embedded", "cluster-gateway"}:
            continue  # a cluster never changes its engine
        for key, selector in selectors(objects).items():
            assert seen.setdefault(key, selector) == selector, (case, key)
    labelled = cases.cluster(cases.EVERYTHING, labels={"team": "data"}, annotations={"note": "x"})
    assert selectors(desired_cluster(labelled, facts=cases.cluster_facts())).items() <= seen.items()


def test_values_of_secrets_are_named_and_never_written() -> None:
    secrets = {
        "my-redis",
        "my-postgres",
        "my-clickhouse",
        "main-redis",
        "main-postgres",
        "main-clickhouse",
        "main-keys",
    }

    for case, objects in RENDERED.items():
        assert not cases.of_kind(objects, "Secret"), case
        for template in cases.pod_templates(objects).values():
            for container in template["spec"]["containers"]:
                for variable in container.get("env", []):
                    if "valueFrom" in variable:
                        assert variable["valueFrom"]["secretKeyRef"]["name"] in secrets
                    elif re.search("PASSWORD|SECRET|_URL", variable["name"]):
                        assert not re.search(r"//[^$/]*:[^$/]+@", variable["value"]), variable


def test_changed_secret_rolls_the_pods_that_read_it() -> None:
    before, after = (
        cases.pod_templates(
            desired_cluster(
                cases.cluster(),
                facts=cases.cluster_facts(secret_checksums={"main-redis": text, "main-keys": "same"}),
            )
        )
        for text in ("one", "two")
    )

    changed = {name for name in before if before[name] != after.get(name)}
    assert {"StatefulSet/main-redis", "Deployment/main-ingest", "Deployment/main-worker"} <= changed
    assert not {"StatefulSet/main-postgres", "StatefulSet/main-clickhouse-0-0"} & changed


def test_restart_annotation_reaches_every_pod_and_migrates_nothing() -> None:
    at = "2026-01-01T00:00:00Z"
    before = desired_cluster(cases.cluster(), facts=cases.cluster_facts())
    resource = cases.cluster(annotations={"openpanel.dev/restart-at": at})
    after = desired_cluster(resource, facts=cases.cluster_facts())

    jobs = cases.of_kind(after, "Job")
    assert list(jobs) == list(cases.of_kind(before, "Job"))
    templates = cases.pod_templates(after)
    assert len(templates) > len(jobs)
    for name, template in templates.items():
        if name.startswith("Job/"):
            assert "openpanel.dev/restart-at" not in template["metadata"].get("annotations", {})
        else:
            assert template["metadata"]["annotations"]["openpanel.dev/restart-at"] == at


def test_same_resource_renders_the_same_bytes() -> None:
    assert json.dumps(cases.all_rendered()) == json.dumps(RENDERED)


@CASES
def test_variables_are_expanded_from_earlier_ones(case: str) -> None:
    for template in cases.pod_templates(RENDERED[case]).values():
        for container in template["spec"]["containers"]:
            known: set[str] = set()
            for variable in container.get("env", []):
                assert set(re.findall(r"\$\((\w+)\)", variable.get("value", ""))) <= known
                assert variable["name"] not in known
                known.add(variable["name"])
