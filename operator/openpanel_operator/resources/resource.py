"""A resource as the API server knows it: who it is, what is wanted of it and what was last reported.

Made by `project.parse_project` and `cluster.parse_cluster`. Knows no API server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from openpanel.tenancy import refusals
from openpanel.tenancy.manifest import GROUP, VERSION
from openpanel_operator.resources.forms import MEANINGS

FINALIZER: Final = f"{GROUP}/cleanup"

SpecT = TypeVar("SpecT", bound=BaseModel)
ModelT = TypeVar("ModelT", bound=BaseModel)


class InvalidSpec(Exception):
    """The API server took a spec that nothing can be made of; `path` says where, `reason` what would be right."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource of ours, as the API server and people call it."""

    name: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    api_version: str = f"{GROUP}/{VERSION}"


PROJECT: Final = Kind("AnalyticsProject", "analyticsprojects", "analyticsproject", ("aproj",))
CLUSTER: Final = Kind("PanelCluster", "panelclusters", "panelcluster", ("panel",))


@dataclass(frozen=True, slots=True)
class Resource(Generic[SpecT]):
    """One resource; `status` is what was reported last, as it stands there."""

    name: str
    namespace: str
    uid: str
    generation: int
    deleting: bool
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    spec: SpecT
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Body:
    """Where `refusals` is told that a fault stands; a resource is one document."""

    source: str
    number: int = 1


def read(body: Mapping[str, Any], *, model: type[SpecT]) -> Resource[SpecT]:
    """The resource in `body`; raises `InvalidSpec` for the first fault of its spec."""
    metadata = body["metadata"]
    return Resource(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        deleting="deletionTimestamp" in metadata,
        annotations=dict(metadata.get("annotations") or {}),
        labels=dict(metadata.get("labels") or {}),
        spec=validated(model, dict(body.get("spec") or {}), below="spec"),
        status=dict(body.get("status") or {}),
    )


def validated(model: type[ModelT], value: Mapping[str, Any], *, below: str = "") -> ModelT:
    """`value` as `model`; raises `InvalidSpec` with the place of the first fault, counted from `below`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = refusals.explain(error, document=_Body(below), root=model, meanings=MEANINGS)[0]
    at = first.path.removesuffix(".[key]")  # a wrong key of a map is its own place
    path = f"{below}.{at}" if below and at else below or at
    raise InvalidSpec(path, f"{first.reason}; expected {first.expected}")
