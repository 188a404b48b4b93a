"""What the operator reports: every field of both statuses. A field that is not here is pruned by the API server.

Written by reconcile as plain dictionaries in camelCase; these models make the CRDs and check what is written.
No field is a clock that ticks: a status that says the same must be equal to the one before.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from openpanel.tenancy.part import Part

Text = Annotated[str, StringConstraints(max_length=1_024)]
LONGEST_SHORT_TEXT: Final = 316  # characters
ShortText = Annotated[str, StringConstraints(max_length=LONGEST_SHORT_TEXT)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0)]


class Condition(Part):
    """One side of the resource."""

    type: ShortText = Field(description="What is reported on.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it is so.")
    reason: ShortText = Field(description="Why, in one word for programs.")
    message: Text = Field(default="", description="Why, in words: what is wrong and what would mend it.")
    observed_generation: int = Field(description="Generation of the spec that this was said of.")
    last_transition_time: Time = Field(description="Since when the status is what it is.")


class Pods(Part):
    """Pods of one service."""

    ready: Count = Field(default=0, description="Pods that serve.")
    desired: Count = Field(default=0, description="Pods that there shall be.")


class WorkerFigures(Part):
    """Workers and the queue they follow, as last decided; of the queue nothing where KEDA decides."""

    replicas: Count = Field(default=0, description="Workers that there are.")
    ready: Count = Field(default=0, description="Workers that are ready.")
    desired: Count | None = Field(default=None, description="Workers that the queue needs.")
    queued: Count | None = Field(default=None, description="Events that waited when this was last told.")
    running: Count | None = Field(default=None, description="Orders in hand when this was last told.")
    oldest_seconds: Count | None = Field(
        default=None, description="Age of the oldest waiting event when this was last told."
    )
    selector: Text | None = Field(default=None, description="Label selector of the workers, for /scale.")
    shards: Count | None = Field(default=None, description="Streams that the events are spread over.")
    last_scale_time: Time | None = Field(default=None, description="When the number of workers last changed.")
    reason: ShortText | None = Field(default=None, description="Why the number is what it is.")


class ProjectClient(Part):
    """Credentials of one client; never a secret."""

    name: ShortText = Field(description="Name of the client.")
    type: ShortText = Field(description="What it may do.")
    client_id: ShortText | None = Field(default=None, description="The client's id.")
    secret_name: ShortText = Field(description="Secret that holds the credentials.")
    serial: Count = Field(default=0, description="How many secrets the client has had.")
    issued_at: Time | None = Field(default=None, description="When the secret was made.")
    previous_valid_until: Time | None = Field(
        default=None, description="Until when the secret before works, too."
    )
    next_rotation: Time | None = Field(default=None, description="When the next secret is made.")


class WarehouseUser(Part):
    """The project's own ClickHouse user; never its secret."""

    name: ShortText = Field(description="Name of the user.")
    secret_name: ShortText = Field(description="Secret that holds its password.")
    serial: Count = Field(default=0, description="How many passwords the user has had.")
    issued_at: Time | None = Field(default=None, description="When the password was made.")


class AppliedRetention(Part):
    """Days that the stores keep each kind of data now; left out: for ever."""

    events: Count | None = Field(default=None, description="Days that single events are kept.")
    sessions: Count | None = Field(default=None, description="Days that sessions are kept.")
    aggregates: Count | None = Field(default=None, description="Days that totals are kept.")
    replays: Count | None = Field(default=None, description="Days that session replays are kept.")
    bots: Count | None = Field(default=None, description="Days that requests of bots are kept.")
    dead_letters: Count | None = Field(default=None, description="Days that refused events are kept.")


class Served(Part):
    """The PanelCluster that serves a project."""

    name: ShortText = Field(description="Name of the PanelCluster.")
    namespace: ShortText = Field(description="Namespace of the PanelCluster.")


class Pool(Part):
    """The streams that take a project's events."""

    name: ShortText = Field(description="Name of the pool.")
    shards: Count = Field(description="Number of its streams.")


