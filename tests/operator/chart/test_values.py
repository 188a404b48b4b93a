"""Which values the chart takes and which it refuses, with the place of what is wrong, before anything is installed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import pytest

CHART: Final = Path(__file__).parents[3] / "charts" / "openpanel"

Values = dict[str, Any]


@pytest.fixture(scope="module")
def chart() -> Iterator[helm.Chart]:
    with helm.Chart.load(CHART) as loaded:
        yield loaded


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"operatr": {}}, "operatr"),
        ({"operator": {"replica": 2}}, "replica"),
        ({"operator": {"replicas": "two"}}, "/operator/replicas"),
        ({"operator": {"image": {"digest": "latest"}}}, "/operator/image/digest"),
        ({"operator": {"image": {"repository": "openpanel-operator:1.0"}}}, "/operator/image/repository"),
        ({"operator": {"image": {"tag": "1.0 "}}}, "/operator/image/tag"),
        ({"operator": {"logLevel": "loud"}}, "/operator/logLevel"),
        ({"operator": {"watchNamespaces": ["Team A"]}}, "/operator/watchNamespaces/0"),
        ({"operator": {"watchNamespaces": ["a", "b", "a"]}}, "items at 0 and 2 are equal"),
        ({"operator": {"watchNamespaces": ["a" * 64]}}, "/operator/watchNamespaces/0': maxLength"),
        (
            {"operator": {"podDisruptionBudget": {"minAvailable": "lots"}}},
            "/podDisruptionBudget/minAvailable",
        ),
        (
            {"operator": {"podDisruptionBudget": {"minAvailable": "120%"}}},
            "/podDisruptionBudget/minAvailable",
        ),
        ({"operator": {"podDisruptionBudget": {"minAvailable": -1}}}, "/podDisruptionBudget/minAvailable"),
        ({"operator": {"priorityClassName": "A B"}}, "/operator/priorityClassName"),
        ({"operator": {"resources": {"request": {"cpu": "1"}}}}, "'request' not allowed"),
        ({"operator": {"resources": {"limits": {"memory": "1 GB"}}}}, "/operator/resources/limits/memory"),
        ({"operator": {"nodeSelector": {"disk": "very fast"}}}, "/operator/nodeSelector/disk"),
        ({"operator": {"podAnnotations": {"two words": "x"}}}, "two words"),
        ({"operator": {"extraEnv": [{"value": "x"}]}}, "/operator/extraEnv/0.*'name'"),
        (
            {"operator": {"podLabels": {"app.kubernetes.io/name": "mine"}}},
            "podLabels/app.kubernetes.io~1name",
        ),
        (
            {"global": {"commonLabels": {"app.kubernetes.io/instance": "mine"}}},
            "/global/commonLabels/app.kubernetes.io~1instance",
        ),
        ({"global": {"commonLabels": {"a b": "x"}}}, "a b"),
        ({"global": {"commonLabels": {"team": "x" * 64}}}, "/global/commonLabels/team"),
        ({"global": {"imageRegistry": "registry.example.com/"}}, "/global/imageRegistry"),
        ({"global": {"imageRegistry": "https://registry.example.com"}}, "/global/imageRegistry"),
        ({"global": {"imagePullSecrets": ["pull", "pull"]}}, "/global/imagePullSecrets"),
        ({"global": {"imagePullSecrets": ["Pull Secret"]}}, "/global/imagePullSecrets/0"),
        ({"serviceAccount": {"name": "A B"}}, "/serviceAccount/name"),
        ({"uninstall": {"serviceAccount": "A B"}}, "/uninstall/serviceAccount"),
        ({"crds": {"keep": "yes"}}, "/crds/keep"),
        ({"metrics": {"serviceMonitor": {"interval": "often"}}}, "/metrics/serviceMonitor/interval"),
        ({"metrics": {"dashboards": {"label": "grafana dashboard"}}}, "/metrics/dashboards/label"),
        ({"panelCluster": {"name": "Default"}}, "/panelCluster/name"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_with_its_place(chart: helm.Chart, values: Values, where: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=where):
        chart.render(values, name="panel", namespace="analytics")


@pytest.mark.parametrize(
    "values",
    [
        {"operator": {"watchNamespaces": ["1st", "a" * 63]}},
        {"operator": {"podDisruptionBudget": {"minAvailable": "50%"}}},
        {"operator": {"podDisruptionBudget": {"minAvailable": "1"}}},
        {"operator": {"podDisruptionBudget": {"minAvailable": 0}}},
        {"operator": {"resources": {"limits": {"cpu": 1.5, "memory": None, "ephemeral-storage": "1e9"}}}},
        {"operator": {"resources": {"requests": None, "limits": {"nvidia.com/gpu": "1", "cpu": ".5"}}}},
        {"operator": {"resources": None}},
        {"operator": {"podAnnotations": {"Example.com/Note": "any words, at all"}}},
        {"operator": {"nodeSelector": {"node-role.kubernetes.io/worker": ""}}},
        {
            "operator": {
                "extraEnv": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]
            }
        },
        {"operator": {"image": {"repository": "localhost:5000/team/openpanel-operator", "tag": "1.0_b-2"}}},
        {"operator": {"priorityClassName": "system-cluster-critical"}},
        {"global": {"imageRegistry": "registry.example.com:5000/mirror/docker"}},
        {"global": {"imageRegistry": "[::1]:5000"}},
        {"global": {"imagePullSecrets": ["pull.example.com"]}},
        {
            "global": {
                "commonLabels": {"example.com/team": "Web_1.0", "app.kubernetes.io/part-of": "platform"}
            }
        },
        {
            "serviceAccount": {
                "name": "op.example",
                "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:x"},
            }
        },
        {"metrics": {"dashboards": {"enabled": True, "label": "example.com/dashboard"}}},
    ],
    ids=str,
)
def test_what_kubernetes_takes_is_taken(chart: helm.Chart, values: Values) -> None:
    files = chart.render(values, name="panel", namespace="analytics")

    assert "openpanel/templates/deployment.yaml" in files


def test_an_unknown_global_value_is_refused(chart: helm.Chart) -> None:
    with pytest.raises(helm.HelmRenderError, match=r"global\.imageRegistri is no value of this chart"):
        chart.render({"global": {"imageRegistri": "x"}}, name="panel", namespace="analytics")


def test_global_values_of_a_chart_that_this_one_is_a_part_of_are_let_be(tmp_path: Path) -> None:
    parent = tmp_path / "platform"
    (parent / "charts").mkdir(parents=True)
    (parent / "Chart.yaml").write_text("apiVersion: v2\nname: platform\nversion: 1.0.0\n")
    (parent / "charts" / "openpanel").symlink_to(CHART)

    with helm.Chart.load(parent) as chart:
        files = chart.render({"global": {"storageClass": "fast"}}, name="panel", namespace="analytics")

    assert "kind: Deployment" in files["platform/charts/openpanel/templates/deployment.yaml"]


def test_without_rights_letting_go_is_refused_and_the_message_says_what_would_be_right(
    chart: helm.Chart,
) -> None:
    with pytest.raises(helm.HelmRenderError, match=r"uninstall\.serviceAccount .* uninstall\.letGo=false"):
        chart.render({"rbac": {"create": False}}, name="panel", namespace="analytics")
