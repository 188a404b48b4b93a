"""What an `AnalyticsProject` says: every field of its spec with its bounds.

The operator generates its CRD from these models, so they stay structural: no unions of types, no free-form maps.
Knows no store and no YAML; what a spec does is in `ensure`.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from openpanel.metadata.records import RATE_BURST, RATE_LIMIT, DeletionPolicy
from openpanel.tenancy import checks
from openpanel.tenancy.fields import (
    Colour,
    Days,
    DnsLabel,
    DnsSubdomain,
    Domain,
    Duration,
    Icon,
    Line,
    Name,
    Network,
    Percent,
    TimeZone,
    WebAddress,
)  # fmt: skip
from openpanel.tenancy.part import Part
from openpanel.tenancy.workload import Replicas, ResourceList, Resources, Workers

CPU_TARGET: Final = 70  # percent that the autoscaler of dedicated ingest pods aims at
MEMORY_TARGET: Final = 80  # percent


class ClusterRef(Part):
    """Which PanelCluster serves the project."""

    name: DnsLabel = Field(description="Name of the PanelCluster.")
    namespace: DnsLabel | None = Field(
        default=None, description="Namespace of the PanelCluster; left out: the project's own."
    )


class RateLimit(Part):
    """How fast one client may send before it is answered 429 with Retry-After."""

    messages_per_second: int = Field(
        default=int(RATE_LIMIT),
        ge=1,
        le=10_000_000,
        description="Messages per second and client in the long run.",
    )
    burst: int = Field(
        default=RATE_BURST,
        ge=1,
        le=100_000_000,
        description="Messages a client may send at once after a pause.",
    )


class Ingest(Part):
    """How events of the project are taken in."""

    mode: Literal["Shared", "Dedicated"] = Field(
        default="Shared", description="Shared: the cluster's ingest; Dedicated: pods and streams of its own."
    )
    replicas: Replicas | None = Field(
        default=None, description="Bounds for the dedicated ingest pods; left out: 3 to 20."
    )
    target_cpu_percent: Percent | None = Field(
        default=None,
        description="Processor use of the dedicated pods that the autoscaler aims at; left out: 70.",
    )
    target_memory_percent: Percent | None = Field(
        default=None,
        description="Memory use of the dedicated pods that the autoscaler aims at; left out: 80.",
    )
    resources: Resources | None = Field(default=None, description="Resources of one dedicated ingest pod.")
    host: DnsSubdomain | None = Field(
        default=None, description="Host name under which this project's events arrive."
    )
    tls_secret_name: DnsSubdomain | None = Field(
        default=None, description="Secret with the certificate of host; left out: as the PanelCluster says."
    )
    rate_limit: RateLimit = Field(
        default_factory=RateLimit, description="How fast one client may send before it is told to wait."
    )
    trusted_senders: list[Network] = Field(
        default_factory=list,
        max_length=100,
        description="Networks of own servers that may name the visitor's address without a secret.",
    )

    @model_validator(mode="after")
    def _dedicated_only(self) -> Self:
        checks.dedicated_only(self)
        checks.certificate_has_host(self.tls_secret_name, host=self.host)
        checks.unique(self.trusted_senders, at="trustedSenders[{}]", what="network")
        return self

    @property
    def bounds(self) -> Replicas:
        """Between how many dedicated pods the autoscaler chooses."""
        return self.replicas or Replicas()

    @property
    def cpu_target(self) -> int:
        """Percent of the requested processor that the autoscaler aims at."""
        return self.target_cpu_percent or CPU_TARGET

    @property
    def memory_target(self) -> int:
        """Percent of the requested memory that the autoscaler aims at."""
        return self.target_memory_percent or MEMORY_TARGET


class Rotation(Part):
    """When the client's secret is replaced."""

    interval: Duration = Field(
        description="How long a secret is used before a new one is made, such as 90d; on one machine it is made by the next `openpanel apply` after that."
    )
    overlap: Duration = Field(
        default="24h", description="How long the old secret goes on working after that."
    )

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        checks.overlap_fits(interval=self.interval, overlap=self.overlap)
        return self


