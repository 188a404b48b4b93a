"""How every part of a manifest is read: the base of all models of resources."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """CamelCase names, exact types, nothing unknown, never changed once read."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True,
        extra="forbid", strict=True, frozen=True,
    )  # fmt: skip
