"""Kubernetes objects as they travel: dictionaries, with functions for what all of them have. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from openpanel_operator.kube.kinds import Kind, kind_of

Object = dict[str, Any]


class Ref(NamedTuple):
    """Which object."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}"


def ref_of(body: Mapping[str, Any], *, kind: Kind | None = None) -> Ref:
    """Which object this is; `kind` for items of a list, which do not say it themselves."""
    meta = body["metadata"]
    return Ref(kind or kind_of(body["apiVersion"], body["kind"]), meta.get("namespace", ""), meta["name"])


def version(body: Mapping[str, Any]) -> int:
    """The version of the object; later ones are larger."""
    text = str(body["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 0


def labels(body: Mapping[str, Any]) -> Mapping[str, str]:
    """The object's labels."""
    return body["metadata"].get("labels") or {}


def annotations(body: Mapping[str, Any]) -> Mapping[str, str]:
    """The object's annotations."""
    return body["metadata"].get("annotations") or {}


def is_deleting(body: Mapping[str, Any]) -> bool:
    """Whether the object is on its way out."""
    return "deletionTimestamp" in body["metadata"]
