"""Services of a cluster with an external ClickHouse log in with what its Secret has, at a server that asks for it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest

from openpanel.settings import Settings
from openpanel.warehouse import Refused, Warehouse
from openpanel_local.engines.clickhouse import ClickHouse
from openpanel_operator.desired import Object, desired_cluster
from openpanel_operator.desired.credentials import LOGIN, PASSWORD, URL
from tests.operator.desired import cases

PODS = ("Deployment/ingest", "Deployment/api", "Deployment/dashboard", "Deployment/worker", "Job/migrate")
_EXTERNAL: Any = cases.EXTERNAL["clickhouse"]
SECRET: str = _EXTERNAL["external"]["secretName"]


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("inside", [True, False], ids=["in the address", "beside it"])
def test_pod_logs_in(pod: str, inside: bool, clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    read = told(pod, secret_of(clickhouse.url, inside=inside), monkeypatch)

    with Warehouse(read.clickhouse_url, database="system") as warehouse:
        assert warehouse.query("SELECT 1") == [(1,)]


def test_wrong_password_is_refused(clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {**secret_of(clickhouse.url, inside=False), PASSWORD: "another"}

    read = told(PODS[0], secret, monkeypatch)
    with Warehouse(read.clickhouse_url, database="system") as warehouse, pytest.raises(Refused) as refused:
        warehouse.query("SELECT 1")

    assert refused.value.code == 516  # AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ch.example.com:8443", "https://me%40here:p%2F%3Aw%23@ch.example.com:8443"),
        ("https://you:own@ch.example.com", "https://you:own@ch.example.com"),
        ("http://[fd00::1]:8123/", "http://me%40here:p%2F%3Aw%23@[fd00::1]:8123/"),
    ],
)
def test_login_beside_the_address_is_part_of_it(url: str, expected: str) -> None:
    login = {"clickhouse_user": "me@here", "clickhouse_password": "p/:w#"}
    read = Settings.model_validate({"clickhouse_url": url, **login})

    assert read.clickhouse_url == expected


def secret_of(url: str, *, inside: bool) -> dict[str, str]:
    if inside:
        return {URL: url}
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return {URL: bare, LOGIN: unquote(parts.username or ""), PASSWORD: unquote(parts.password or "")}


def told(pod: str, secret: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a pod as the kubelet makes its environment; other Secrets have some text."""
    for each in container(pod)["env"]:
        text = value_of(each, secret)
        if text is not None:
            monkeypatch.setenv(each["name"], text)
    return Settings()


def container(pod: str) -> Object:
    kind, _, component = pod.partition("/")
    facts = cases.cluster_facts()
    objects = desired_cluster(cases.cluster(cases.EXTERNAL), facts=facts)
    (found,) = (body for name, body in cases.of_kind(objects, kind).items() if f"main-{component}" in name)
    return dict(found["spec"]["template"]["spec"]["containers"][0])


def value_of(variable: Mapping[str, Any], secret: Mapping[str, str]) -> str | None:
    if "valueFrom" not in variable:
        return str(variable["value"])
    reference = variable["valueFrom"]["secretKeyRef"]
    if reference["name"] != SECRET:
        return "other"
    if reference.get("optional"):
        return secret.get(reference["key"])
    return secret[reference["key"]]
