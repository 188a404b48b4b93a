"""The `AnalyticsProject` manifest: every field with its bounds, and `parse` from YAML to checked projects.

The operator generates its CRD from these models, so they stay structural: no unions of types, no free-form maps
but labels. Knows no store; what a manifest does is in `ensure`.
"""

from collections.abc import Iterable
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from openpanel.metadata.records import RATE_BURST, RATE_LIMIT
from openpanel.tenancy import checks, documents, refusals
from openpanel.tenancy.documents import Document
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
    Quantity,
    TimeZone,
    WebAddress,
)  # fmt: skip
from openpanel.tenancy.refusals import ManifestRefused, Refusal

GROUP: Final = "openpanel.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "AnalyticsProject"


class _Part(BaseModel):
    """How every part of a manifest is read: camelCase names, exact types, nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True,
        extra="forbid", strict=True, frozen=True,
    )  # fmt: skip


class ObjectMeta(_Part):
    """Name and labels of the resource."""

    name: DnsLabel = Field(description="Name of the project; it is the project's id everywhere.")
    namespace: DnsLabel | None = Field(
        default=None, description="Namespace of the resource; one machine knows none and leaves it aside."
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the resource.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Annotations of the resource.")


class ClusterRef(_Part):
    """Which PanelCluster serves the project."""

    name: DnsLabel = Field(description="Name of the PanelCluster.")
    namespace: DnsLabel | None = Field(
        default=None, description="Namespace of the PanelCluster; left out: the project's own."
    )


class Replicas(_Part):
    """Bounds for the number of ingest pods."""

    min: int = Field(default=1, ge=1, le=100, description="Fewest ingest pods.")
    max: int = Field(default=4, ge=1, le=100, description="Most ingest pods.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        checks.ordered(self.min, self.max)
        return self


class ResourceList(_Part):
    """Amounts of processor and memory."""

    cpu: Quantity | None = Field(default=None, description="Processor, such as 250m.")
    memory: Quantity | None = Field(default=None, description="Memory, such as 256Mi.")


class Resources(_Part):
    """What one pod asks for and may take at most."""

    requests: ResourceList = Field(default_factory=ResourceList, description="What the pod is promised.")
    limits: ResourceList = Field(default_factory=ResourceList, description="What the pod may not exceed.")


class RateLimit(_Part):
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


class Ingest(_Part):
    """How events of the project are taken in."""

    mode: Literal["Shared", "Dedicated"] = Field(
        default="Shared", description="Shared: the cluster's ingest; Dedicated: pods and streams of its own."
    )
    replicas: Replicas | None = Field(default=None, description="Bounds for the dedicated ingest pods.")
    target_cpu_percent: Percent | None = Field(
        default=None, description="Processor use of the dedicated pods that the autoscaler aims at."
    )
    target_memory_percent: Percent | None = Field(
        default=None, description="Memory use of the dedicated pods that the autoscaler aims at."
    )
    resources: Resources | None = Field(default=None, description="Resources of one dedicated ingest pod.")
    host: DnsSubdomain | None = Field(
        default=None, description="Host name under which this project's events arrive."
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
        checks.unique(self.trusted_senders, at="trustedSenders[{}]", what="network")
        return self


class Workers(_Part):
    """Bounds for the workers that write the project's events."""

    min: int = Field(default=1, ge=0, le=100, description="Fewest workers; 0 needs scaleToZero.")
    max: int = Field(default=4, ge=1, le=100, description="Most workers.")
    target_depth: int = Field(
        default=10_000,
        ge=1,
        le=100_000_000,
        description="Waiting events that one worker is expected to handle.",
    )
    scale_to_zero: bool = Field(
        default=False, description="Whether the last worker may go when nothing waits."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        checks.ordered(self.min, self.max)
        checks.zero_agrees(self.min, scale_to_zero=self.scale_to_zero)
        return self


class Rotation(_Part):
    """When the client's secret is replaced."""

    interval: Duration = Field(description="How long a secret is used before a new one is made, such as 90d.")
    overlap: Duration = Field(
        default="24h", description="How long the old secret goes on working after that."
    )

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        checks.overlap_fits(interval=self.interval, overlap=self.overlap)
        return self


class Client(_Part):
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


class Retention(_Part):
    """Days each kind of data is kept; a kind that is left out is kept for ever, replays for 30 days."""

    events: Days | None = Field(default=None, description="Days that single events are kept.")
    sessions: Days | None = Field(default=None, description="Days that sessions are kept.")
    aggregates: Days | None = Field(default=None, description="Days that totals by day and week are kept.")
    replays: Days | None = Field(
        default=None, description="Days that session replays are kept; left out: 30."
    )
    bots: Days | None = Field(default=None, description="Days that requests of bots are kept.")
    dead_letters: Days | None = Field(default=None, description="Days that refused events are kept.")


class Quota(_Part):
    """What the project may use."""

    events_per_month: int | None = Field(
        default=None, ge=1, le=10**15, description="Events per calendar month; left out: unlimited."
    )


class Privacy(_Part):
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


class Condition(_Part):
    """One comparison of an event filter."""

    name: Name = Field(description="Event field in camelCase, or properties.<key>.")
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


class Filter(_Part):
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


class Event(_Part):
    """How events of one name are shown."""

    name: Name = Field(description="Name of the event.")
    conversion: bool = Field(default=False, description="Whether the event counts as a conversion.")
    icon: Icon | None = Field(default=None, description="Name of the icon shown with the event.")
    colour: Colour | None = Field(default=None, description="Colour shown with the event, as '#rrggbb'.")


class Webhook(_Part):
    """Where events of the project are told."""

    url: WebAddress = Field(description="Address that is called with POST and JSON.")
    events: list[Name] = Field(
        min_length=1, max_length=100, description="Names of the events that are told; * for all."
    )
    secret_name: DnsSubdomain | None = Field(
        default=None, description="Secret with the key that signs the calls; left out: unsigned."
    )


class AnalyticsProjectSpec(_Part):
    """What is wanted of one tenant."""

    cluster_ref: ClusterRef | None = Field(
        default=None, description="Which PanelCluster serves the project; left out: the only one there is."
    )
    display_name: Line = Field(default="", description="Name shown to people; left out: the resource's name.")
    organization: DnsLabel = Field(default="default", description="Organization the project belongs to.")
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
    webhooks: list[Webhook] = Field(default_factory=list, max_length=50, description="Where events are told.")
    deletion_policy: Literal["Retain", "Delete"] = Field(
        default="Retain", description="What happens to collected data when the project is deleted."
    )

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        checks.unique([client.name for client in self.clients], at="clients[{}].name", what="client")
        checks.unique([event.name for event in self.events], at="events[{}].name", what="event")
        checks.unique([webhook.url for webhook in self.webhooks], at="webhooks[{}].url", what="address")
        checks.unique(self.domains, at="domains[{}]", what="domain")
        return self


class AnalyticsProject(_Part):
    """One tenant of the platform: who may send, how it is kept and who may read."""

    api_version: Literal["openpanel.dev/v1alpha1"] = Field(description="Group and version of the resource.")
    kind: Literal["AnalyticsProject"] = Field(description="Kind of the resource.")
    metadata: ObjectMeta = Field(description="Name and labels of the resource.")
    spec: AnalyticsProjectSpec = Field(description="What is wanted.")

    @model_validator(mode="after")
    def _own_secrets(self) -> Self:
        names = [self.secret_name(client) for client in self.spec.clients]
        checks.unique(names, at="spec.clients[{}].secretName", what="secret name")
        return self

    @property
    def name(self) -> str:
        """The project's id."""
        return self.metadata.name

    def secret_name(self, client: Client) -> str:
        """Name of the secret that holds the client's credentials."""
        return client.secret_name or f"{self.name}-{client.name}"


def parse(text: str, *, source: str = "-") -> list[AnalyticsProject]:
    """The projects of one YAML text; `ManifestRefused` with every fault if there is any."""
    return parse_all([(source, text)])


def parse_all(texts: Iterable[tuple[str, str]]) -> list[AnalyticsProject]:
    """The projects of several (source, YAML text) together: all are good, or `ManifestRefused` names every fault."""
    projects: list[AnalyticsProject] = []
    faults: list[Refusal] = []
    seen: dict[str, str] = {}
    for source, text in texts:
        for document in documents.read(text, source=source):
            outcome = _project(document)
            if isinstance(outcome, AnalyticsProject):
                faults += refusals.repeated(outcome.name, document=document, seen=seen)
                projects.append(outcome)
            else:
                faults += outcome
    if faults:
        raise ManifestRefused(tuple(faults))
    return projects


def _project(document: Document) -> AnalyticsProject | list[Refusal]:
    if document.faults:
        return list(document.faults)
    try:
        return AnalyticsProject.model_validate(document.value)
    except ValidationError as error:
        return refusals.explain(error, document=document, root=AnalyticsProject)
