"""What a `PanelCluster` says of its stores: Redis, PostgreSQL and ClickHouse, ours or somebody else's."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openpanel.tenancy.fields import DnsSubdomain
from openpanel.tenancy.part import Part
from openpanel.tenancy.workload import Resources
from openpanel_operator.resources import agreement
from openpanel_operator.resources.forms import SettingName, SettingValue, VolumeSize
from openpanel_operator.resources.services import Placement


class Storage(Part):
    """The volume of one pod."""

    size: VolumeSize = Field(default="20Gi", description="Size of the volume; it may grow, never shrink.")
    class_name: DnsSubdomain | None = Field(
        default=None, description="Storage class of the volume; left out: the default class; it stays."
    )


class RedisStorage(Storage):
    """The volume of Redis: streams that wait and the append-only file."""

    size: VolumeSize = Field(default="10Gi", description="Size of the volume; it may grow, never shrink.")


class PostgresStorage(Storage):
    """The volume of PostgreSQL: projects, clients, users and reports."""

    size: VolumeSize = Field(default="10Gi", description="Size of the volume; it may grow, never shrink.")


class ClickHouseStorage(Storage):
    """The volume of one ClickHouse replica."""

    size: VolumeSize = Field(default="100Gi", description="Size of the volume; it may grow, never shrink.")


class KeeperStorage(Storage):
    """The volume of one Keeper member."""

    size: VolumeSize = Field(default="5Gi", description="Size of the volume; it may grow, never shrink.")


class ExternalStore(Part):
    """Where a store that somebody else runs is found."""

    secret_name: DnsSubdomain = Field(
        description="Secret with the key url, user and password included, in the PanelCluster's namespace."
    )


class ExternalClickHouse(Part):
    """Where a ClickHouse that somebody else runs is found."""

    secret_name: DnsSubdomain = Field(
        description="Secret with the key url, user and password included, in the PanelCluster's namespace."
    )
    cluster: SettingName | None = Field(
        default=None, description="Name of the cluster in its remote_servers; left out: a single server."
    )


class Redis(Part):
    """Streams, orders and sessions."""

    mode: Literal["Managed", "External"] = Field(
        default="Managed",
        description="Managed: a pod with a volume; External: a server of your own; it stays.",
    )
    storage: RedisStorage = Field(default_factory=RedisStorage, description="Volume of the managed Redis.")
    resources: Resources | None = Field(
        default=None, description="Resources of the managed Redis; left out: enough for a day's outage."
    )
    placement: Placement | None = Field(
        default=None, description="Where the pod runs; left out: as the cluster says."
    )
    external: ExternalStore | None = Field(
        default=None,
        description=(
            "Your own Redis 7 or Valkey, with maxmemory-policy noeviction, appendonly yes and appendfsync always."
        ),
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.external_agrees(self.mode, field="mode", external=self.external)
        return self


class Postgres(Part):
    """Projects, clients, users and reports."""

    mode: Literal["Managed", "External"] = Field(
        default="Managed",
        description="Managed: a pod with a volume; External: a server of your own; it stays.",
    )
    storage: PostgresStorage = Field(
        default_factory=PostgresStorage, description="Volume of the managed PostgreSQL."
    )
    resources: Resources | None = Field(
        default=None, description="Resources of the managed PostgreSQL; left out: enough for 1,000 projects."
    )
    placement: Placement | None = Field(
        default=None, description="Where the pod runs; left out: as the cluster says."
    )
    external: ExternalStore | None = Field(
        default=None, description="Your own PostgreSQL 15 or newer; the url names the database."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.external_agrees(self.mode, field="mode", external=self.external)
        return self


class Keeper(Part):
    """ClickHouse Keeper, which the replicas agree by."""

    replicas: Literal[1, 3, 5] = Field(
        default=3, description="Members; grows from 1 to 3 to 5, one member at a time, and never shrinks."
    )
    storage: KeeperStorage = Field(default_factory=KeeperStorage, description="Volume of one member.")
    resources: Resources | None = Field(
        default=None, description="Resources of one member; left out: enough for 10 replicas."
    )


class ClickHouse(Part):
    """Events and everything that is counted."""

    engine: Literal["Managed", "External", "Embedded"] = Field(
        default="Managed",
        description="Managed: servers and Keeper; External: your own; Embedded: one pod, for trials; it stays.",
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Parts that visitors are spread over; a new one gets new data only.",
    )
    replicas: int = Field(default=1, ge=1, le=5, description="Copies of each shard.")
    shard_removal: Literal["Refuse", "Allow"] = Field(
        default="Refuse",
        description="Whether shards may be lowered; a shard goes only when its data has been moved away.",
    )
    storage: ClickHouseStorage = Field(
        default_factory=ClickHouseStorage, description="Volume of one replica, or of the embedded engine."
    )
    resources: Resources | None = Field(
        default=None, description="Resources of one replica; left out: enough for 300 million events a month."
    )
    placement: Placement | None = Field(
        default=None, description="Where the pods run; left out: as the cluster says."
    )
    keeper: Keeper = Field(default_factory=Keeper, description="Keeper of the managed ClickHouse.")
    external: ExternalClickHouse | None = Field(
        default=None, description="Your own ClickHouse, with the right to make databases, users and quotas."
    )
    settings: dict[SettingName, SettingValue] = Field(
        default_factory=dict,
        max_length=100,
        description="Server settings of the managed ClickHouse by name, such as max_concurrent_queries.",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.embedded_is_one(self.engine, shards=self.shards, replicas=self.replicas)
        agreement.external_agrees(self.engine, field="engine", external=self.external)
        return self
