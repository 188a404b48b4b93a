"""The plain install, rendered from the chart: `python manifests/render.py` writes it, `--check` says what is stale.

What Helm alone would use is taken out, so that `kubectl apply --server-side -k manifests/install` is the whole of it.
Nothing is decided here: to install differently, patch these files with kustomize or use the chart.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import yaml

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "charts/openpanel"
FOLDER: Final = ROOT / "manifests/install"
RELEASE: Final = "openpanel"
NAMESPACE: Final = "openpanel"
HEAD: Final = "# Rendered from charts/openpanel by `python manifests/render.py`; edit the chart.\n"
HELMS_OWN: Final = ("helm.sh/chart", "app.kubernetes.io/managed-by", "helm.sh/resource-policy")
HOOK: Final = "helm.sh/hook"
FILES: Final[Mapping[str, str]] = {  # kind → file; every other kind is of the operator itself
    "CustomResourceDefinition": "crds.yaml",
    "Role": "rbac.yaml",
    "RoleBinding": "rbac.yaml",
    "ClusterRole": "rbac.yaml",
    "ClusterRoleBinding": "rbac.yaml",
    "ServiceAccount": "rbac.yaml",
}
THE_OPERATOR: Final = "operator.yaml"

Object = dict[str, Any]


def files() -> Mapping[Path, str]:
    """Every file of the plain install with its text."""
    found: dict[str, list[Object]] = {"namespace.yaml": [_namespace()]}
    for each in sorted(_rendered(), key=lambda one: (one["kind"], one["metadata"]["name"])):
        found.setdefault(FILES.get(each["kind"], THE_OPERATOR), []).append(_plain(each))
    found["kustomization.yaml"] = [_kustomization(sorted(found))]
    return {FOLDER / name: HEAD + _yaml(objects) for name, objects in found.items()}


def stale(texts: Mapping[Path, str]) -> list[Path]:
    """The files that say something else, or nothing."""
    return [path for path, text in texts.items() if not path.exists() or path.read_text() != text]


def _rendered() -> Iterator[Object]:
    with helm.Chart.load(CHART) as chart:
        texts = chart.render({}, name=RELEASE, namespace=NAMESPACE)
    for name, text in texts.items():
        if name.endswith(".yaml"):
            yield from (
                each
                for each in yaml.safe_load_all(text)
                if each and HOOK not in each["metadata"].get("annotations", {})
            )


def _plain(value: Any) -> Any:
    """`value` without what only Helm reads, at any depth: labels are in templates of pods, too."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _plain(below) for key, below in value.items() if key not in HELMS_OWN}
    return {key: below for key, below in kept.items() if below or key != "annotations"}


def _namespace() -> Object:
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _kustomization(names: list[str]) -> Object:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": names,
    }


class _Plain(yaml.SafeDumper):
    """No anchors: labels that are used twice are written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - given by the library
        return True


def _yaml(objects: list[Object]) -> str:
    return yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


def main(arguments: list[str]) -> int:
    """0: every file is as the chart says."""
    texts = files()
    outdated = stale(texts)
    if "--check" in arguments:
        for path in outdated:
            print(  # noqa: T201 - a command for people
                f"{path.relative_to(ROOT)} does not match the chart: run `python manifests/render.py`",
                file=sys.stderr,
            )
        return 1 if outdated else 0
    FOLDER.mkdir(exist_ok=True)
    for path in outdated:
        path.write_text(texts[path])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
