"""What the chart does last: the program that lets go of all resources, run with the rights that the chart gives it."""

import os
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import httpx
import pytest
import yaml

from openpanel_operator.resources import CLUSTER, PROJECT, Kind
from openpanel_operator.resources.resource import FINALIZER
from tests.operator.control_plane import ApiServer, until_granted

CHART: Final = Path(__file__).parents[3] / "charts" / "openpanel"
RUNBOOK: Final = CHART.parents[1] / "docs" / "uninstall.md"
FOREIGN: Final = "example.com/backup"
PLACES: Final = {
    "ServiceAccount": "/api/v1/{}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}

Object = dict[str, Any]


def rendered(values: Object, *, release: str = "panel", namespace: str) -> list[Object]:
    """The hook's objects."""
    with helm.Chart.load(CHART) as chart:
        files = chart.render(values, name=release, namespace=namespace)
    texts = [text for name, text in files.items() if name.endswith("templates/uninstall.yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [each for each in objects if each["kind"] == kind]


def make_namespaces(kubernetes: httpx.Client, *names: str) -> None:
    for name in names:
        kubernetes.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()


def make(kubernetes: httpx.Client, kind: Kind, name: str, *, namespace: str) -> str:
    """A resource with the operator's finalizer and somebody else's; its path."""
    metadata = {"name": name, "namespace": namespace, "finalizers": [FINALIZER, FOREIGN]}
    spec = {"clickhouse": {"engine": "Embedded"}} if kind is CLUSTER else {}
    where = f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}"
    body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
    kubernetes.post(where, json=body).raise_for_status()
    return f"{where}/{name}"


def install(kubernetes: httpx.Client, objects: list[Object]) -> None:
    """Make the account and its rights; there is nobody here who would run the Job."""
    for each in objects:
        if each["kind"] != "Job":
            where = PLACES[each["kind"]].format(f"namespaces/{each['metadata'].get('namespace')}")
            kubernetes.post(where, json=each).raise_for_status()


def run(
    server: ApiServer, kubernetes: httpx.Client, job: Object, folder: Path, *, rights: list[Object]
) -> str:
    """Run the Job's container as a process of this machine; what it prints once all is let go."""
    done = tried(server, kubernetes, job, folder, rights=rights)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tried(
    server: ApiServer, kubernetes: httpx.Client, job: Object, folder: Path, *, rights: list[Object]
) -> subprocess.CompletedProcess[str]:
    """What became of the Job's container, with the account's own token."""
    spec, namespace = job["spec"]["template"]["spec"], job["metadata"]["namespace"]
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/{spec['serviceAccountName']}"
    answer = kubernetes.post(f"{account}/token", json={"spec": {"expirationSeconds": 600}})
    answer.raise_for_status()
    token = answer.json()["status"]["token"]
    until_granted(server, rights, token=token)
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_text(server.ca_file.read_text())
    (container,) = spec["containers"]
    address = httpx.URL(server.url)
    return subprocess.run(
        [sys.executable, *container["command"][1:], *container["args"]],
        env={
            **os.environ,
            **{each["name"]: each["value"] for each in container["env"]},
            "KUBERNETES_SERVICE_HOST": address.host,
            "KUBERNETES_SERVICE_PORT": str(address.port),
            "ACCOUNT_FOLDER": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def finalizers(kubernetes: httpx.Client, path: str) -> list[str]:
    return list(kubernetes.get(path).raise_for_status().json()["metadata"].get("finalizers", []))


def test_everything_is_let_go_wherever_it_is_and_finalizers_of_others_stay(
    api_server: ApiServer, kubernetes: httpx.Client, tmp_path: Path
) -> None:
    make_namespaces(kubernetes, "gone", "gone-tenant")
    paths = [
        make(kubernetes, CLUSTER, "panel", namespace="gone"),
        make(kubernetes, PROJECT, "shop", namespace="gone"),
        make(kubernetes, PROJECT, "gamma", namespace="gone-tenant"),
    ]
    objects = rendered({}, release="everywhere", namespace="gone")
    install(kubernetes, objects)

    printed = run(api_server, kubernetes, of_kind(objects, "Job")[0], tmp_path, rights=objects)

    assert [finalizers(kubernetes, path) for path in paths] == [[FOREIGN]] * 3
    assert all(f"{path}: let go" in printed for path in paths)


def test_a_resource_that_is_being_deleted_goes(
    api_server: ApiServer, kubernetes: httpx.Client, tmp_path: Path
) -> None:
    make_namespaces(kubernetes, "waiting")
    path = make(kubernetes, PROJECT, "shop", namespace="waiting")
    own = {"metadata": {"finalizers": [FINALIZER]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    kubernetes.patch(path, json=own, headers=headers).raise_for_status()
    kubernetes.delete(path).raise_for_status()
    assert finalizers(kubernetes, path) == [FINALIZER]
    objects = rendered({}, release="late", namespace="waiting")
    install(kubernetes, objects)

    run(api_server, kubernetes, of_kind(objects, "Job")[0], tmp_path, rights=objects)

    assert kubernetes.get(path).status_code == 404


def test_where_namespaces_are_named_no_other_is_touched(
    api_server: ApiServer, kubernetes: httpx.Client, tmp_path: Path
) -> None:
    make_namespaces(kubernetes, "watched-a", "watched-b", "unwatched", "of-the-operator")
    watched = [make(kubernetes, PROJECT, "shop", namespace=name) for name in ("watched-a", "watched-b")]
    other = make(kubernetes, PROJECT, "shop", namespace="unwatched")
    values = {"operator": {"watchNamespaces": ["watched-a", "watched-b"]}}
    objects = rendered(values, release="named", namespace="of-the-operator")
    assert not of_kind(objects, "ClusterRole")
    install(kubernetes, objects)

    run(api_server, kubernetes, of_kind(objects, "Job")[0], tmp_path, rights=objects)

    assert [finalizers(kubernetes, path) for path in watched] == [[FOREIGN]] * 2
    assert finalizers(kubernetes, other) == [FINALIZER, FOREIGN]


def test_one_that_is_refused_is_named_and_all_others_are_let_go(
    api_server: ApiServer, kubernetes: httpx.Client, tmp_path: Path
) -> None:
    make_namespaces(kubernetes, "refusing")
    names = ("alpha", "beta", "gamma")
    paths = [make(kubernetes, PROJECT, name, namespace="refusing") for name in names]
    cluster = make(kubernetes, CLUSTER, "panel", namespace="refusing")
    objects = rendered(
        {"operator": {"watchNamespaces": ["refusing"]}}, release="refused", namespace="refusing"
    )
    (resources,) = (
        each for each in of_kind(objects, "Role") if each["metadata"]["name"].endswith("-resources")
    )
    (rule,) = resources["rules"]
    resources["rules"] = [
        {**rule, "verbs": ["list"]},
        {**rule, "verbs": ["patch"], "resourceNames": ["beta", "gamma", "panel"]},
    ]
    install(kubernetes, objects)

    done = tried(api_server, kubernetes, of_kind(objects, "Job")[0], tmp_path, rights=objects)

    assert done.returncode == 1
    (named,) = done.stderr.splitlines()
    assert named.startswith(f"{paths[0]}: not let go: 403 ")
    assert [finalizers(kubernetes, path) for path in (*paths[1:], cluster)] == [[FOREIGN]] * 3
    assert finalizers(kubernetes, paths[0]) == [FINALIZER, FOREIGN]


def test_namespace_that_may_not_be_looked_into_keeps_no_other(
    api_server: ApiServer, kubernetes: httpx.Client, tmp_path: Path
) -> None:
    make_namespaces(kubernetes, "closed", "open")
    paths = [make(kubernetes, PROJECT, "shop", namespace=name) for name in ("closed", "open")]
    values = {"operator": {"watchNamespaces": ["closed", "open"]}}
    objects = rendered(values, release="half", namespace="open")
    rights = [
        each for each in objects if (each["kind"], each["metadata"]["namespace"]) != ("RoleBinding", "closed")
    ]
    install(kubernetes, rights)

    done = tried(api_server, kubernetes, of_kind(objects, "Job")[0], tmp_path, rights=rights)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2, "one line for each kind"
    assert [finalizers(kubernetes, path) for path in paths] == [[FINALIZER, FOREIGN], [FOREIGN]]


@dataclass
class Told:
    """An API server that answers from what it is given, in place of the program's own calls."""

    refusals: list[Exception] = field(default_factory=list)
    pages: list[list[str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    written: list[Object] = field(default_factory=list)
    version: int = 1

    def __call__(self, method: str, path: str, body: Object | None = None) -> Object:
        self.calls.append(f"{method} {path}")
        if body is not None:
            if self.refusals:
                raise self.refusals.pop(0)
            self.written.append(body["metadata"])
            return {}
        if "/pods" in path or "/panelclusters" in path:
            return {"items": []}
        begun = path.partition("continue=")[2] or "0"
        self.version += 1
        more = str(int(begun) + 1) if int(begun) + 1 < len(self.pages) else ""
        return {
            "metadata": {"continue": more},
            "items": [{"metadata": self._meta(name)} for name in self.pages[int(begun)]],
        }

    def _meta(self, name: str) -> Object:
        finalizers = [FINALIZER, FOREIGN, f"example.com/seen-{self.version}"]
        version = str(self.version)
        return {"namespace": "a", "name": name, "finalizers": finalizers, "resourceVersion": version}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program itself, which waits for nothing."""
    told = {"KUBERNETES_SERVICE_HOST": "", "KUBERNETES_SERVICE_PORT": "", "OPERATOR_PODS": "/api/v1/pods"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    loaded = runpy.run_path(str(CHART / "files" / "let_go.py"), run_name="let_go")
    names = loaded["main"].__globals__
    monkeypatch.setitem(names, "PAUSE_S", 0.0)
    return names


def test_each_costs_one_call_beside_the_pages_that_list_them(program: Any) -> None:
    server = program["ask"] = Told(pages=[["alpha", "beta"], ["gamma"]])

    assert program["main"]([]) == 0

    assert [call.partition("/")[0].strip() for call in server.calls].count("PATCH") == 3
    assert len(server.calls) == 3 + 4, "besides: the operator's pods, two pages of projects, one of clusters"


@pytest.mark.parametrize("code", [0, 409, 429, 503])
def test_one_that_is_refused_for_now_is_read_again_and_let_go(program: Any, code: int) -> None:
    server = program["ask"] = Told(pages=[["shop"]], refusals=[program["Refused"](code, "not now")])

    assert program["main"]([]) == 0

    kept = [FOREIGN, "example.com/seen-3"]
    assert server.written == [{"finalizers": kept, "resourceVersion": "3"}], (
        "as it was listed the second time"
    )


def test_it_has_time_for_thousands() -> None:
    (job,) = of_kind(rendered({}, namespace="analytics"), "Job")

    assert job["spec"]["activeDeadlineSeconds"] == 15 * 60
    assert "`helm uninstall … --timeout 15m`" in RUNBOOK.read_text("utf-8")


def test_everything_of_it_is_a_hook_that_runs_after_the_release_and_leaves_nothing() -> None:
    objects = rendered({}, namespace="analytics")

    notes = [each["metadata"]["annotations"] for each in objects]

    assert {each["helm.sh/hook"] for each in notes} == {"post-delete"}
    assert {each["helm.sh/hook-delete-policy"] for each in notes} == {"before-hook-creation,hook-succeeded"}
    (job,) = of_kind(objects, "Job")
    assert max(notes, key=lambda each: int(each["helm.sh/hook-weight"])) is job["metadata"]["annotations"]


def test_it_may_do_nothing_but_look_and_let_go() -> None:
    rules = [rule for each in rendered({}, namespace="analytics") for rule in each.get("rules", [])]

    assert {verb for rule in rules for verb in rule["verbs"]} == {"list", "patch"}
    assert {kind for rule in rules for kind in rule["resources"]} == {
        "pods", "panelclusters", "analyticsprojects"
    }  # fmt: skip


def test_its_pod_meets_the_restricted_security_level() -> None:
    (job,) = of_kind(rendered({}, namespace="analytics"), "Job")
    pod = job["spec"]["template"]["spec"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_it_can_be_left_out() -> None:
    assert rendered({"uninstall": {"letGo": False}}, namespace="analytics") == []
    assert rendered({"uninstall": {"letGo": False}, "rbac": {"create": False}}, namespace="analytics") == []


def test_an_account_of_ones_own_with_the_rights_that_the_runbook_lists_lets_go(
    api_server: ApiServer, kubernetes: httpx.Client, tmp_path: Path
) -> None:
    make_namespaces(kubernetes, "openpanel-system")
    path = make(kubernetes, PROJECT, "shop", namespace="openpanel-system")
    (rights,) = (text for text in re.findall(r"```yaml\n(.*?)```", RUNBOOK.read_text("utf-8"), re.DOTALL))
    own = list(yaml.safe_load_all(rights))
    install(kubernetes, own)
    values = {"rbac": {"create": False}, "uninstall": {"serviceAccount": "let-go"}}
    objects = rendered(values, release="own-rights", namespace="openpanel-system")
    assert [each["kind"] for each in objects] == ["Job"]

    run(api_server, kubernetes, objects[0], tmp_path, rights=own)

    assert finalizers(kubernetes, path) == [FOREIGN]
