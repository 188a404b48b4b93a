"""The chart in Helm 3: rendered, checked and linted by its own code, which makes of it just what Helm 4 makes of it.

The program in `helm3/` is built by Go when it is first asked for: a minute or two, after that seconds.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import pytest
import yaml

CHART: Final = Path(__file__).parents[3] / "charts" / "openpanel"
SOURCE: Final = Path(__file__).parent / "helm3"
EXAMPLES: Final = sorted((CHART / "ci").glob("*-values.yaml"))

pytestmark = pytest.mark.timeout(1_200)  # seconds; whichever test comes first waits for the program

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What Helm 3 makes of the chart with some values."""

    objects: list[Values]
    messages: list[str]
    refused: str


@pytest.fixture(scope="module")
def helm3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    if shutil.which("go") is None:
        pytest.skip("Helm 3 is a Go module: install Go (https://go.dev/dl)")
    program = tmp_path_factory.mktemp("helm3") / "helm3"
    subprocess.run(
        ["go", "build", "-trimpath", "-o", str(program), "."],
        cwd=SOURCE,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
    )
    return program


def asked(program: Path, values: Values, folder: Path) -> Said:
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = subprocess.run(
        [str(program), str(CHART), str(file)], capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(done.stdout)
    return Said(objects_of(said["files"] or {}), said["messages"], said["refused"])


def objects_of(files: dict[str, str]) -> list[Values]:
    texts = [text for name, text in sorted(files.items()) if name.endswith((".yaml", ".yml"))]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def by_helm_4(values: Values) -> list[Values]:
    with helm.Chart.load(CHART) as chart:
        return objects_of(chart.render(values, name="panel", namespace="analytics"))


@pytest.mark.parametrize("mode", ["Always", "Never"])
@pytest.mark.parametrize("path", [None, *EXAMPLES], ids=lambda path: path.stem if path else "defaults")
def test_both_make_the_same_objects_of_the_same_values_and_lint_finds_nothing(
    helm3: Path, tmp_path: Path, path: Path | None, mode: str
) -> None:
    values: Values = yaml.safe_load(path.read_text("utf-8")) if path else {}
    values["admissionPolicies"] = {"mode": mode}

    said = asked(helm3, values, tmp_path)

    assert (said.refused, said.messages) == ("", [])
    assert len(said.objects) > 5
    assert said.objects == by_helm_4(values)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"operator": {"replica": 2}}, "'replica' not allowed"),
        ({"operator": {"watchNamespaces": ["a", "a"]}}, "/operator/watchNamespaces"),
        (
            {"operator": {"podLabels": {"app.kubernetes.io/name": "mine"}}},
            "podLabels/app.kubernetes.io~1name",
        ),
        ({"operator": {"podDisruptionBudget": {"minAvailable": "lots"}}}, "minAvailable"),
        ({"global": {"imageRegistri": "x"}}, "global.imageRegistri is no value of this chart"),
        ({"rbac": {"create": False}}, "uninstall.serviceAccount"),
    ],
    ids=str,
)
def test_what_helm_4_refuses_is_refused_with_the_same_words(
    helm3: Path, tmp_path: Path, values: Values, why: str
) -> None:
    assert why in asked(helm3, values, tmp_path).refused


def test_a_value_that_is_taken_back_by_null_is_taken_back(helm3: Path, tmp_path: Path) -> None:
    values: Values = {"operator": {"resources": {"limits": None}}}

    said = asked(helm3, values, tmp_path)

    (deployment,) = (each for each in said.objects if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert set(container["resources"]) == {"requests"}
    assert said.objects == by_helm_4(values)
