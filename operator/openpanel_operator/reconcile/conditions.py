"""Conditions as values, and as the list that stands in a status. Pure.

A condition keeps its time of transition as long as its status stays, and a list that says the same as before is
equal to it, so that nothing is written for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

Status = Literal["True", "False", "Unknown"]

LONGEST_MESSAGE: Final = 1_024  # characters; the API server takes more, people do not


@dataclass(frozen=True, slots=True)
class Condition:
    """What is reported of one side of a resource."""

    type: str
    status: Status
    reason: str
    message: str = ""
    generation: int | None = None
    """Of the spec that this was said of; None: the one that is being followed."""


def merged(
    before: Sequence[Mapping[str, Any]], wanted: Iterable[Condition], *, generation: int, at: datetime
) -> list[dict[str, Any]]:
    """The list for the status: the wanted conditions in their order, each with the time of its last transition."""
    known = {condition["type"]: condition for condition in before}
    return [_entry(condition, known.get(condition.type), generation, at) for condition in wanted]


def found(conditions: Sequence[Mapping[str, Any]], type_: str) -> Mapping[str, Any] | None:
    """The condition of that type in a status."""
    return next((condition for condition in conditions if condition["type"] == type_), None)


def is_true(conditions: Sequence[Mapping[str, Any]], type_: str) -> bool:
    """Whether a status reports this condition as True."""
    return (found(conditions, type_) or {}).get("status") == "True"


def _entry(
    condition: Condition, known: Mapping[str, Any] | None, generation: int, at: datetime
) -> dict[str, Any]:
    same = known is not None and known.get("status") == condition.status
    since = known["lastTransitionTime"] if known is not None and same else stamp(at)
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message[:LONGEST_MESSAGE],
        "observedGeneration": generation if condition.generation is None else condition.generation,
        "lastTransitionTime": since,
    }


def stamp(at: datetime) -> str:
    """A time as Kubernetes writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """The time that Kubernetes wrote."""
    return datetime.fromisoformat(text)
