"""A PanelCluster as builders see it: which image, where, with which labels, and the pod template that is settled.

One value for both kinds, because a project's own pods run beside the cluster's, in the cluster's namespace: the
credentials of the shared stores never leave it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from openpanel_operator.desired import labels
from openpanel_operator.desired.facts import ClusterFacts, ProjectFacts, RedisFacts, Stage
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.objects import Object, Place, checksum_of
from openpanel_operator.desired.ownership import cluster_owners
from openpanel_operator.desired.pods import ZONE, Placement
from openpanel_operator.desired.revision import NEVER_RECORDED, revision_of, settle
from openpanel_operator.resources import services
from openpanel_operator.resources.cluster import Cluster, ImagePart, PanelClusterSpec

# Whose image a component runs, and the stage from which on it may be a new one. Stores do not wait for others.
_IMAGES: Final[Mapping[Component, tuple[ImagePart, Stage]]] = {
    Component.INGEST: ("api", Stage.API),
    Component.API: ("api", Stage.API),
    Component.DASHBOARD: ("dashboard", Stage.DASHBOARD),
    Component.WORKER: ("worker", Stage.WORKERS),
    Component.MIGRATION: ("worker", Stage.SCHEMA),
    Component.REDIS: ("redis", Stage.SCHEMA),
    Component.POSTGRES: ("postgres", Stage.SCHEMA),
    Component.CLICKHOUSE: ("clickhouse", Stage.SCHEMA),
    Component.KEEPER: ("keeper", Stage.SCHEMA),
}


@dataclass(frozen=True, slots=True)
class Platform:
    """A cluster and what is known while it is rendered."""

    cluster: Cluster
    version: str
    kinds: frozenset[str]
    checksums: Mapping[str, str]
    stage: Stage
    images: Mapping[str, str]
    revisions: Mapping[str, str]
    redis: RedisFacts
    restarts: tuple[str, ...] = field(default=())
    kept: Mapping[str, Object] = field(default_factory=dict)
    held: Mapping[str, Object] = field(default_factory=dict)

    @classmethod
    def of_cluster(cls, cluster: Cluster, *, facts: ClusterFacts) -> Self:
        """For the cluster's own objects."""
        return replace(cls._of(cluster, facts, cluster.annotations), kept=facts.kept)

    @classmethod
    def of_project(cls, cluster: Cluster, *, facts: ProjectFacts, annotations: Mapping[str, str]) -> Self:
        """For objects of a project with these annotations."""
        return cls._of(cluster, facts, cluster.annotations, annotations)

    @classmethod
    def _of(cls, cluster: Cluster, facts: ClusterFacts | ProjectFacts, *annotated: Mapping[str, str]) -> Self:
        return cls(
            cluster=cluster,
            version=cluster.spec.version or facts.version,
            kinds=facts.kinds,
            checksums=facts.secret_checksums,
            stage=facts.stage,
            images=facts.images,
            revisions=facts.revisions,
            redis=facts.redis,
            held=facts.held,
            restarts=tuple(notes[labels.RESTART_AT] for notes in annotated if labels.RESTART_AT in notes),
        )

    @property
    def spec(self) -> PanelClusterSpec:
        """What is wanted of the cluster."""
        return self.cluster.spec

    def place(self, component: Component) -> Place:
        """Namespace, labels and owner of an object of the cluster."""
        return Place(
            self.cluster.namespace,
            labels.cluster_labels(self.cluster.name, component=component),
            cluster_owners(self.cluster),
        )

    def selector(self, component: Component) -> dict[str, str]:
        """What tells this component's pods from all others."""
        return labels.cluster_selector(self.cluster.name, component=component)

    def image(self, component: Component) -> str:
        """The image that the component shall run now; before its turn, the one it runs."""
        part, turn = _IMAGES[component]
        if component is Component.CLICKHOUSE and self.spec.clickhouse.engine == "Embedded":
            part = "engine"
        recorded = self.images.get(component.value)
        if recorded and self.stage < turn:
            return recorded
        return self.spec.images.reference(part, version=self.version)

    def placement(self, own: services.Placement | None = None, *, priority: str | None = None) -> Placement:
        """Where pods run: as they say themselves, else as the cluster says."""
        said = own or self.spec.placement
        return Placement(
            node_selector=said.node_selector,
            tolerations=tuple(
                toleration.model_dump(by_alias=True, exclude_none=True) for toleration in said.tolerations
            ),
            spread_over=said.topology_key or ZONE,
            priority_class=priority or said.priority_class_name,
        )

    def annotations(self, *, secrets: Iterable[str] = (), configuration: str = "") -> dict[str, str]:
        """Notes of a pod template that roll the pods when they change."""
        return {
            labels.SECRETS: checksum_of(secrets, known=self.checksums),
            labels.CONFIGURATION: configuration,
            labels.RESTART_AT: " ".join(self.restarts),
        }

    def settled(self, template: Object, *, component: Component, workload: str) -> Object:
        """The template in the form that this workload shall have."""
        recorded = self.revisions.get(workload, NEVER_RECORDED)
        settled = self.kept.get(workload) or settle(template, component=component, recorded=recorded)
        running = self.held.get(workload)
        if running is None or revision_of(running) == revision_of(settled):
            return settled
        return running if _secrets(running) == _secrets(settled) else settled


def _secrets(template: Object) -> str:
    return str((template["metadata"].get("annotations") or {}).get(labels.SECRETS, ""))
