"""What the API server fills in is what the models fill in, so that both read one resource alike."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from openpanel_operator.resources import CLUSTER, PROJECT, Kind
from tests.operator.resources import full
from tests.operator.resources.asking import PARSED, Spec, asked, resource

SPECS = [
    (PROJECT, {}),
    (PROJECT, {"clients": [{"name": "a", "type": "read", "rotation": {"interval": "30d"}}], "workers": {"max": 9}}),
    (PROJECT, {"ingest": {"mode": "Dedicated", "replicas": {}}, "events": [{"name": "a"}]}),
    (PROJECT, {"filters": [{"type": "event", "value": "x", "conditions": [{"name": "path", "operator": "isNull"}]}]}),
    (PROJECT, full.PROJECT),
    (CLUSTER, {}),
    (CLUSTER, {"clickhouse": {"storage": {}, "keeper": {}}, "exposure": {"hosts": {}}, "images": {}}),
    (CLUSTER, {"exposure": {"type": "Ingress", "hosts": {"api": "a"}, "tls": {"issuer": {"name": "a"}}}}),
    (CLUSTER, {"geo": {"claimName": "a"}, "placement": {"tolerations": [{"key": "a"}]}}),
    *((CLUSTER, spec) for spec in full.CLUSTERS),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "spec"), SPECS)
def test_a_spec_reads_the_same_before_and_after_the_api_server(
    kubernetes: httpx.Client, kind: Kind, spec: Spec
) -> None:
    filled = asked(kubernetes, kind, spec).raise_for_status().json()["spec"]

    assert _read(kind, filled) == _read(kind, spec)


@pytest.mark.parametrize(("kind", "spec"), SPECS)
def test_every_default_is_written_down_by_the_api_server(
    kubernetes: httpx.Client, kind: Kind, spec: Spec
) -> None:
    filled = asked(kubernetes, kind, spec).raise_for_status().json()["spec"]

    wanted = _read(kind, spec).model_dump(by_alias=True, exclude_none=True)
    assert _without_empty(_texts(filled)) == _without_empty(wanted)


def _read(kind: Kind, spec: Spec) -> BaseModel:
    read: BaseModel = PARSED[kind.name](resource(kind, spec)).spec
    return read


def _without_empty(value: Any) -> Any:
    """`value` without empty parts, lists and texts: leaving them out says the same."""
    if isinstance(value, dict):
        kept = {key: _without_empty(below) for key, below in value.items()}
        return {key: below for key, below in kept.items() if below not in ({}, [], "")}
    return [_without_empty(below) for below in value] if isinstance(value, list) else value


def _texts(value: Any, *, key: str = "") -> Any:
    """Quantities that were written as numbers, as the models keep them."""
    if isinstance(value, dict):
        return {name: _texts(below, key=name) for name, below in value.items()}
    if isinstance(value, list):
        return [_texts(below) for below in value]
    return str(value) if key == "cpu" and isinstance(value, int) and value < 10 else value
