"""The parts of a definition that tests ask about."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def root(definition: Schema) -> Schema:
    """The schema of the resource."""
    (version,) = definition["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Schema, *, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every node of the schema with its path, itself first."""
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from nodes(below, path=f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from nodes(schema["items"], path=f"{path}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], path=f"{path}{{}}")


def rule_messages(definition: Schema) -> Iterator[str]:
    """The sentence of every rule."""
    for _, node in nodes(root(definition)):
        for rule in node.get("x-kubernetes-validations", ()):
            yield rule["message"]
