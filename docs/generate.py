"""Writes the reference pages from the code that they describe; with `--check` says which ones are stale instead.

`make docs` writes, `make check` checks. A page is a pure function of a model, so text cannot drift from code.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import yaml

from openpanel.metadata import Database
from openpanel.settings import Settings
from openpanel.warehouse import Warehouse
from openpanel_api.public.app import create_app
from openpanel_api.public.documented import ASKED
from openpanel_api.public.services import Services
from openpanel_operator.resources.crds import cluster_crd, project_crd
from openpanel_operator.resources.reasons import CLUSTER_CONDITIONS, PROJECT_CONDITIONS, ConditionType, Reason
from openpanel_operator.resources.rules import Schema

FOLDER = Path(__file__).parent / "reference"
API_FOLDER = Path(__file__).parent / "api"
CHART = Path(__file__).parents[1] / "charts" / "openpanel"

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

CHART_HEAD = """\
# Chart

What can be said with `helm install --set` or a values file? Everything below; all of it may be left out. An unknown
value at one of these levels, or one of a wrong type, is refused with its place.

| value | type | default | meaning |
|---|---|---|---|
"""


API_HEAD = """\
# {title} API

What can a program ask? Every route below, at port 3002. All of them take `openpanel-client-id` and
`openpanel-client-secret`; errors are `{{"status", "error", "message"}}`, and a question that would cost too much (422)
says in `advice` what to narrow. The same as OpenAPI 3.1: `/openapi.json`.

```sh
eval "$(openpanel credentials demo --client {client} -o env)"   # sets the variables of the examples
```
"""
# What is told apart by its tag, and the client that its examples take.
API_CLIENTS: Final = {"manage": "admin"}
READER: Final = "reader"


def api_pages() -> Mapping[str, str]:
    """A page for each part of the public API, by file name."""
    found: dict[str, list[str]] = {}
    document = described_api()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            part = operation["tags"][0]
            text = "".join(_operation(method.upper(), path, operation, document))
            found.setdefault(part, []).append(text)
    return {_file_of(part): _api_head(part) + "".join(texts) for part, texts in found.items()}


def described_api() -> dict[str, Any]:
    """The description of the public API. Nothing is asked for it, so the stores need not be there."""
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    app = create_app(Services(nowhere, Warehouse("http://nobody:none@127.0.0.1:1", database="none")))
    return app.openapi()


def _file_of(part: str) -> str:
    return f"{part.replace(': ', '-')}.md"


def _api_head(part: str) -> str:
    client = API_CLIENTS.get(part.partition(":")[0], READER)
    return API_HEAD.format(title=part.capitalize(), client=client)


def _operation(method: str, path: str, operation: Schema, document: Schema) -> Iterator[str]:
    yield (
        f"\n## {method} {path}\n\n{operation['summary']}. {operation.get('description', '')}".rstrip() + "\n"
    )
    if "externalDocs" in operation:
        counted = operation["externalDocs"]["url"].partition("/docs/")[2]
        yield f"\nHow it is counted: [definitions](../{counted}).\n"
    parameters = [each for each in operation.get("parameters", ()) if each["in"] in ("path", "query")]
    if parameters:
        yield "\n| parameter | type | meaning |\n|---|---|---|\n"
    for each in parameters:
        required = " (required)" if each.get("required") else ""
        yield f"| `{each['name']}`{required} | {_api_type(each['schema'])} | {_one_line(each.get('description', ''))} |\n"
    yield f"\n```sh\n{curl(method, path, operation, document)}\n```\n"
    answers: Schema = operation["responses"]
    answered: Schema = next((answers[done] for done in ("200", "202") if done in answers), {})
    answer = answered.get("content", {}).get("application/json", {})
    if "example" in answer:
        shown = json.dumps(answer["example"], indent=2, ensure_ascii=False)
        yield f"\n```json\n{shown}\n```\n"


def curl(method: str, path: str, operation: Schema, document: Schema) -> str:
    """A call that can be pasted."""
    asked: dict[str, Any] = dict(operation.get(ASKED, {}))
    for each in operation.get("parameters", ()):
        example = _sample(each["schema"], document)
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", quote(str(example), safe=""))
        elif each["in"] == "query" and each.get("required"):
            asked[each["name"]] = example
    address = f"$OPENPANEL_API_URL{path}" + (f"?{urlencode(asked, doseq=True)}" if asked else "")
    lines = [
        f'curl "{address}"' if method == "GET" else f'curl -X {method} "{address}"',
        '-H "openpanel-client-id: $OPENPANEL_CLIENT_ID"',
        '-H "openpanel-client-secret: $OPENPANEL_CLIENT_SECRET"',
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body:
        sent = json.dumps(_sample(body.get("example", body["schema"]), document), ensure_ascii=False)
        lines += ['-H "content-type: application/json"', f"-d '{sent}'"]
    return " \\\n  ".join(lines)


def _sample(schema: Any, document: Schema) -> Any:
    """A value that fits: the schema's own example, else the least that it demands."""
    if "$ref" in schema:
        return _sample(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    given = [schema.get(key) for key in ("example", "const", "default")]
    given += [(schema.get(key) or [None])[0] for key in ("examples", "enum")]
    if said := [value for value in given if value is not None]:
        return said[0]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _sample(choices[0], document)
    return _least(schema, document)


def _least(schema: Any, document: Schema) -> Any:
    if schema.get("type") == "object":
        return {name: _sample(schema["properties"][name], document) for name in schema.get("required", ())}
    if schema.get("type") == "array":
        return [_sample(schema["items"], document)] * schema.get("minItems", 0)
    return {"string": "text", "integer": 1, "number": 1, "boolean": False}.get(schema.get("type", ""), {})


def _api_type(schema: Schema) -> str:
    if choices := schema.get("anyOf"):
        return _api_type(choices[0])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_api_type(schema['items'])}"
    return str(schema.get("format", schema.get("type", "")))


