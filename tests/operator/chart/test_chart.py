"""The Helm chart as Helm itself renders it: valid objects, refused values, and what each switch does."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate.utils
import pytest
import yaml

CHART = Path(__file__).parents[3] / "charts" / "openpanel"
OURS = {"openpanel.dev/v1alpha1", "monitoring.coreos.com/v1"}
KUBERNETES = "1.36"
EVERYTHING = CHART / "ci" / "everything-values.yaml"
NAMESPACED = CHART / "ci" / "namespaced-values.yaml"


@pytest.fixture(scope="module")
def chart() -> Iterator[helm.Chart]:
    with helm.Chart.load(CHART) as loaded:
        yield loaded


def rendered(
    chart: helm.Chart, values: Mapping[str, Any] | None = None, *, namespace: str = "analytics"
) -> list[dict[str, Any]]:
    files = chart.render(dict(values or {}), name="panel", namespace=namespace)
    texts = [text for name, text in files.items() if name.endswith((".yaml", ".yml"))]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] == kind]


def values_of(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("path", [None, EVERYTHING, NAMESPACED], ids=["defaults", "everything", "namespaced"])
def test_every_rendered_object_is_valid_strictly(chart: helm.Chart, path: Path | None) -> None:
    objects = rendered(chart, values_of(path) if path else None)
    assert len(objects) > 5
    for each in objects:
        if each["apiVersion"] not in OURS and each["kind"] != "CustomResourceDefinition":
            kubernetes_validate.utils.validate(each, KUBERNETES, strict=True)


@pytest.mark.parametrize("path", [None, EVERYTHING, NAMESPACED], ids=["defaults", "everything", "namespaced"])
def test_lint_finds_nothing(path: Path | None) -> None:
    found = helm.lint(CHART, values_of(path) if path else None)
    assert found["messages"] == []
    assert found["errors"] == []


def test_definitions_come_with_the_chart_and_stay_when_it_goes(chart: helm.Chart) -> None:
    definitions = of_kind(rendered(chart), "CustomResourceDefinition")
    assert {each["spec"]["names"]["kind"] for each in definitions} == {"PanelCluster", "AnalyticsProject"}
    assert {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in definitions} == {"keep"}


def test_definitions_can_be_left_to_somebody_else(chart: helm.Chart) -> None:
    assert not of_kind(rendered(chart, {"crds": {"install": False}}), "CustomResourceDefinition")


def test_no_role_of_the_operator_lists_or_watches_secrets_of_the_whole_cluster(chart: helm.Chart) -> None:
    for role in of_kind(rendered(chart), "ClusterRole"):
        for rule in role["rules"]:
            if "secrets" in rule["resources"]:
                assert not {"list", "watch", "*"} & set(rule["verbs"])
            assert "*" not in rule["resources"]
            assert "*" not in rule["verbs"]


def test_named_namespaces_get_roles_and_no_cluster_role(chart: helm.Chart) -> None:
    objects = rendered(chart, values_of(NAMESPACED))
    assert not of_kind(objects, "ClusterRole")
    assert not of_kind(objects, "ClusterRoleBinding")
    work = [each for each in of_kind(objects, "Role") if each["metadata"]["name"].endswith("-work")]
    assert [each["metadata"]["namespace"] for each in work] == ["team-a", "team-b"]


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_the_clusters_own_roles_learn_both_kinds(chart: helm.Chart, role: str) -> None:
    label = f"rbac.authorization.k8s.io/aggregate-to-{role}"
    found = [
        each
        for each in of_kind(rendered(chart), "ClusterRole")
        if label in each["metadata"].get("labels", {})
    ]
    assert len(found) == 1
    rule = found[0]["rules"][0]
    assert {"analyticsprojects", "panelclusters"} <= set(rule["resources"])
    assert ("create" in rule["verbs"]) is (role != "view")


@pytest.mark.parametrize("path", [None, EVERYTHING, NAMESPACED], ids=["defaults", "everything", "namespaced"])
def test_pods_meet_the_restricted_security_level(chart: helm.Chart, path: Path | None) -> None:
    for pod in pods(rendered(chart, values_of(path) if path else None)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}


def pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the operator, of `helm test`, and of what runs when the release is gone."""
    found = [each["spec"]["template"]["spec"] for each in objects if each["kind"] in {"Deployment", "Job"}]
    found += [each["spec"] for each in of_kind(objects, "Pod")]
    assert len(found) == 3
    return found


def test_pods_that_run_once_come_up_wherever_the_operator_does(chart: helm.Chart) -> None:
    required = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "Exists"}]}]}
    nodes = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    resources = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
    values = values_of(EVERYTHING)
    values["operator"] |= {"affinity": {"nodeAffinity": nodes}, "resources": resources}

    for pod in pods(rendered(chart, values)):
        assert pod["imagePullSecrets"] == [{"name": "pull"}]
        assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
        assert pod["tolerations"] == [{"key": "dedicated", "operator": "Exists"}]
        assert pod["priorityClassName"] == "system-cluster-critical"
        assert pod["affinity"] == {"nodeAffinity": nodes}
        (container,) = pod["containers"]
        assert container["image"].startswith("registry.example.com/")
        assert container["resources"] == resources


