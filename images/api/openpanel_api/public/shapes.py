"""Answers of questions as documented JSON: a model reads the fields of the answer by their names.

    class Row(Shape):                     shaped(Row, row, timezone="Asia/Seoul")
        seen_at: Local

Times of buckets are shown by the project's clock, single moments in UTC, shares as percent. Pure.
"""

from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AliasGenerator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic.alias_generators import to_camel

from openpanel.identity.ids import to_hex
from openpanel_api.public.moments import local, moment_json, moment_text

ShapeT = TypeVar("ShapeT", bound=BaseModel)


class Shape(BaseModel):
    """Read from the attributes of a value."""

    model_config = ConfigDict(from_attributes=True)


class Camel(Shape):
    """The same, with names in camelCase."""

    model_config = ConfigDict(
        from_attributes=True, alias_generator=AliasGenerator(serialization_alias=to_camel)
    )


def shaped(model: type[ShapeT], value: object, *, timezone: str = "UTC") -> ShapeT:
    """The value as this model shows it."""
    return model.model_validate(value, context=timezone)


def percent(share: float | None) -> float | None:
    """A share as percent, to two places."""
    return None if share is None else round(share * 100, 2)


def rounded(value: float | None) -> float | None:
    """To two places."""
    return None if value is None else round(value, 2)


def _degrees(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _local(value: Any, info: ValidationInfo) -> Any:
    return local(value, timezone=info.context or "UTC") if isinstance(value, datetime) else value


def _moment(value: Any) -> Any:
    return moment_text(value) if isinstance(value, datetime) else value


def _maybe_moment(value: Any) -> Any:
    return moment_json(value) if isinstance(value, datetime) else value


def _day(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _id(value: Any) -> Any:
    return (to_hex(value) if value else "") if isinstance(value, int) else value


Local = Annotated[str, BeforeValidator(_local)]
Moment = Annotated[str, BeforeValidator(_moment)]
MaybeMoment = Annotated[str | None, BeforeValidator(_maybe_moment)]
Day = Annotated[str, BeforeValidator(_day)]
Id = Annotated[str, BeforeValidator(_id)]
Percent = Annotated[float | None, BeforeValidator(percent)]
Rounded = Annotated[float | None, BeforeValidator(rounded)]
Degrees = Annotated[float, BeforeValidator(_degrees)]
MaybeDegrees = Annotated[float | None, BeforeValidator(_degrees)]
