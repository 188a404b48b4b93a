"""The CustomResourceDefinitions of both kinds, and the files that hold them: `crds/` and its copies in the chart.

Pure: models in, texts out. `__main__` writes the files or says which are stale.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from openpanel.tenancy.manifest import GROUP, VERSION
from openpanel.tenancy.spec import AnalyticsProjectSpec
from openpanel_operator.resources import cluster_rules, project_rules, status
from openpanel_operator.resources.cluster import PanelClusterSpec
from openpanel_operator.resources.resource import CLUSTER, PROJECT, Kind
from openpanel_operator.resources.rules import Rule, Rules, Schema
from openpanel_operator.resources.schema import structural

CATEGORY: Final = "openpanel"
ROOT: Final = Path(__file__).parents[3]
HEAD: Final = "# Generated from the models by `python -m openpanel_operator.resources`; edit those.\n"
_STATUS_RULES: Final = Rules(
    keys={
        (status.AnalyticsProjectStatus, "conditions"): "type",
        (status.AnalyticsProjectStatus, "clients"): "name",
        (status.PanelClusterStatus, "conditions"): "type",
        (status.ClickHouseFigures, "nodes"): "name",
    }
)
_SCALE: Final = {
    "specReplicasPath": ".spec.workers.replicas",
    "statusReplicasPath": ".status.workers.replicas",
    "labelSelectorPath": ".status.workers.selector",
}


def project_crd() -> Schema:
    """The definition of `AnalyticsProject`."""
    schema = _schema(
        "One tenant of the platform: who may send, how it is kept and who may read.",
        spec=structural(AnalyticsProjectSpec, rules=project_rules.PROJECT_RULES),
        status=structural(status.AnalyticsProjectStatus, rules=_STATUS_RULES),
        rules=project_rules.ROOT,
        longest_name=project_rules.LONGEST_NAME,
    )
    columns = [
        _condition_column("Ready", "status"),
        _column("Ingest", ".spec.ingest.mode", description="Shared, or dedicated pods."),
        _column("Workers", ".status.workers.replicas", type_="integer", description="Workers of its own."),
        _column("Queued", ".status.workers.queued", type_="integer", description="Events that wait."),
        _column("Clients", ".status.clientCount", type_="integer", description="Sets of credentials."),
        _column("Cluster", ".status.cluster.name", priority=1, description="PanelCluster that serves it."),
        _column("URL", ".status.ingestUrl", priority=1, description="Where events are sent."),
        _condition_column("Message", "message"),
        _column("Age", ".metadata.creationTimestamp", type_="date", description="Since when it is there."),
    ]
    return _crd(PROJECT, schema=schema, columns=columns, subresources={"status": {}, "scale": _SCALE})


def cluster_crd() -> Schema:
    """The definition of `PanelCluster`."""
    schema = _schema(
        "The platform that projects live on: images, stores, services and ways in.",
        spec=structural(PanelClusterSpec, rules=cluster_rules.CLUSTER_RULES),
        status=structural(status.PanelClusterStatus, rules=_STATUS_RULES),
        rules=cluster_rules.ROOT,
        longest_name=cluster_rules.LONGEST_NAME,
    )
    columns = [
        _condition_column("Ready", "status"),
        _column("Version", ".status.version", description="Version that every service runs."),
        _column("Engine", ".spec.clickhouse.engine", description="Where events are kept."),
        _column("Shards", ".spec.clickhouse.shards", type_="integer", description="Shards of ClickHouse."),
        _column("Projects", ".status.projects", type_="integer", description="Projects that it serves."),
        _column("Workers", ".status.workers.replicas", type_="integer", description="Shared workers."),
        _column("Queued", ".status.workers.queued", type_="integer", description="Events that wait."),
        _column("URL", ".status.ingestUrl", priority=1, description="Where events are sent."),
        _condition_column("Message", "message"),
        _column("Age", ".metadata.creationTimestamp", type_="date", description="Since when it is there."),
    ]
    return _crd(CLUSTER, schema=schema, columns=columns, subresources={"status": {}})


def files() -> Mapping[Path, str]:
    """Every generated file below the root of the repository with its text."""
    texts: dict[Path, str] = {}
    for definition in (project_crd(), cluster_crd()):
        name = f"{definition['spec']['names']['plural']}.yaml"
        texts[ROOT / "crds" / name] = HEAD + _yaml(definition)
        texts[ROOT / "charts/openpanel/templates/crds" / name] = _template(definition)
    return texts


def stale(texts: Mapping[Path, str]) -> list[Path]:
    """The files that say something else, or nothing."""
    return [path for path, text in texts.items() if not path.exists() or path.read_text() != text]


def _schema(
    description: str, *, spec: Schema, status: Schema, rules: tuple[Rule, ...], longest_name: int
) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Group and version of the resource."},
            "kind": {"type": "string", "description": "Kind of the resource."},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": longest_name}},
            },
            "spec": spec,
            "status": status,
        },
        "x-kubernetes-validations": [rule.validation() for rule in rules],
    }


def _crd(kind: Kind, *, schema: Schema, columns: list[Schema], subresources: Schema) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/name": "openpanel", "app.kubernetes.io/part-of": "openpanel"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": subresources,
                }
            ],
        },
    }


def _column(name: str, path: str, *, type_: str = "string", priority: int = 0, description: str) -> Schema:
    column: Schema = {"name": name, "type": type_, "jsonPath": path, "description": description}
    return {**column, "priority": priority} if priority else column


def _condition_column(name: str, field: str) -> Schema:
    path = f'.status.conditions[?(@.type=="Ready")].{field}'
    return _column(name, path, description=f"The {field} of the condition Ready.")


def _template(definition: Schema) -> str:
    """The definition as the chart has it: installed unless refused, kept unless refused."""
    keep = "  {{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n"
    text = _yaml(definition).replace("metadata:\n", f"metadata:\n{keep}", 1)
    return f"{HEAD}{{{{- if .Values.crds.install }}}}\n{text}{{{{- end }}}}\n"


class _Plain(yaml.SafeDumper):
    """No anchors: a part that is used twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - given by the library
        return True


def _yaml(value: Schema) -> str:
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
