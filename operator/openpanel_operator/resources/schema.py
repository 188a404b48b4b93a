"""pydantic models → the structural OpenAPI schema of a CRD: no references, no unions, every field described.

Pure. What pydantic checks in Python beyond types and bounds is told to the API server by `rules`.
"""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from openpanel_operator.resources.forms import MEANINGS
from openpanel_operator.resources.rules import Model, Rule, Rules, Schema

WIDEST_INT32: Final = 2**31 - 1
LONGEST_KEY: Final = 317  # characters of a key of a map: a label's prefix, slash and name
_KEPT: Final[tuple[str, ...]] = (
    "type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems",
    "maxProperties", "format", "x-kubernetes-int-or-string", "anyOf",
)  # fmt: skip


def structural(model: Model, *, rules: Rules) -> Schema:
    """The schema of `model` with everything below it."""
    fields = {_alias(name, field): field for name, field in model.model_fields.items()}
    node: Schema = {
        "type": "object",
        "description": _sentence(model.__doc__),
        "properties": {
            alias: _field(field, owner=model, alias=alias, rules=rules) for alias, field in fields.items()
        },
        **rules.beside.get(model, {}),
    }
    required = [alias for alias, field in fields.items() if field.is_required()]
    if required:
        node["required"] = required
    return _with_rules(node, rules.for_model(model))


def _field(info: FieldInfo, *, owner: Model, alias: str, rules: Rules) -> Schema:
    node = _type(_annotated(info.annotation, tuple(info.metadata)), rules=rules)
    node["description"] = info.description
    if isinstance(info.json_schema_extra, Mapping):
        node.update(info.json_schema_extra)
    default = _default(info, node)
    if default is not None:
        node["default"] = default
    if (owner, alias) in rules.keys:
        node["x-kubernetes-list-type"] = "map"
        node["x-kubernetes-list-map-keys"] = [rules.keys[owner, alias]]
    if (owner, alias) in rules.sets:
        node["x-kubernetes-list-type"] = "set"
    return node


def _type(annotated: Any, *, rules: Rules) -> Schema:
    annotation, metadata = _bare(annotated)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return structural(annotation, rules=rules)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        return {**_bounds(annotated), "items": _type(arguments[0], rules=rules)}
    if origin is dict:
        return _map(annotated, key=arguments[0], value=_type(arguments[1], rules=rules))
    return _leaf(_annotated(annotation, metadata))


def _annotated(annotation: Any, metadata: tuple[Any, ...]) -> Any:
    return Annotated[(annotation, *metadata)] if metadata else annotation


def _bare(annotated: Any) -> tuple[Any, tuple[Any, ...]]:
    """What stands under all annotations, where None is one of two: a field that may be left out."""
    metadata: tuple[Any, ...] = ()
    while True:
        if get_origin(annotated) is Annotated:
            annotated, *more = get_args(annotated)
            metadata = (*more, *metadata)
        elif get_origin(annotated) in {Union, types.UnionType}:
            (annotated,) = (each for each in get_args(annotated) if each is not types.NoneType)
        else:
            return annotated, metadata


def _map(annotated: Any, *, key: Any, value: Schema) -> Schema:
    node = {**_bounds(annotated), "additionalProperties": value}
    shape = _leaf(key)
    if "pattern" not in shape:
        return node
    longest = shape.get("maxLength", LONGEST_KEY)
    rule = Rule(
        f"self.all(key, size(key) <= {longest} && key.matches({_quoted(shape['pattern'])}))",
        f"each key must be {MEANINGS[shape['pattern']]}",
    )
    return _with_rules(node, (rule,))


def _bounds(annotated: Any) -> Schema:
    schema = TypeAdapter(annotated).json_schema()
    schema = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    return {key: schema[key] for key in _KEPT if key in schema}


def _leaf(annotated: Any) -> Schema:
    schema = TypeAdapter(annotated).json_schema()
    if "const" in schema:
        schema["enum"] = [schema["const"]]
    node: Schema = {key: schema[key] for key in _KEPT if key in schema}
    if node.get("type") == "integer":
        wide = schema.get("maximum", WIDEST_INT32 + 1) > WIDEST_INT32
        node["format"] = "int64" if wide else "int32"
    return node


def _default(info: FieldInfo, node: Schema) -> Any:
    """What the API server fills in; for a part all its defaults, since rules are checked on a default as it stands."""
    if info.is_required():
        return None
    if info.default_factory is not None:
        return _defaults(node) or None
    return None if info.default in (None, "") else info.default


def _defaults(node: Schema) -> Schema:
    below = node.get("properties", {})
    return {alias: field["default"] for alias, field in below.items() if "default" in field}


def _with_rules(node: Schema, rules: tuple[Rule, ...]) -> Schema:
    if rules:
        node["x-kubernetes-validations"] = [rule.validation() for rule in rules]
    return node


def _alias(name: str, info: FieldInfo) -> str:
    return info.alias or name


def _sentence(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


def _quoted(pattern: str) -> str:
    """The pattern as a raw CEL string; no pattern of ours has a quotation mark."""
    return f"r'{pattern}'"