class Client(Part):
    """One set of API credentials."""

    name: DnsLabel = Field(description="Name of the client within the project.")
    type: Literal["write", "read", "root"] = Field(
        description="write: sends events; read: asks; root: asks and manages."
    )
    secret_name: DnsSubdomain | None = Field(
        default=None, description="Secret that holds the credentials; left out: <project>-<client>."
    )
    rotation: Rotation | None = Field(
        default=None, description="When the secret is replaced; left out: never."
    )
    ignore_cors_and_secret: bool = Field(
        default=False, description="Whether events are taken from any origin without a secret."
    )

    @model_validator(mode="after")
    def _open_only_to_write(self) -> Self:
        checks.open_only_to_write(self.type, ignore_cors_and_secret=self.ignore_cors_and_secret)
        return self


class Retention(Part):
    """Days each kind of data is kept; a kind that is left out is kept for ever, replays and dead letters for 30 days."""

    events: Days | None = Field(default=None, description="Days that single events are kept.")
    sessions: Days | None = Field(default=None, description="Days that sessions are kept.")
    aggregates: Days | None = Field(default=None, description="Days that totals by day and week are kept.")
    replays: Days | None = Field(
        default=None, description="Days that session replays are kept; left out: 30."
    )
    bots: Days | None = Field(default=None, description="Days that requests of bots are kept.")
    dead_letters: Days | None = Field(
        default=None, description="Days that refused events are kept; left out: 30."
    )


class Quota(Part):
    """What the project may use."""

    events_per_month: int | None = Field(
        default=None, ge=1, le=10**15, description="Events per calendar month; left out: unlimited."
    )


class Privacy(Part):
    """What is kept of a visitor."""

    truncate_ip: bool = Field(
        default=False,
        description="Whether the last part of an address is dropped before anything is derived from it.",
    )
    honour_do_not_track: bool = Field(
        default=False, description="Whether requests with DNT: 1 are left uncounted."
    )
    honour_global_privacy_control: bool = Field(
        default=False, description="Whether requests with Sec-GPC: 1 are left uncounted."
    )
    cookieless: bool = Field(
        default=False, description="Whether a persistent device id sent by the page is ignored."
    )
    allow_unsafe_revenue: bool = Field(
        default=False, description="Whether revenue is taken from clients that send no secret."
    )


