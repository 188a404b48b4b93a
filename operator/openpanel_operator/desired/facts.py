"""What the builders are told about the world, since they may not look themselves: frozen values, read by `reconcile`.

One rule for whoever fills them in: what could not be read keeps its last known value (status has it). A fact is
never left empty because of an error, since objects that are not rendered are pruned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from openpanel_operator.desired.objects import Object

CAUGHT_UP_S: Final = 10  # a server that is further behind its shard has not all that the others have


class Stage(IntEnum):
    """How far a roll-out of new images may go: a service beyond the stage keeps the image it runs."""

    SCHEMA = 0
    WORKERS = 1
    API = 2
    DASHBOARD = 3


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """One ClickHouse server: its place is never given to another, so data and Keeper paths stay its own."""

    shard: int
    replica: int


@dataclass(frozen=True, slots=True)
class ClickHouseFacts:
    """The managed servers as they are."""

    nodes: frozenset[Node] = frozenset()
    """Servers whose StatefulSet exists, or is gone although they were never found releasable."""
    furnished: frozenset[Node] = frozenset()
    """Servers that have the whole schema; only these are asked by others."""
    releasable: frozenset[Node] = frozenset()
    """Servers that may go when nobody wants them: their data is on other replicas, or consent and an empty shard."""
    delays: Mapping[Node, int] = field(default_factory=dict)
    """By how many seconds each server is behind its shard; one that cannot be asked, or cannot write, is not in it."""

    @property
    def caught_up(self) -> frozenset[Node]:
        """Servers that have what the others of their shard have."""
        return frozenset(
            node for node in self.furnished if self.delays.get(node, CAUGHT_UP_S + 1) <= CAUGHT_UP_S
        )


@dataclass(frozen=True, slots=True)
class KeeperFacts:
    """The ensemble as its own members tell it."""

    members: tuple[int, ...] = ()
    """Indices that the ensemble has committed to; (): it was never started. Unreadable: the last known ones."""
    stable: bool = False
    """Whether there is a leader and every committed follower is in sync. Unreadable: False."""


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """What Redis's address says besides host and password, for KEDA, which takes no address."""

    tls: bool = False
    database: int = 0


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What `desired_cluster` is told."""

    operator_namespace: str
    """Where the operator's pods run, which must reach the stores through the network policies."""
    version: str
    """The product's version for a spec that names none: the operator's own, or the recorded one while it must stay."""
    kinds: frozenset[str] = frozenset()
    """Optional kinds that the API server knows: ServiceMonitor, ScaledObject, HTTPRoute."""
    secret_checksums: Mapping[str, str] = field(default_factory=dict)
    """Secrets and ConfigMaps of the cluster's namespace by name; a change rolls the pods that read them."""
    schema_ready: bool = False
    """Whether the migration of the wanted version is done on every server."""
    stage: Stage = Stage.DASHBOARD
    """Which services may take their new image by now."""
    images: Mapping[str, str] = field(default_factory=dict)
    """The image each service runs, by component (`labels.Component`); recorded in status or read from the object."""
    revisions: Mapping[str, str] = field(default_factory=dict)
    """The annotation `openpanel.dev/revision` of each workload's pod template, by the workload's name."""
    kept: Mapping[str, Object] = field(default_factory=dict)
    """Pod templates, by the workload's name, that stay as they are here until a maintenance window opens."""
    held: Mapping[str, Object] = field(default_factory=dict)
    """Pod templates, by the workload's name, that run and stay while Redis is replaced, unless credentials changed."""
    streams: int = 0
    """Most streams that the shared pool ever had: fewer would leave events where nobody looks."""
    redis: RedisFacts = RedisFacts()
    clickhouse: ClickHouseFacts = ClickHouseFacts()
    keeper: KeeperFacts = KeeperFacts()


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What `desired_project` is told."""

    version: str
    """As for the cluster."""
    kinds: frozenset[str] = frozenset()
    """As for the cluster."""
    secret_checksums: Mapping[str, str] = field(default_factory=dict)
    """Secrets of the cluster's namespace by name, as for the cluster."""
    stage: Stage = Stage.DASHBOARD
    """The cluster's stage."""
    images: Mapping[str, str] = field(default_factory=dict)
    """The image each of the project's own services runs, by component."""
    revisions: Mapping[str, str] = field(default_factory=dict)
    """As for the cluster, of the project's own workloads."""
    held: Mapping[str, Object] = field(default_factory=dict)
    """As for the cluster, of the project's own workloads."""
    streams: int = 0
    """As for the cluster, of the project's own pool."""
    redis: RedisFacts = RedisFacts()
    class_is_shared: bool = False
    """Whether pods of others have the project's priority class: then Kubernetes cannot count the project's alone."""
    pool_drained: bool = True
    """Whether a pool of the project's own needs no workers any more: they stay until then when ingest becomes shared."""
