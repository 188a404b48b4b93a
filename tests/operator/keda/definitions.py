"""KEDA's own definitions of its kinds, out of its Go module (`go.mod` here says which version): three megabytes."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

HERE = Path(__file__).parent
MODULE = "github.com/kedacore/keda/v2"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WITHIN_S = 100.0
DOWNLOAD_WITHIN_S = 200
ASK_AGAIN_S = 0.05

Definition = dict[str, Any]


def definitions() -> list[Definition]:
    """All that KEDA brings; downloaded once, checked against `go.sum`."""
    asked = ["go", "mod", "download", "-json", MODULE]
    told = subprocess.run(asked, cwd=HERE, check=True, capture_output=True, timeout=DOWNLOAD_WITHIN_S)
    folder = Path(json.loads(told.stdout)["Dir"]) / "config" / "crd" / "bases"
    return [yaml.safe_load(path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))]


def install(client: httpx.Client, wanted: Iterable[Definition]) -> None:
    """The API server serves these kinds."""
    found = list(wanted)
    for definition in found:
        client.patch(
            _path(definition),
            params={"fieldManager": "tests", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(definition),
        ).raise_for_status()
    _until_served(client, found, served=True)


@contextlib.contextmanager
def installed(client: httpx.Client, wanted: Iterable[Definition]) -> Iterator[None]:
    """The same until the end of the block; not where KEDA runs, whose finalizers only KEDA takes away."""
    found = list(wanted)
    install(client, found)
    try:
        yield
    finally:
        for definition in found:
            client.delete(_path(definition)).raise_for_status()
        _until_served(client, found, served=False)


def _until_served(client: httpx.Client, wanted: list[Definition], *, served: bool) -> None:
    deadline = time.monotonic() + WITHIN_S
    while any(_is_served(client, each) != {served} for each in wanted):
        assert time.monotonic() < deadline, [each["metadata"]["name"] for each in wanted]
        time.sleep(ASK_AGAIN_S)


def _is_served(client: httpx.Client, definition: Definition) -> set[bool]:
    """What discovery says, and what its objects say; for a moment they may differ."""
    spec = definition["spec"]
    root = f"/apis/{spec['group']}/{spec['versions'][0]['name']}"
    plural = spec["names"]["plural"]
    listed = client.get(root)
    is_named = listed.is_success and any(each["name"] == plural for each in listed.json()["resources"])
    return {is_named, client.get(f"{root}/{plural}").is_success}


def _path(definition: Definition) -> str:
    return f"{DEFINITIONS}/{definition['metadata']['name']}"
