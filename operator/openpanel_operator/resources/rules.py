"""How a rule is told to the API server: its CEL, the sentence that it is refused with, and the keys of lists.

The rules themselves stand in `project_rules` and `cluster_rules`, beside nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

Schema = dict[str, Any]
Model = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL expression that must hold, and in words what would be right."""

    cel: str
    message: str
    at: str = ""  # the field that is named in the refusal, as `.min`
    reason: Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"] = "FieldValueInvalid"

    def validation(self) -> Schema:
        """The entry of `x-kubernetes-validations`."""
        entry: Schema = {"rule": self.cel, "message": self.message, "reason": self.reason}
        return {**entry, "fieldPath": self.at} if self.at else entry


@dataclass(frozen=True, slots=True)
class Rules:
    """What the API server demands beyond types and bounds."""

    of: Mapping[Model, tuple[Rule, ...]] = field(default_factory=dict)
    """Rules of a model and of those that extend it."""
    keys: Mapping[tuple[Model, str], str] = field(default_factory=dict)
    """Lists of parts that are told apart by a field, by model and name of the list; merged entry by entry."""
    sets: frozenset[tuple[Model, str]] = frozenset()
    """Lists of texts without repeats."""
    beside: Mapping[Model, Schema] = field(default_factory=dict)
    """What else the schema of a model has to say, without a CEL cost."""

    def for_model(self, model: Model) -> tuple[Rule, ...]:
        """The rules of `model`, inherited ones first."""
        return tuple(rule for ancestor in reversed(model.__mro__) for rule in self.of.get(ancestor, ()))