def test_what_looks_for_the_operators_pods_finds_no_others(chart: helm.Chart) -> None:
    objects = rendered(chart)
    (service,) = of_kind(objects, "Service")
    labels = [each["metadata"]["labels"] for each in of_kind(objects, "Pod")]
    labels += [each["spec"]["template"]["metadata"]["labels"] for each in of_kind(objects, "Job")]

    assert len(labels) == 2
    for each in labels:
        assert not service["spec"]["selector"].items() <= each.items()


def test_common_labels_are_on_every_object_but_definitions_and_those_of_others(chart: helm.Chart) -> None:
    for each in rendered(chart, values_of(EVERYTHING)):
        is_left_out = each["kind"] == "CustomResourceDefinition" or each["metadata"]["name"] == "panel-extra"
        assert (each["metadata"].get("labels", {}).get("team") == "data") is not is_left_out, each


def test_a_label_that_is_given_twice_is_written_once_and_the_closest_wins() -> None:
    values = {
        "global": {"commonLabels": {"team": "data", "app.kubernetes.io/part-of": "platform"}},
        "operator": {"podLabels": {"team": "web"}},
        "metrics": {"serviceMonitor": {"enabled": True, "labels": {"team": "watch"}}},
    }
    with helm.Chart.load(CHART) as chart:
        texts = chart.render(values, name="panel", namespace="analytics")
    deployment = texts["openpanel/templates/deployment.yaml"]
    monitor = texts["openpanel/templates/monitoring.yaml"]

    assert deployment.count("team: data") == deployment.count("team: web") == 1
    assert deployment.count("part-of: platform") == 2
    assert "part-of: openpanel" not in deployment
    assert (monitor.count("team: data"), monitor.count("team: watch")) == (0, 1)


@pytest.mark.parametrize("mode", ["Always", "Never"])
def test_releases_of_one_name_for_namespaces_each_make_nothing_of_one_name(
    chart: helm.Chart, mode: str
) -> None:
    def cluster_scoped(namespace: str) -> set[tuple[str, str]]:
        values = {
            "admissionPolicies": {"mode": mode},
            "crds": {"install": False},
            "operator": {"watchNamespaces": [namespace]},
        }
        names = {
            (each["kind"], each["metadata"]["name"])
            for each in rendered(chart, values, namespace=namespace)
            if "namespace" not in each["metadata"]
        }
        assert len(names) == (7 if mode == "Always" else 3)
        return names

    assert not cluster_scoped("team-a") & cluster_scoped("team-b")


def test_an_image_can_be_pinned_by_digest_from_a_registry_of_ones_own(chart: helm.Chart) -> None:
    deployment = of_kind(rendered(chart, values_of(EVERYTHING)), "Deployment")[0]
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "registry.example.com/openpanel-operator@sha256:" + "0" * 64


def test_further_objects_are_rendered_as_templates(chart: helm.Chart) -> None:
    extra = [
        each
        for each in of_kind(rendered(chart, values_of(EVERYTHING)), "ConfigMap")
        if each["metadata"]["name"] == "panel-extra"
    ]
    assert extra[0]["data"] == {"greeting": "hello"}


def test_the_default_cluster_is_made_when_asked_and_kept_when_the_release_goes(chart: helm.Chart) -> None:
    assert not of_kind(rendered(chart), "PanelCluster")
    made = of_kind(rendered(chart, values_of(EVERYTHING)), "PanelCluster")
    assert made[0]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert made[0]["spec"] == {"clickhouse": {"engine": "Embedded"}}


def test_alerts_link_to_their_runbooks(chart: helm.Chart) -> None:
    rule = of_kind(rendered(chart, values_of(EVERYTHING)), "PrometheusRule")[0]
    alerts = [each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each]
    assert alerts
    for alert in alerts:
        assert alert["annotations"]["runbook_url"].startswith("https://")
        assert alert["annotations"]["runbook_url"].endswith("#" + alert["alert"].lower())


def test_one_copy_has_no_disruption_budget(chart: helm.Chart) -> None:
    assert of_kind(rendered(chart), "PodDisruptionBudget")
    assert not of_kind(rendered(chart, {"operator": {"replicas": 1}}), "PodDisruptionBudget")


def test_every_value_is_described() -> None:
    lines = (CHART / "values.yaml").read_text("utf-8").splitlines()
    groups = (
        "global",
        "crds",
        "operator",
        "serviceAccount",
        "rbac",
        "networkPolicy",
        "metrics",
        "panelCluster",
    )
    for number, line in enumerate(lines):
        name = line.strip().split(":")[0]
        is_value = line.startswith("  ") and not line.startswith("    ") and not line.strip().startswith("#")
        if is_value and name and name not in groups and not line.rstrip().endswith(":"):
            assert lines[number - 1].strip().startswith("#"), f"line {number + 1}: {name} has no comment"


def test_every_alert_has_its_runbook() -> None:
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text("utf-8"))
    runbook = (CHART.parents[1] / "docs" / "troubleshooting.md").read_text("utf-8")
    for group in rules["groups"]:
        for each in group["rules"]:
            assert f"\n## {each['alert']}\n" in runbook
