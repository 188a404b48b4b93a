"""Definitions of kinds that others bring, as far as the operator must know them: any spec is taken, nothing acts on it."""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from openpanel_operator.kube import Kind
from openpanel_operator.kube.kinds import OPTIONAL

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WITHIN_S = 100.0
ASK_AGAIN_S = 0.05


@contextlib.contextmanager
def installed(client: httpx.Client, kinds: Iterable[Kind] = OPTIONAL) -> Iterator[None]:
    """The API server serves these kinds until the end of the block, and then no more."""
    wanted = tuple(kinds)
    for kind in wanted:
        install(client, kind)
    try:
        yield
    finally:
        for kind in wanted:
            take_away(client, kind)


def install(client: httpx.Client, kind: Kind) -> None:
    """Serve the kind."""
    client.patch(
        f"{DEFINITIONS}/{_name(kind)}",
        params={"fieldManager": "tests", "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        content=json.dumps(_definition(kind)),
    ).raise_for_status()
    _until_served(client, kind, served=True)


def take_away(client: httpx.Client, kind: Kind) -> None:
    """Serve it no more; its objects are gone, too."""
    client.delete(f"{DEFINITIONS}/{_name(kind)}").raise_for_status()
    _until_served(client, kind, served=False)


def _until_served(client: httpx.Client, kind: Kind, *, served: bool) -> None:
    deadline = time.monotonic() + WITHIN_S
    while {_is_named(client, kind), client.get(kind.path()).is_success} != {served}:
        assert time.monotonic() < deadline, f"{kind.name}: served is not {served}"
        time.sleep(ASK_AGAIN_S)


def _is_named(client: httpx.Client, kind: Kind) -> bool:
    """By discovery, which is what the operator asks."""
    root = client.get(kind.root)
    return root.is_success and any(each["name"] == kind.plural for each in root.json()["resources"])


def _name(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}"


def _definition(kind: Kind) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": _name(kind),
            # Asked for by the API server where the group is one of Kubernetes' own.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"kind": kind.name, "plural": kind.plural, "singular": kind.name.lower()},
            "versions": [
                {
                    "name": kind.api_version.rpartition("/")[2],
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                    "subresources": {"status": {}},
                }
            ],
        },
    }