class Condition(Part):
    """One comparison of an event filter."""

    name: Name = Field(
        description="Event field in camelCase, or properties.<key>.",
        json_schema_extra={"pattern": checks.EVENT_FIELD},
    )
    operator: Literal[
        "is", "isNot", "contains", "doesNotContain", "startsWith", "endsWith",
        "isNull", "isNotNull", "gt", "gte", "lt", "lte",
    ] = Field(description="How the field is compared.")  # fmt: skip
    values: list[Line] = Field(
        default_factory=list, max_length=100, description="Values to compare with; one that fits is enough."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        checks.known_field(self.name)
        checks.operator_fits(self.operator, values=self.values)
        return self


class Filter(Part):
    """What the project does not want to count."""

    type: Literal["ip", "profileId", "event"] = Field(
        description="ip and profileId refuse the request; event drops the event."
    )
    value: Name = Field(description="Address or network, profile id, or event name (* for any).")
    conditions: list[Condition] = Field(
        default_factory=list, max_length=20, description="All must hold for an event to be dropped."
    )

    @model_validator(mode="after")
    def _fits_type(self) -> Self:
        checks.filter_fits(self.type, value=self.value, conditions=len(self.conditions))
        return self


class Event(Part):
    """How events of one name are shown."""

    name: Name = Field(description="Name of the event.")
    conversion: bool = Field(default=False, description="Whether the event counts as a conversion.")
    icon: Icon | None = Field(default=None, description="Name of the icon shown with the event.")
    colour: Colour | None = Field(default=None, description="Colour shown with the event, as '#rrggbb'.")


class Webhook(Part):
    """Where events of the project are to be told. Kept with the project; nothing calls it yet."""

    url: WebAddress = Field(description="Address to be called with POST and JSON; this version calls none.")
    events: list[Name] = Field(
        min_length=1, max_length=100, description="Names of the events that are told; * for all."
    )
    secret_name: DnsSubdomain | None = Field(
        default=None, description="Secret with the key that signs the calls; left out: unsigned."
    )


class ResourceQuota(Part):
    """What all pods of the project may use together."""

    pods: int | None = Field(default=None, ge=1, le=1_000, description="Most pods; left out: no bound.")
    requests: ResourceList = Field(
        default_factory=ResourceList, description="What all pods together may be promised."
    )
    limits: ResourceList = Field(
        default_factory=ResourceList, description="What the limits of all pods together may come to."
    )
    admission: bool = Field(
        default=False,
        description="Whether Kubernetes refuses what goes beyond, by a ResourceQuota on the pods of priorityClassName.",
    )

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        bounded = self.pods is not None or any(
            amounts.model_dump(exclude_none=True) for amounts in (self.requests, self.limits)
        )
        checks.quota_bounds_something(admission=self.admission, bounded=bounded)
        return self


class Isolation(Part):
    """What keeps the project's pods apart from those of others."""

    network_policy: bool = Field(
        default=True, description="Whether pods of other projects are kept from reaching this one's."
    )
    resource_quota: ResourceQuota | None = Field(
        default=None, description="What all pods of the project may use together; left out: no bound."
    )
    priority_class_name: DnsSubdomain | None = Field(
        default=None, description="Priority class of the project's pods; left out: the PanelCluster's."
    )

    @model_validator(mode="after")
    def _counts_by_class(self) -> Self:
        checks.quota_has_class(self.priority_class_name, admission=self.counted is not None)
        return self

    @property
    def counted(self) -> ResourceQuota | None:
        """The quota that Kubernetes is to hold the project to; None: nobody asked for that."""
        quota = self.resource_quota
        return quota if quota is not None and quota.admission else None


class AnalyticsProjectSpec(Part):
    """What is wanted of one tenant."""

    cluster_ref: ClusterRef | None = Field(
        default=None, description="Which PanelCluster serves the project; left out: the only one there is."
    )
    display_name: Line = Field(default="", description="Name shown to people; left out: the resource's name.")
    organization: DnsLabel | None = Field(
        default=None,
        description="Organization the project belongs to; unless said, the one called like its namespace, on one machine `default`.",
    )
    domains: list[Domain] = Field(
        default_factory=list, max_length=200, description="Origins whose pages may send without a secret."
    )
    time_zone: TimeZone = Field(
        default="UTC", description="IANA time zone in which the project's days begin."
    )
    ingest: Ingest = Field(default_factory=Ingest, description="How events are taken in.")
    workers: Workers = Field(
        default_factory=Workers,
        description="Bounds for the workers; with a shared ingest the cluster's own workers do the work.",
    )
    isolation: Isolation = Field(
        default_factory=Isolation,
        description="What keeps the project's pods apart; one machine runs no pods and leaves it aside.",
    )
    clients: list[Client] = Field(
        default_factory=list, max_length=100, description="API credentials of the project."
    )
    retention: Retention = Field(default_factory=Retention, description="Days each kind of data is kept.")
    quota: Quota = Field(default_factory=Quota, description="What the project may use.")
    privacy: Privacy = Field(default_factory=Privacy, description="What is kept of a visitor.")
    filters: list[Filter] = Field(default_factory=list, max_length=500, description="What is not counted.")
    events: list[Event] = Field(
        default_factory=list, max_length=500, description="Conversions and looks of events, by name."
    )
    webhooks: list[Webhook] = Field(
        default_factory=list,
        max_length=50,
        description="Where events are to be told; kept, and not called by this version.",
    )
    deletion_policy: DeletionPolicy = Field(
        default="Retain",
        description="What happens to collected data when the project is deleted; Snapshot: copied elsewhere, then deleted.",
    )

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        checks.unique([client.name for client in self.clients], at="clients[{}].name", what="client")
        checks.unique([event.name for event in self.events], at="events[{}].name", what="event")
        checks.unique([webhook.url for webhook in self.webhooks], at="webhooks[{}].url", what="address")
        checks.unique(self.domains, at="domains[{}]", what="domain")
        return self

    @model_validator(mode="after")
    def _pods_say_what_is_counted(self) -> Self:
        quota = self.isolation.counted
        if quota is None or self.ingest.mode != "Dedicated":
            return self
        said = {
            f"{name}.resources.limits.cpu": resources.limits.cpu if resources else None
            for name, resources in (
                ("ingest", self.ingest.resources),
                ("workers", self.workers.resources),
            )
        }
        checks.limits_are_said(quota.limits.cpu, limits=said)
        return self
