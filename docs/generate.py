"""Writes the reference pages from the code that they describe; with `--check` says which ones are stale instead.

`make docs` writes, `make check` checks. A page is a pure function of a model, so text cannot drift from code.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openpanel.settings import Settings
from openpanel.tenancy.manifest import AnalyticsProject

FOLDER = Path(__file__).parent / "reference"

SETTINGS_HEAD = """\
# Settings

Which variables do the services read? All of these; each has a default or is set by whoever starts the service
(`openpanel up` on one machine, the operator in a cluster).

| variable | default | meaning |
|---|---|---|
"""
MANIFEST_HEAD = """\
# AnalyticsProject

What can a project's manifest say? Everything below. An unknown field, a wrong type or a value out of bounds is
refused with its path, the reason and what would be right, and nothing of the file is applied. A complete example
is [manifests/examples/02-shop.yaml](../../manifests/examples/02-shop.yaml).

| field | type | default | meaning |
|---|---|---|---|
"""


def pages() -> Mapping[str, str]:
    """Every generated page by file name."""
    return {
        "settings.md": SETTINGS_HEAD + "".join(_settings()),
        "analyticsproject.md": MANIFEST_HEAD + "".join(_manifest()),
    }


def _settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        yield f"| `OPENPANEL_{name.upper()}` | {default} | {field.description} |\n"


def _manifest() -> Iterator[str]:
    schema = AnalyticsProject.model_json_schema(by_alias=True)
    yield from _fields(schema, schema["$defs"], path="", required=set(schema.get("required", ())))


def _fields(
    node: Mapping[str, Any], models: Mapping[str, Any], *, path: str, required: set[str]
) -> Iterator[str]:
    for name, field in node.get("properties", {}).items():
        at = f"{path}{name}"
        default = "required" if name in required else _default(field)
        inner, mark = _inner(field, models)
        meaning = field.get("description") or (inner or {}).get("description", "")
        yield f"| `{at}` | {_type(field, models)} | {default} | {meaning} |\n"
        if inner is not None:
            yield from _fields(inner, models, path=f"{at}{mark}.", required=set(inner.get("required", ())))


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    return "" if default in (None, "", [], {}) or isinstance(default, dict) else f"`{default}`"


def _type(field: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    options = [option for option in field.get("anyOf", (field,)) if option.get("type") != "null"]
    shown = options[0]
    if "enum" in shown:
        return " or ".join(f"`{value}`" for value in shown["enum"])
    if "const" in shown:
        return f"`{shown['const']}`"
    if "$ref" in shown:
        return "object"
    if shown.get("type") == "array":
        return f"list of {_type(shown['items'], models)}"
    bounds = [f"{sign} {shown[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in shown]
    return " ".join([str(shown.get("type", "object")), *bounds])


def _inner(field: Mapping[str, Any], models: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    for option in field.get("anyOf", (field,)):
        if "$ref" in option:
            return models[option["$ref"].rsplit("/", 1)[1]], ""
        if option.get("type") == "array" and "$ref" in option.get("items", {}):
            return models[option["items"]["$ref"].rsplit("/", 1)[1]], "[]"
    return None, ""


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
