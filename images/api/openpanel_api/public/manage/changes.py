"""The body of a PATCH: fields that are to be different. What is left out stays; null is refused, not read as left out."""

from typing import Any, ClassVar

from pydantic import GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from openpanel_api.public.manage.routes import Json


class Changes(Json):
    """Its fields have None as default, which says that they were left out; `erasable` ones may be null as well."""

    erasable: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.field_name not in cls.erasable:
            raise PydanticCustomError("null", "expected a value, or nothing of it")
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Without the null that stands for what is left out."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, field in cls.model_fields.items():
            if name not in cls.erasable:
                _without_null(properties[field.alias or name])
        return schema


def _without_null(schema: JsonSchemaValue) -> None:
    schema.pop("default", None)
    kinds = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]
    if len(kinds) == 1:
        schema |= kinds[0] | schema
    elif kinds:
        schema["anyOf"] = kinds
