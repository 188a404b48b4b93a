"""What the chart does last: the program that lets go of all resources, run with the rights that the chart gives it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import httpx
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
    """Run the Job's container as a process of this machine, with the account's own token; what it prints."""
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
    done = subprocess.run(
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
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def test_everything_of_it_is_a_hook_that_runs_after_the_release_and_leaves_nothing() -> None:
    objects = rendered({}, namespace="analytics")

    notes = [each["metadata"]["annotations"] for each in objects]

    assert {each["helm.sh/hook"] for each in notes} == {"post-delete"}
    assert {each["helm.sh/hook-delete-policy"] for each in notes} == {"before-hook-creation,hook-succeeded"}
    (job,) = of_kind(objects, "Job")
    assert max(notes, key=lambda each: int(each["helm.sh/hook-weight"])) is job["metadata"]["annotations"]


def test_it_may_do_nothing_but_look_and_let_go() -> None:
    rules = [rule for each in rendered({}, namespace="analytics") for rule in each.get("rules", [])]

    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "patch"}
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
