"""What the API server demands of a `PanelCluster` beyond types and bounds: the checks of `agreement` in CEL.

Rules about `oldSelf` stand here alone: only the API server sees a resource before and after.
"""

from typing import Final

from openpanel_operator.resources import cluster, exposure, maintenance, services, stores
from openpanel_operator.resources.project_rules import (
    NAME,
    ORDERED_BOUNDS,
    PROJECT_RULES,
    networks_rule,
    seconds_in,
)
from openpanel_operator.resources.rules import Rule, Rules

LONGEST_NAME: Final = 36  # characters; the longest object is <name>-clickhouse-<shard>-<replica>

ROOT: Final = (NAME,)


def _external(field: str) -> tuple[Rule, Rule]:
    return (
        Rule(
            f"self.{field} != 'External' || has(self.external)",
            f"{field}: External needs external.secretName",
            at=".external",
            reason="FieldValueRequired",
        ),
        Rule(
            f"self.{field} == 'External' || !has(self.external)",
            f"external needs {field}: External; or leave it out",
            at=".external",
            reason="FieldValueForbidden",
        ),
    )


def _fixed(field: str) -> Rule:
    return Rule(
        f"self.{field} == oldSelf.{field}",
        f"{field} cannot change, since data stays where it is; make a new PanelCluster and move the data",
        at=f".{field}",
        reason="FieldValueForbidden",
    )


_STORAGE: Final = (
    Rule(
        "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
        "size can only grow, since no volume shrinks; set the old size or a larger one",
        at=".size",
    ),
    Rule(
        "has(self.className) == has(oldSelf.className) && "
        "(!has(self.className) || self.className == oldSelf.className)",
        "className cannot change, since a volume stays where it is; set the old class",
        at=".className",
        reason="FieldValueForbidden",
    ),
)

_CLICKHOUSE: Final = (
    Rule(
        "self.engine != 'Embedded' || self.shards == 1",
        "engine: Embedded is one process; say shards: 1, or engine: Managed",
        at=".shards",
    ),
    Rule(
        "self.engine != 'Embedded' || self.replicas == 1",
        "engine: Embedded is one process; say replicas: 1, or engine: Managed",
        at=".replicas",
    ),
    *_external("engine"),
    _fixed("engine"),
    Rule(
        "self.shards >= oldSelf.shards || self.shardRemoval == 'Allow'",
        "fewer shards need shardRemoval: Allow, then those that go take nothing new and stay until their data is moved; or keep the number",
        at=".shards",
        reason="FieldValueForbidden",
    ),
)

_KEEPER: Final = (
    Rule(
        "self.replicas >= oldSelf.replicas && self.replicas <= oldSelf.replicas + 2",
        "replicas of Keeper grow from 1 to 3 to 5 and never shrink; take the next step only",
        at=".replicas",
    ),
)

_EXPOSURE: Final = (
    Rule(
        "self.type != 'Gateway' || has(self.gatewayRef)",
        "type: Gateway needs gatewayRef.name",
        at=".gatewayRef",
        reason="FieldValueRequired",
    ),
    Rule(
        "self.type == 'Gateway' || !has(self.gatewayRef)",
        "gatewayRef needs type: Gateway; or leave it out",
        at=".gatewayRef",
        reason="FieldValueForbidden",
    ),
    Rule(
        "self.type == 'Ingress' || !has(self.className)",
        "className needs type: Ingress; or leave it out",
        at=".className",
        reason="FieldValueForbidden",
    ),
    Rule(
        "self.type == 'None' || (has(self.hosts) && "
        "(has(self.hosts.ingest) || has(self.hosts.api) || has(self.hosts.dashboard)))",
        "type: Ingress and type: Gateway need at least one of hosts",
        at=".hosts",
        reason="FieldValueRequired",
    ),
    Rule(
        "self.type != 'None' || !has(self.tls)",
        "tls needs type: Ingress or type: Gateway; or leave it out",
        at=".tls",
        reason="FieldValueForbidden",
    ),
    networks_rule("trustedProxies"),
)

_HOSTS: Final = tuple(
    Rule(
        f"!has(self.{one}) || !has(self.{other}) || self.{one} != self.{other}",
        f"{one} and {other} need a host each",
        at=f".{other}",
    )
    for one, other in (("ingest", "api"), ("ingest", "dashboard"), ("api", "dashboard"))
)

_GEO: Final = (
    Rule(
        "[has(self.secretName), has(self.configMapName), has(self.claimName)].filter(given, given).size() == 1",
        "geo needs exactly one of secretName, configMapName and claimName",
    ),
)

_TOLERATION: Final = (
    Rule(
        "self.operator != 'Exists' || !has(self.value)",
        "value needs operator: Equal; or leave it out",
        at=".value",
    ),
    Rule(
        "self.operator != 'Equal' || has(self.key)",
        "operator: Equal needs key; or say operator: Exists",
        at=".key",
        reason="FieldValueRequired",
    ),
    Rule(
        "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        "tolerationSeconds needs effect: NoExecute; or leave it out",
        at=".tolerationSeconds",
    ),
)

_SERVICE: Final = (
    Rule(
        "!has(self.replicas) || !self.autoscaling.enabled",
        "replicas needs autoscaling.enabled: false; or say autoscaling.min and autoscaling.max instead",
        at=".replicas",
        reason="FieldValueForbidden",
    ),
)

_TLS: Final = (
    Rule("has(self.secretName) || has(self.issuer)", "tls needs at least one of secretName and issuer"),
)

_WINDOW: Final = (
    Rule(
        f"{seconds_in('self.duration')} >= 600 && {seconds_in('self.duration')} <= 86400",
        "duration must be from 10m to 24h",
        at=".duration",
    ),
)

_SPEC: Final = (
    Rule(
        "!has(self.snapshots) || !has(self.clickhouse) || self.clickhouse.engine != 'Embedded'",
        "snapshots need clickhouse.engine: Managed or External, since the embedded engine calls nobody; or leave them out",
        at=".snapshots",
        reason="FieldValueForbidden",
    ),
)

CLUSTER_RULES: Final = Rules(
    of={
        **PROJECT_RULES.of,
        cluster.PanelClusterSpec: _SPEC,
        stores.Storage: _STORAGE,
        stores.ClickHouse: _CLICKHOUSE,
        stores.Keeper: _KEEPER,
        stores.Redis: (*_external("mode"), _fixed("mode")),
        stores.Postgres: (*_external("mode"), _fixed("mode")),
        services.Autoscaling: (ORDERED_BOUNDS,),
        services.Service: _SERVICE,
        services.Toleration: _TOLERATION,
        exposure.Exposure: _EXPOSURE,
        exposure.Hosts: _HOSTS,
        exposure.Tls: _TLS,
        cluster.Geo: _GEO,
        maintenance.Window: _WINDOW,
    },
    sets=frozenset(
        {
            (cluster.Images, "pullSecrets"),
            (cluster.NetworkPolicies, "fromNamespaces"),
            (exposure.Exposure, "trustedProxies"),
            (maintenance.Window, "days"),
        }
    ),
)