def _one_line(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def pages() -> Mapping[str, str]:
    """Every generated page by file name."""
    return {
        "settings.md": SETTINGS_HEAD + "".join(_settings()),
        "analyticsproject.md": PROJECT_HEAD + "".join(_resource(project_crd())),
        "panelcluster.md": CLUSTER_HEAD + "".join(_resource(cluster_crd())),
        "conditions.md": CONDITIONS_HEAD + "".join(_conditions()),
        "chart.md": CHART_HEAD + "".join(_chart()),
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


def _chart() -> Iterator[str]:
    """The values with their comments; types are those of the schema that helm checks them by."""
    text = (CHART / "values.yaml").read_text("utf-8")
    values, schema = yaml.safe_load(text), json.loads((CHART / "values.schema.json").read_text("utf-8"))
    for path, meaning in _commented(text.splitlines()):
        default, node = values, schema
        for name in path:
            default, node = default[name], node.get("properties", {}).get(name, {})
        shown = "" if default in ("", None, {}, []) else f"`{json.dumps(default)}`"
        yield f"| `{'.'.join(path)}` | {_chart_type(node)} | {shown} | {meaning} |\n"


def _commented(lines: Iterable[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each key that has a comment right above it, with its path; lists and maps in one line are values."""
    above: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in lines:
        text = line.strip()
        if text.startswith("#"):
            comment.append(text.lstrip("# "))
            continue
        if not text:
            comment = []
            continue
        indent, name = len(line) - len(line.lstrip()), text.partition(":")[0]
        above = [*(each for each in above if each[0] < indent), (indent, name)]
        if comment:
            yield tuple(each for _, each in above), " ".join(comment)
        comment = []


def _chart_type(node: Schema) -> str:
    types = node.get("type", "any")
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    return " or ".join(types) if isinstance(types, list) else str(types)


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
    written = {FOLDER / name: text for name, text in pages().items()}
    written |= {API_FOLDER / name: text for name, text in api_pages().items()}
    stale = [file for file, text in written.items() if not file.exists() or file.read_text() != text]
    forgotten = [file for file in API_FOLDER.glob("*.md") if file not in written]
    if "--check" in arguments:
        for file in [*stale, *forgotten]:
            place = file.relative_to(API_FOLDER.parent)
            print(f"docs/{place} does not match the code: run `make docs`", file=sys.stderr)
        return 1 if stale or forgotten else 0
    for file in stale:
        file.parent.mkdir(exist_ok=True)
        file.write_text(written[file])
    for file in forgotten:
        file.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
