"""A real etcd and kube-apiserver on free loopback ports: schema, CEL, server-side apply and RBAC as they are.

There is no controller and no kubelet behind it: nothing is scheduled, collected or started.
"""

import contextlib
import json
import secrets
import signal
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from openpanel_local.engines import Command, free_port
from openpanel_local.engines.process import running

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
KNOWN_WITHIN_S = 100.0
ASK_AGAIN_S = 0.05
SELDOM_COLLECTED = {
    "GOGC": "400"
}  # memory for work: it serves for minutes, and little of what it makes stays


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where the API server answers, as its administrator."""

    url: str
    token: str
    ca_file: Path
    kubeconfig: Path

    def client(self, *, token: str = "") -> httpx.Client:
        """An HTTP client with that token, else the administrator's; to be closed."""
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token or self.token}"},
            verify=ssl.create_default_context(cafile=self.ca_file),
            timeout=60,
        )


@contextlib.contextmanager
def api_server_running(folder: Path, *, binaries: Path) -> Iterator[ApiServer]:
    """Start etcd and the API server with their data in `folder`, yield, stop both."""
    port, etcd_port = free_port(), free_port()
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    server = ApiServer(
        url=f"https://127.0.0.1:{port}",
        token=token,
        ca_file=folder / "certificates/apiserver.crt",
        kubeconfig=folder / "kubeconfig",
    )
    etcd = _etcd(folder, binaries=binaries, port=etcd_port)
    kubernetes = _kube_apiserver(folder, binaries=binaries, port=port, etcd_port=etcd_port)
    with running(etcd, ready=lambda: _etcd_answers(etcd_port)), running(
        kubernetes, ready=lambda: _api_answers(server)
    ):  # fmt: skip
        server.kubeconfig.write_text(json.dumps(_kubeconfig(server)))
        yield server


def apply_crds(server: ApiServer) -> None:
    """Make the kinds of `crds/` known, and wait until the server serves them."""
    with server.client() as client:
        for file in sorted(CRDS.glob("*.yaml")):
            _apply_crd(client, yaml.safe_load(file.read_text()))


def until_granted(server: ApiServer, objects: Sequence[dict[str, Any]], *, token: str) -> None:
    """Wait until whoever has the token may do all that the roles among these objects say: it is not known at once."""
    roles = {_place(each["kind"], each): each["rules"] for each in objects if "rules" in each}
    with server.client(token=token) as client:
        for each in (one for one in objects if "roleRef" in one):
            rules = roles[_place(each["roleRef"]["kind"], each, name=each["roleRef"]["name"])]
            namespace = each["metadata"].get("namespace", "default")
            deadline = time.monotonic() + KNOWN_WITHIN_S
            while not all(rule in _granted(client, namespace=namespace) for rule in rules):
                assert time.monotonic() < deadline, each["metadata"]["name"]
                time.sleep(ASK_AGAIN_S)


def _place(kind: str, each: dict[str, Any], *, name: str = "") -> tuple[str, str, str]:
    """A role by its kind, namespace and name."""
    meta = each["metadata"]
    return kind, meta["namespace"] if kind == "Role" else "", name or meta["name"]


def _granted(client: httpx.Client, *, namespace: str) -> list[dict[str, Any]]:
    """Every rule that is known of the client's account there."""
    review = {"spec": {"namespace": namespace}}
    answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", json=review)
    rules: list[dict[str, Any]] = answer.raise_for_status().json()["status"]["resourceRules"]
    return rules


def _apply_crd(client: httpx.Client, crd: dict[str, Any]) -> None:
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    client.patch(
        path,
        params={"fieldManager": "tests", "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        content=json.dumps(crd),
    ).raise_for_status()
    deadline = time.monotonic() + KNOWN_WITHIN_S
    while not _is_served(client, crd["spec"]):
        assert time.monotonic() < deadline, client.get(path).text
        time.sleep(ASK_AGAIN_S)


def _is_served(client: httpx.Client, spec: dict[str, Any]) -> bool:
    """Also by discovery, which comes after the objects: kopf looks there once, and Helm, too."""
    groups = client.get("/apis").raise_for_status().json()["groups"]
    root, plural = f"/apis/{spec['group']}/{spec['versions'][0]['name']}", spec["names"]["plural"]
    listed = client.get(root)
    return (
        any(each["name"] == spec["group"] for each in groups)
        and listed.is_success
        and any(each["name"] == plural for each in listed.json()["resources"])
        and client.get(f"{root}/{plural}").is_success
    )


def _etcd(folder: Path, *, binaries: Path, port: int) -> Command:
    peer = f"http://127.0.0.1:{free_port()}"
    client = f"http://127.0.0.1:{port}"
    options = {
        "data-dir": folder / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "log-level": "error",
    }
    argv = [str(binaries / "etcd"), "--unsafe-no-fsync", *_options(options)]
    return _command("etcd", argv, folder=folder)


def _kube_apiserver(folder: Path, *, binaries: Path, port: int, etcd_port: int) -> Command:
    key = folder / "certificates/apiserver.key"  # made by the server itself before it reads its options
    options = {
        "etcd-servers": f"http://127.0.0.1:{etcd_port}",
        "secure-port": port,
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",
        "cert-dir": folder / "certificates",
        "token-auth-file": folder / "tokens.csv",
        "service-cluster-ip-range": "10.0.0.0/16",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": key,
        "service-account-signing-key-file": key,
        "authorization-mode": "RBAC",
        "disable-admission-plugins": "ServiceAccount",
        "allow-privileged": "true",
        # One client, whose calls nobody has to queue fairly: both would be a seventh of the server's work.
        "enable-priority-and-fairness": "false",
        "profiling": "false",
    }
    argv = [str(binaries / "kube-apiserver"), *_options(options)]
    return _command("kube-apiserver", argv, folder=folder)


def _command(name: str, argv: list[str], *, folder: Path) -> Command:
    log = folder / f"{name}.log"
    return Command(name, tuple(argv), cwd=folder, log=log, stop_signal=signal.SIGTERM, env=SELDOM_COLLECTED)


def _options(options: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _etcd_answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").is_success
    except httpx.TransportError:
        return False


def _api_answers(server: ApiServer) -> bool:
    if not server.ca_file.exists():
        return False
    try:
        with server.client() as client:
            return client.get("/readyz").is_success
    except (httpx.TransportError, ssl.SSLError):  # also a certificate that is being written
        return False


def _kubeconfig(server: ApiServer) -> dict[str, Any]:
    context = {"cluster": "tests", "user": "admin", "namespace": "default"}
    cluster = {"server": server.url, "certificate-authority": str(server.ca_file)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": context}],
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": server.token}}],
    }
