"""`PanelCluster`: the platform that projects live on, with its images, stores, services and ways in."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from openpanel.tenancy import checks
from openpanel.tenancy.fields import DnsLabel, DnsSubdomain, WebAddress
from openpanel.tenancy.part import Part
from openpanel.tenancy.workload import Workers
from openpanel_operator.resources import agreement
from openpanel_operator.resources.exposure import Exposure
from openpanel_operator.resources.forms import FileName, Image, LabelKey, LabelValue, Registry, Tag
from openpanel_operator.resources.maintenance import Maintenance
from openpanel_operator.resources.resource import Resource, read
from openpanel_operator.resources.services import Placement, Service
from openpanel_operator.resources.snapshots import Snapshots
from openpanel_operator.resources.stores import ClickHouse, Postgres, Redis

STORE_IMAGES: Final[Mapping[str, str]] = {
    "redis": "redis:7-bookworm",
    "postgres": "postgres:15-bookworm",
    "clickhouse": "clickhouse/clickhouse-server:26.8",
    "keeper": "clickhouse/clickhouse-keeper:26.8",
}

ImagePart = Literal["api", "worker", "dashboard", "engine", "redis", "postgres", "clickhouse", "keeper"]


class Images(Part):
    """Which images run; each is a full reference."""

    registry: Registry | None = Field(
        default=None,
        description="Registry and path of the product's own images; left out: none before the name.",
    )
    api: Image | None = Field(default=None, description="Image of ingest and public API.")
    worker: Image | None = Field(default=None, description="Image of workers and migrations.")
    dashboard: Image | None = Field(default=None, description="Image of the dashboard.")
    engine: Image | None = Field(default=None, description="Image of the embedded ClickHouse engine.")
    redis: Image | None = Field(default=None, description="Image of the managed Redis.")
    postgres: Image | None = Field(default=None, description="Image of the managed PostgreSQL.")
    clickhouse: Image | None = Field(default=None, description="Image of the managed ClickHouse.")
    keeper: Image | None = Field(default=None, description="Image of ClickHouse Keeper.")
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        default="IfNotPresent", description="When a node fetches an image."
    )
    pull_secrets: list[DnsSubdomain] = Field(
        default_factory=list, max_length=10, description="Secrets with the credentials of registries."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        checks.unique(self.pull_secrets, at="pullSecrets[{}]", what="secret")
        return self

    def reference(self, part: ImagePart, *, version: str) -> str:
        """The image of `part`, which is the product's of `version` unless the resource names another."""
        named: str | None = getattr(self, part)
        if named is not None:
            return named
        if part in STORE_IMAGES:
            return STORE_IMAGES[part]
        own = f"openpanel-{part}:{version}"
        return f"{self.registry}/{own}" if self.registry else own


class Geo(Part):
    """A GeoLite2 or DB-IP city file; without one, countries come from a table in the image."""

    secret_name: DnsSubdomain | None = Field(default=None, description="Secret that holds the file.")
    config_map_name: DnsSubdomain | None = Field(default=None, description="ConfigMap that holds the file.")
    claim_name: DnsSubdomain | None = Field(
        default=None, description="PersistentVolumeClaim that holds the file, for one of full size."
    )
    file: FileName = Field(default="GeoLite2-City.mmdb", description="Name of the file there.")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        agreement.one_of(
            {
                "secretName": self.secret_name,
                "configMapName": self.config_map_name,
                "claimName": self.claim_name,
            },
            what="geo",
        )
        return self


class Observability(Part):
    """What is told to those who watch the platform."""

    service_monitor: bool = Field(
        default=True,
        description="Whether ServiceMonitors are made where the Prometheus operator is installed.",
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, max_length=50, description="Labels of the ServiceMonitors, for their selector."
    )
    otlp_endpoint: WebAddress | None = Field(
        default=None, description="Where traces are sent by OTLP over HTTP; left out: nowhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line of the services."
    )


class NetworkPolicies(Part):
    """Who may reach whose pods."""

    enabled: bool = Field(default=True, description="Whether NetworkPolicies are made.")
    from_namespaces: list[DnsLabel] = Field(
        default_factory=list,
        max_length=50,
        description="Namespaces whose pods may reach the services, such as an Ingress controller's; none: all.",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        checks.unique(self.from_namespaces, at="fromNamespaces[{}]", what="namespace")
        return self


class Upgrade(Part):
    """When a new version is rolled out."""

    policy: Literal["Automatic", "Manual"] = Field(
        default="Automatic",
        description="Automatic: with the operator's version; Manual: when version is changed here.",
    )


class PanelClusterSpec(Part):
    """What is wanted of the platform."""

    version: Tag | None = Field(
        default=None, description="Version of the product's images; left out: the operator's own."
    )
    images: Images = Field(default_factory=Images, description="Which images run.")
    clickhouse: ClickHouse = Field(default_factory=ClickHouse, description="Where events are kept.")
    redis: Redis = Field(default_factory=Redis, description="Where events wait.")
    postgres: Postgres = Field(default_factory=Postgres, description="Where projects and users are kept.")
    ingest: Service = Field(default_factory=Service, description="The ingest that projects share.")
    api: Service = Field(default_factory=Service, description="The public API.")
    dashboard: Service = Field(default_factory=Service, description="The dashboard.")
    workers: Workers = Field(
        default_factory=Workers, description="The workers of projects that share the ingest, and their queue."
    )
    placement: Placement = Field(
        default_factory=Placement, description="Where pods run that do not say otherwise."
    )
    exposure: Exposure = Field(
        default_factory=Exposure, description="How the services are reached from outside."
    )
    geo: Geo | None = Field(
        default=None, description="City file for visitors' places; left out: countries only."
    )
    observability: Observability = Field(
        default_factory=Observability, description="What is told to those who watch."
    )
    network_policies: NetworkPolicies = Field(
        default_factory=NetworkPolicies, description="Who may reach whose pods."
    )
    upgrade: Upgrade = Field(default_factory=Upgrade, description="When a new version is rolled out.")
    maintenance: Maintenance = Field(
        default_factory=Maintenance, description="When what restarts pods may begin."
    )
    snapshots: Snapshots | None = Field(
        default=None,
        description="Where projects with deletionPolicy: Snapshot are copied before they are deleted; left out: nowhere.",
    )
    deletion_policy: Literal["Retain", "Delete"] = Field(
        default="Retain", description="What happens to volumes when the PanelCluster is deleted."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.snapshots_reachable(self.clickhouse.engine, snapshots=self.snapshots)
        return self


Cluster = Resource[PanelClusterSpec]


def parse_cluster(body: Mapping[str, Any]) -> Cluster:
    """The cluster in `body`; raises `InvalidSpec` if nothing can be made of its spec."""
    return read(body, model=PanelClusterSpec)