class AnalyticsProjectStatus(Part):
    """What was last seen of a project."""

    observed_generation: int | None = Field(default=None, description="Generation that was last followed.")
    conditions: list[Condition] = Field(default_factory=list, description="Every side of the project.")
    cluster: Served | None = Field(default=None, description="The PanelCluster that serves the project.")
    ingest_url: Text | None = Field(default=None, description="Where events are sent.")
    api_url: Text | None = Field(default=None, description="Where the public API answers.")
    dashboard_url: Text | None = Field(default=None, description="Where the dashboard answers.")
    clients: list[ProjectClient] = Field(default_factory=list, description="Credentials, without secrets.")
    client_count: Count | None = Field(default=None, description="Number of clients.")
    warehouse_user: WarehouseUser | None = Field(
        default=None, description="The project's own ClickHouse user."
    )
    ingest: Pods | None = Field(default=None, description="Dedicated ingest pods.")
    workers: WorkerFigures | None = Field(default=None, description="The project's own workers.")
    pool: Pool | None = Field(default=None, description="The streams that take the project's events.")
    retention: AppliedRetention | None = Field(default=None, description="Days that data is kept now.")
    serial: Count | None = Field(default=None, description="How often the project was made in the stores.")
    images: dict[str, Text] = Field(
        default_factory=dict, description="The image each of the project's own services runs, by component."
    )
    revisions: dict[str, ShortText] = Field(
        default_factory=dict, description="Revision of the pod template of each own workload, by its name."
    )
    reconciled_at: ShortText | None = Field(
        default=None, description="Value of openpanel.dev/reconcile-at that was last followed."
    )


class ClickHouseNode(Part):
    """One managed ClickHouse server."""

    name: ShortText = Field(description="Name of its StatefulSet.")
    shard: Count = Field(description="Index of the shard.")
    replica: Count = Field(description="Index within the shard.")
    ready: bool = Field(default=False, description="Whether it answers.")
    furnished: bool = Field(default=False, description="Whether it has every table.")
    delay_seconds: Count | None = Field(
        default=None, description="How far it was behind its shard when last asked."
    )


class ClickHouseFigures(Part):
    """ClickHouse as it is."""

    shards: Count = Field(default=0, description="Shards that take data.")
    ready_shards: Count = Field(default=0, description="Shards with a replica that answers.")
    nodes: list[ClickHouseNode] = Field(default_factory=list, description="Managed servers.")


class KeeperFigures(Part):
    """Keeper as its own members tell it."""

    members: list[Count] = Field(default_factory=list, description="Indices of the committed members.")
    ready: Count = Field(default=0, description="Members that answer.")


class SchemaState(Part):
    """The tables."""

    revision: ShortText | None = Field(default=None, description="Newest migration on every server.")
    wanted: ShortText | None = Field(default=None, description="Newest migration of the wanted version.")


class Services(Part):
    """Pods of the services that serve everybody."""

    ingest: Pods | None = Field(default=None, description="The shared ingest.")
    api: Pods | None = Field(default=None, description="The public API.")
    dashboard: Pods | None = Field(default=None, description="The dashboard.")


class MaintenanceState(Part):
    """What waits for a maintenance window, or began in one."""

    waiting: Count | None = Field(default=None, description="Workloads whose restart waits for a window.")
    opens_at: Time | None = Field(default=None, description="When the window opens that they wait for.")
    begun_at: Time | None = Field(
        default=None, description="When the roll-out began that goes on until it is through."
    )
    followed: ShortText | None = Field(
        default=None, description="Value of openpanel.dev/maintenance-now that was last followed."
    )


class PanelClusterStatus(Part):
    """What was last seen of a cluster."""

    observed_generation: int | None = Field(default=None, description="Generation that was last followed.")
    conditions: list[Condition] = Field(default_factory=list, description="Every side of the cluster.")
    version: ShortText | None = Field(default=None, description="Version that every service runs.")
    upgrading_to: ShortText | None = Field(default=None, description="Version that is being rolled out.")
    stage: ShortText | None = Field(default=None, description="How far the roll-out has come.")
    images: dict[str, Text] = Field(
        default_factory=dict, description="The image each service runs, by component."
    )
    revisions: dict[str, ShortText] = Field(
        default_factory=dict, description="Revision of the pod template of each workload, by its name."
    )
    maintenance: MaintenanceState | None = Field(
        default=None, description="What waits for a maintenance window, or began in one."
    )
    ingest_url: Text | None = Field(default=None, description="Where events are sent.")
    api_url: Text | None = Field(default=None, description="Where the public API answers.")
    dashboard_url: Text | None = Field(default=None, description="Where the dashboard answers.")
    projects: Count | None = Field(default=None, description="Projects that the cluster serves.")
    services: Services | None = Field(default=None, description="Pods of the services.")
    workers: WorkerFigures | None = Field(default=None, description="The shared workers.")
    clickhouse: ClickHouseFigures | None = Field(default=None, description="ClickHouse as it is.")
    keeper: KeeperFigures | None = Field(default=None, description="Keeper as it is.")
    schema_: SchemaState | None = Field(default=None, alias="schema", description="The tables.")
    engine: ShortText | None = Field(default=None, description="Engine that the cluster was made with.")
    reconciled_at: ShortText | None = Field(
        default=None, description="Value of openpanel.dev/reconcile-at that was last followed."
    )
