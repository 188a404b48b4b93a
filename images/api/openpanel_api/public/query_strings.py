"""What the query string of a route may hold: what the route knows, no list more than once, and nothing empty. Pure.

An empty parameter is nearly always a variable that was not set, and to leave it out in silence would answer another
question: everybody's events in place of one person's. Where the empty text is a value, the parameter says so.
"""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.requests import Request


class EmptyIsAValue:
    """Marks a parameter that may be the empty text: `country=` are visits from an unknown country."""


EMPTY_IS_A_VALUE: Final = EmptyIsAValue()


class Parameter(NamedTuple):
    """A parameter that a route knows, under both names by which it is taken."""

    name: str
    field: str
    is_list: bool
    may_be_empty: bool
    is_of_model: bool


def parameters(request: Request) -> Iterator[Parameter]:
    """Those that the route knows."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    for field in getattr(dependant, "query_params", ()):
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for name, each in model.model_fields.items():
                yield _parameter(each, name, is_of_model=True)
        else:
            yield _parameter(field.field_info, field.alias, is_of_model=False)


def names(request: Request) -> tuple[str, ...]:
    """What they are called."""
    return tuple(each.name for each in parameters(request))


def fault(request: Request) -> str:
    """What is wrong with the query string, empty for nothing: a model refuses what it does not know by itself."""
    known = tuple(parameters(request))
    given = [name for name, _ in request.query_params.multi_items()]
    for each in known:
        times = sum(name in (each.name, each.field) for name in given)
        if times > 1 and not each.is_list:
            return f"{each.name}: is given {times} times; expected it once"
        if not each.may_be_empty and _is_empty(request, each):
            return f"{each.name}: is empty; expected a value, or nothing of it"
    if any(each.is_of_model for each in known):
        return ""
    expected_names = [each.name for each in known]
    unknown = [name for name in given if name not in expected_names]
    if not unknown:
        return ""
    expected = f"expected some of {', '.join(expected_names)}" if known else "expected none"
    return f"{unknown[0]}: is not known here; {expected}"


def _parameter(field: FieldInfo, name: str, *, is_of_model: bool) -> Parameter:
    may_be_empty = EMPTY_IS_A_VALUE in field.metadata
    return Parameter(field.alias or name, name, _is_list(field.annotation), may_be_empty, is_of_model)


def _is_empty(request: Request, parameter: Parameter) -> bool:
    names = {parameter.name, parameter.field}
    return any(name in names and not value.strip() for name, value in request.query_params.multi_items())


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(map(_is_list, get_args(annotation)))
    return origin in (list, tuple) or annotation in (list, tuple)
