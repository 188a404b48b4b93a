"""What the API server says of a resource that is never kept: dry runs, as `kubectl apply --dry-run=server` makes them."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from openpanel_operator.resources import CLUSTER, PROJECT, Kind, Resource, parse_cluster, parse_project

Spec = dict[str, Any]
NAMESPACE = "resources"
KINDS = {kind.name: kind for kind in (CLUSTER, PROJECT)}
PARSED: dict[str, Callable[[Mapping[str, Any]], Resource[Any]]] = {
    PROJECT.name: parse_project,
    CLUSTER.name: parse_cluster,
}


def resource(kind: Kind, spec: Spec, *, name: str = "demo", namespace: str = NAMESPACE) -> dict[str, Any]:
    """The resource with that spec."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


def path(kind: Kind, *, namespace: str = NAMESPACE, name: str = "") -> str:
    """Where resources of the kind are."""
    return f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}" + (f"/{name}" if name else "")


def asked(kubernetes: httpx.Client, kind: Kind, spec: Spec, *, name: str = "demo") -> httpx.Response:
    """The answer to making the resource."""
    return kubernetes.post(
        path(kind),
        params={"dryRun": "All", "fieldValidation": "Strict"},
        json=resource(kind, spec, name=name),
    )


def causes(answer: httpx.Response) -> list[tuple[str, str]]:
    """Field and message of everything that the API server refuses; empty when it takes the resource."""
    if answer.is_success:
        return []
    body = answer.json()
    found = [
        (cause.get("field", ""), cause["message"]) for cause in body.get("details", {}).get("causes", ())
    ]
    return found or [("", body["message"])]


def changed(
    kubernetes: httpx.Client, kind: Kind, before: Spec, after: Spec, *, name: str
) -> list[tuple[str, str]]:
    """What is refused of changing a resource from `before` to `after`; the resource is gone afterwards."""
    made = kubernetes.post(path(kind), json=resource(kind, before, name=name))
    made.raise_for_status()
    version = made.json()["metadata"]["resourceVersion"]
    body = resource(kind, after, name=name)
    body["metadata"]["resourceVersion"] = version
    try:
        return causes(kubernetes.put(path(kind, name=name), params={"dryRun": "All"}, json=body))
    finally:
        kubernetes.delete(path(kind, name=name)).raise_for_status()


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> Spec:
    """`base` with `change` laid over it, mapping by mapping."""
    result = dict(base)
    for key, value in change.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
