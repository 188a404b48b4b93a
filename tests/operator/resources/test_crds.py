"""The definitions: structural, described down to the last field, and the same in every file that has them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from openpanel_operator.resources import crds
from openpanel_operator.resources.crds import cluster_crd, project_crd
from tests.operator.resources.schemas import nodes, root, rule_messages

DEFINITIONS = {"project": project_crd(), "cluster": cluster_crd()}
FILES = crds.files()
INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_the_schema_has_no_references_and_no_unions(definition: dict[str, Any]) -> None:
    for path, node in nodes(root(definition)):
        assert "$ref" not in node, path
        assert "oneOf" not in node, path
        assert "additionalProperties" not in node or "properties" not in node, path
        if "type" not in node:
            assert node["x-kubernetes-int-or-string"], path
            assert node["anyOf"] == INT_OR_STRING, path


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_every_field_is_described_in_one_sentence(definition: dict[str, Any]) -> None:
    for path, node in nodes(root(definition)):
        if path.endswith(("[]", "{}")) or path.split(".")[0] == "metadata":
            continue
        sentence = node["description"]
        assert sentence.endswith("."), path
        assert ". " not in sentence, path


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_everything_that_can_grow_is_bounded(definition: dict[str, Any]) -> None:
    spec = root(definition)["properties"]["spec"]

    for path, node in nodes(spec):
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path
        if node.get("type") == "string" and "enum" not in node:
            assert "maxLength" in node or "pattern" in node, path
        if node.get("type") == "integer" and "enum" not in node:
            assert {"minimum", "maximum"} <= node.keys(), path


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_there_are_a_dozen_rules_that_say_what_would_be_right(definition: dict[str, Any]) -> None:
    messages = set(rule_messages(definition))

    assert len(messages) >= 12
    assert all(len(message) > 20 for message in messages)


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_conditions_are_merged_by_their_type(definition: dict[str, Any]) -> None:
    conditions = root(definition)["properties"]["status"]["properties"]["conditions"]

    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert set(conditions["items"]["properties"]) == {
        "type", "status", "reason", "message", "observedGeneration", "lastTransitionTime",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("definition", "short_name"), [("project", "aproj"), ("cluster", "panel")], ids=["project", "cluster"]
)
def test_people_find_a_resource_by_short_name_and_category(definition: str, short_name: str) -> None:
    names = DEFINITIONS[definition]["spec"]["names"]

    assert (names["shortNames"], names["categories"]) == ([short_name], ["openpanel"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(crds.ROOT)))
def test_a_file_is_what_the_models_say(path: Path) -> None:
    assert path.read_text() == FILES[path]


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    fresh, stale, missing = tmp_path / "fresh", tmp_path / "stale", tmp_path / "missing"
    fresh.write_text("a")
    stale.write_text("b")

    assert crds.stale({fresh: "a", stale: "a", missing: "a"}) == [stale, missing]


def test_the_check_passes_when_all_is_written() -> None:
    command = [sys.executable, "-m", "openpanel_operator.resources", "--check"]

    checked = subprocess.run(command, cwd=crds.ROOT, capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_charts_copy_is_kept_and_can_be_left_out() -> None:
    copies = [path for path in FILES if "charts" in path.parts]

    for path in copies:
        lines = path.read_text().splitlines()
        assert lines[1] == "{{- if .Values.crds.install }}"
        assert lines[-1] == "{{- end }}"
        assert "    helm.sh/resource-policy: keep" in lines
    assert len(copies) == 2
