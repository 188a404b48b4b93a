"""Specs made at random: what the models take the API server takes, and what the one refuses the other refuses."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpanel_operator.resources import CLUSTER, PROJECT, InvalidSpec, Kind
from openpanel_operator.resources.crds import cluster_crd, project_crd
from tests.operator.resources.asking import PARSED, Spec, asked, causes, resource
from tests.operator.resources.schemas import Schema, root

NETWORKS = st.sampled_from(
    [
        "10.0.0.0/8",
        "192.0.2.7",
        "::1",
        "2001:db8::/32",
        "10.0.0.1/8",
        "::ffff:10.0.0.1",
        "10.0.0.0/08",
        "office",
    ]
)
KEYS = st.sampled_from(["a", "example.com/pool", "max_threads", "a b", "-", "", "A.b", "a" * 318])
CHOSEN = {  # values that a pattern alone would hardly ever make good or bad
    "timeZone": st.sampled_from(["UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "../etc"]),
    "trustedSenders[]": NETWORKS,
    "trustedProxies[]": NETWORKS,
    "filters[].value": st.one_of(NETWORKS, st.sampled_from(["screen_view", "*"])),
    "conditions[].values[]": st.sampled_from(["1", "-1.5e3", ".5", "1.", "1_000", "inf", " 1", "many"]),
    "interval": st.sampled_from(["1h", "59m", "1d", "3600s", "90d", "1d12h", "0s", "12h1d"]),
    "overlap": st.sampled_from(["1h", "24h", "1m", "86400s", "0s", "1d", "1w"]),
    "duration": st.sampled_from(["9m", "10m", "2h", "1d", "25h", "24h", "0s", "1w"]),
    "windows[].start": st.sampled_from(["02:00", "23:59", "24:00", "2:00", "02:60", "noon"]),
    "snapshots.url": st.sampled_from(
        ["https://s3.example.com/bucket/a", "http://minio:9000/b", "https://bucket.s3.example.com", "https://minio", "s3://b/a", "https://u:p@s3.example.com/b", "https://s3.example.com/b/"]
    ),
    "secretName": st.sampled_from(["one", "two", "a.b", "A"]),
}  # fmt: skip
QUANTITIES = st.one_of(
    st.integers(0, 4), st.sampled_from(["250m", "0.5", "1", "2", "1500m", "64Mi", "1Gi", "1G", "1.5Gi", "a lot", "1 Gi"])
)  # fmt: skip


def values(node: Schema, *, path: str) -> st.SearchStrategy[Any]:
    """Values that are mostly in bounds, taken one by one, and seldom agree with one another by design."""
    for end, chosen in CHOSEN.items():
        if path.endswith(end):
            return chosen
    if "x-kubernetes-int-or-string" in node:
        return QUANTITIES
    if "enum" in node:
        return st.sampled_from(node["enum"])
    return MAKERS[node["type"]](node, path)


def _objects(node: Schema, path: str) -> st.SearchStrategy[Any]:
    if "additionalProperties" in node:
        return st.dictionaries(KEYS, values(node["additionalProperties"], path=f"{path}{{}}"), max_size=3)
    fields = {name: values(below, path=f"{path}.{name}") for name, below in node["properties"].items()}
    required = {name: fields.pop(name) for name in node.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


def _lists(node: Schema, path: str) -> st.SearchStrategy[Any]:
    few = min(3, node.get("maxItems", 3))
    return st.lists(values(node["items"], path=f"{path}[]"), min_size=node.get("minItems", 0), max_size=few)


def _texts(node: Schema, _path: str) -> st.SearchStrategy[Any]:
    longest = node.get("maxLength", 60)
    if "pattern" in node:
        return st.from_regex(node["pattern"], fullmatch=True).map(lambda text: text[:longest])
    return st.text(st.characters(codec="utf-8"), max_size=min(longest, 20))


def _numbers(node: Schema, _path: str) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.integers(node["minimum"], min(node["maximum"], node["minimum"] + 5)),
        st.integers(node["minimum"], node["maximum"]),
    )


MAKERS: dict[str, Callable[[Schema, str], st.SearchStrategy[Any]]] = {
    "object": _objects,
    "array": _lists,
    "string": _texts,
    "integer": _numbers,
    "boolean": lambda _node, _path: st.booleans(),
}


def specs(definition: Schema) -> st.SearchStrategy[Spec]:
    """One part of a spec at a time, so that good ones are as frequent as bad ones."""
    parts = root(definition)["properties"]["spec"]["properties"]
    made = {name: values(part, path=name) for name, part in parts.items()}
    return st.sampled_from(sorted(made)).flatmap(lambda name: made[name].map(lambda value: {name: value}))


@pytest.mark.parametrize(
    ("kind", "definition"), [(PROJECT, project_crd()), (CLUSTER, cluster_crd())], ids=["project", "cluster"]
)
def test_models_and_api_server_agree(kubernetes: httpx.Client, kind: Kind, definition: Schema) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(specs(definition))
    def check(spec: Spec) -> None:
        refused = _refused_by_models(kind, spec)

        assert bool(causes(asked(kubernetes, kind, spec))) == bool(refused), (json.dumps(spec), refused)

    check()


def _refused_by_models(kind: Kind, spec: Spec) -> str:
    try:
        PARSED[kind.name](resource(kind, spec))
    except InvalidSpec as refused:
        return str(refused)
    return ""
