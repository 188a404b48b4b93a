"""Writes the reference pages from the code that they describe; with `--check` says which ones are stale instead.

`make docs` writes, `make check` checks. A page is a pure function of a model, so text cannot drift from code.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from openpanel.settings import Settings
from openpanel_operator.resources.crds import cluster_crd, project_crd
from openpanel_operator.resources.reasons import CLUSTER_CONDITIONS, PROJECT_CONDITIONS, ConditionType, Reason
from openpanel_operator.resources.rules import Schema

FOLDER = Path(__file__).parent / "reference"

SETTINGS_HEAD = """\
# Settings

Which variables do the services read? All of these; each has a default or is set by whoever starts the service
(`openpanel up` on one machine, the operator in a cluster).

| variable | default | meaning |
|---|---|---|
"""
PROJECT_HEAD = """\
# AnalyticsProject

What can a project say? Everything below. An unknown field, a wrong type or a value out of bounds is refused with
its path, the reason and what would be right, by `openpanel apply` as by the API server of a cluster. A complete
example is [manifests/examples/02-shop.yaml](../../manifests/examples/02-shop.yaml); short name `aproj`.
"""
CLUSTER_HEAD = """\
# PanelCluster

What can the platform in a cluster say? Everything below; all of it may be left out. The smallest one is
[manifests/examples/03-trial-cluster.yaml](../../manifests/examples/03-trial-cluster.yaml); short name `panel`.
"""
SPEC_HEAD = """
## Spec

| field | type | default | meaning |
|---|---|---|---|
"""
RULES_HEAD = """
## Rules

What the API server demands beyond types and bounds, in the words of its refusal. Rules that compare with the
resource before are marked.

| rule | where |
|---|---|
"""
STATUS_HEAD = """
## Status

| field | type | meaning |
|---|---|---|
"""
CONDITIONS_HEAD = """\
# Conditions and reasons

What does a condition say, why, and what is to be done? `kubectl wait --for=condition=Ready` waits for the first;
`kubectl describe` shows all of them with their messages.

| condition | of | True says |
|---|---|---|
"""
REASONS_HEAD = """
## Reasons

| reason | cause and cure |
|---|---|
"""


def pages() -> Mapping[str, str]:
    """Every generated page by file name."""
    return {
        "settings.md": SETTINGS_HEAD + "".join(_settings()),
        "analyticsproject.md": PROJECT_HEAD + "".join(_resource(project_crd())),
        "panelcluster.md": CLUSTER_HEAD + "".join(_resource(cluster_crd())),
        "conditions.md": CONDITIONS_HEAD + "".join(_conditions()),
    }


def _settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        yield f"| `OPENPANEL_{name.upper()}` | {default} | {field.description} |\n"


def _resource(definition: Schema) -> Iterator[str]:
    (version,) = definition["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    yield SPEC_HEAD
    for path, field, required in _fields(spec, path="spec"):
        yield f"| `{path}` | {_type(field)} | {_default(field, required=required)} | {field['description']} |\n"
    yield RULES_HEAD
    places: dict[str, list[str]] = {}
    for path, rule in _rules(schema, path=""):
        before = " (compares with before)" if "oldSelf" in rule["rule"] else ""
        at = (path + rule.get("fieldPath", "")).lstrip(".") or "metadata.name"
        places.setdefault(rule["message"] + before, []).append(at)
    for message, paths in places.items():
        yield f"| {message} | {', '.join(f'`{path}`' for path in paths)} |\n"
    yield STATUS_HEAD
    for path, field, _ in _fields(status, path="status"):
        yield f"| `{path}` | {_type(field)} | {field['description']} |\n"


def _conditions() -> Iterator[str]:
    for condition in ConditionType:
        kinds = [
            kind
            for kind, conditions in (
                ("PanelCluster", CLUSTER_CONDITIONS),
                ("AnalyticsProject", PROJECT_CONDITIONS),
            )
            if condition in conditions
        ]
        yield f"| `{condition}` | {', '.join(kinds)} | {condition.meaning} |\n"
    yield REASONS_HEAD
    for reason in Reason:
        yield f"| `{reason}` | {reason.meaning} |\n"


def _fields(node: Schema, *, path: str) -> Iterator[tuple[str, Schema, bool]]:
    """Every field below `node` with its path, its schema and whether it is required."""
    for name, field in node.get("properties", {}).items():
        at = f"{path}.{name}"
        yield at, field, name in node.get("required", ())
        below = field.get("items", field)
        yield from _fields(below, path=f"{at}[]" if "items" in field else at)


def _rules(node: Schema, *, path: str) -> Iterator[tuple[str, Schema]]:
    for rule in node.get("x-kubernetes-validations", ()):
        yield path, rule
    for name, field in node.get("properties", {}).items():
        yield from _rules(field, path=f"{path}.{name}")
    if "items" in node:
        yield from _rules(node["items"], path=f"{path}[]")


def _default(field: Schema, *, required: bool) -> str:
    default = field.get("default")
    if required:
        return "required"
    if default is None or isinstance(default, dict):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(field: Schema) -> str:
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "x-kubernetes-int-or-string" in field:
        return "quantity"
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    bounds = [f"{sign} {field[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in field]
    return " ".join([str(field["type"]), *bounds])


def main(arguments: list[str]) -> int:
    stale = [name for name, text in pages().items() if _written(name) != text]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/reference/{name} does not match the code: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pages()[name])
    return 0


def _written(name: str) -> str | None:
    file = FOLDER / name
    return file.read_text() if file.exists() else None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
