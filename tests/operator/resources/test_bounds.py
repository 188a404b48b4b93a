"""Every type, bound and pattern: the API server refuses what is past it and names the field, and so do the models."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from openpanel_operator.resources import CLUSTER, PROJECT, InvalidSpec, Kind
from openpanel_operator.resources.crds import cluster_crd, project_crd
from tests.operator.resources import full
from tests.operator.resources.asking import PARSED, Spec, asked, causes, resource
from tests.operator.resources.schemas import Schema, nodes, root

SPECS = {PROJECT.name: (full.PROJECT,), CLUSTER.name: full.CLUSTERS}
SCHEMAS = {
    kind.name: root(definition)["properties"]["spec"]
    for kind, definition in ((PROJECT, project_crd()), (CLUSTER, cluster_crd()))
}
NO_PATTERN_OF_OURS_TAKES = "\t\t\t"
# What breaks each keyword of a schema, and what the API server says of it.
VIOLATIONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "maximum": (lambda bound: bound + 1, "should be less than or equal to {}"),
    "minimum": (lambda bound: bound - 1, "should be greater than or equal to {}"),
    "maxLength": (lambda bound: "a" * (bound + 1), "Too long: may not be more than {} bytes"),
    "minLength": (lambda _bound: "", "should be at least {} chars long"),
    "pattern": (lambda _bound: NO_PATTERN_OF_OURS_TAKES, "should match"),
    "enum": (lambda bound: "other" if isinstance(bound[0], str) else 2, "Unsupported value"),
    "maxItems": (lambda bound: ["a"] * (bound + 1), "must have at most {} items"),
    "minItems": (lambda _bound: [], "should have at least {} items"),
    "maxProperties": (
        lambda bound: {f"a{number}": "b" for number in range(bound + 1)},
        "must have at most {} items",
    ),
    "type": (lambda bound: {} if bound == "string" else "text", "must be of type {}"),
}


def steps(path: str) -> list[str | int]:
    """`clients[].name` → the keys and indices that lead to the first such value."""
    found: list[str | int] = []
    for part in path.split("."):
        name, *lists = part.replace("{}", "[").split("[")
        found += [name, *(0 for _ in lists)]
    return found


def reached(spec: Spec, path: str) -> bool:
    try:
        _, _ = _holder(spec, path)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def with_value(spec: Spec, path: str, value: Any) -> Spec:
    """`spec` with another value at `path`."""
    spec = copy.deepcopy(spec)
    holder, key = _holder(spec, path)
    holder[key] = value
    return spec


def _holder(spec: Spec, path: str) -> tuple[Any, Any]:
    holder: Any = {"": spec}
    key: Any = ""
    for step in steps(path):
        holder = holder[key]
        key = step if isinstance(holder, list) or isinstance(step, str) else next(iter(holder))
        _ = holder[key]
    return holder, key


def violations(node: Schema) -> Iterator[tuple[Any, str]]:
    """Values that `node` does not take, each with what the API server says of it."""
    for keyword, (wrong, said) in VIOLATIONS.items():
        if keyword in node:
            bound = node[keyword]
            yield wrong(bound), said.format(bound)


def _spec(kind: str, path: str) -> Spec:
    return next(spec for spec in SPECS[kind] if reached(spec, path))


def _cases(kind: str, part: str) -> Iterator[tuple[str, Spec, str]]:
    """What is wrong with a part of a spec, one fault at a time: its path, the spec, what the API server says."""
    for path, node in nodes(SCHEMAS[kind]["properties"][part], path=part):
        spec = _spec(kind, path)
        for value, said in violations(node):
            yield path, with_value(spec, path, value), said


PARTS = [(kind, part) for kind, schema in SCHEMAS.items() for part in schema["properties"]]


@pytest.mark.parametrize("kind", SPECS)
def test_the_full_specs_have_every_field(kind: str) -> None:
    missing = [
        path
        for path, _ in nodes(SCHEMAS[kind])
        if path and not any(reached(spec, path) for spec in SPECS[kind])
    ]

    assert missing == []


@pytest.mark.parametrize(
    ("kind", "spec"), [(kind, spec) for kind, specs in SPECS.items() for spec in specs]
)  # fmt: skip
def test_a_full_spec_is_taken(kubernetes: httpx.Client, kind: str, spec: Spec) -> None:
    PARSED[kind](resource(_kind(kind), spec))

    assert causes(asked(kubernetes, _kind(kind), spec)) == []


@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_values_past_a_bound_are_refused(kubernetes: httpx.Client, kind: str, part: str) -> None:
    for path, spec, said in _cases(kind, part):
        found = causes(asked(kubernetes, _kind(kind), spec))

        assert any(said in message for _, message in found), (path, said, found)


@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_values_past_a_bound_are_refused_by_the_models_as_well(kind: str, part: str) -> None:
    for path, spec, said in _cases(kind, part):
        assert _refused(kind, spec), (path, said)


@pytest.mark.parametrize("kind", SPECS)
def test_what_is_required_is_missed(kubernetes: httpx.Client, kind: str) -> None:
    for at, node in nodes(SCHEMAS[kind]):
        for name in node.get("required", ()):
            path = f"{at}.{name}".lstrip(".")
            spec = copy.deepcopy(_spec(kind, path))
            holder, key = _holder(spec, path)
            del holder[key]

            found = causes(asked(kubernetes, _kind(kind), spec))

            assert any("Required value" in message for _, message in found), (path, found)
            assert "is required and missing" in _refused(kind, spec), path


@pytest.mark.parametrize("kind", SPECS)
def test_an_unknown_field_is_refused(kubernetes: httpx.Client, kind: str) -> None:
    answer = asked(kubernetes, _kind(kind), {"unknwon": 1})

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert 'unknown field "spec.unknwon"' in answer.json()["message"]
    assert _refused(kind, {"unknwon": 1}).startswith("spec.unknwon: is not a field of this resource")


def _refused(kind: str, spec: Spec) -> str:
    try:
        PARSED[kind](resource(_kind(kind), spec))
    except InvalidSpec as refused:
        return str(refused)
    return ""


def _kind(name: str) -> Kind:
    return PROJECT if name == PROJECT.name else CLUSTER
