"""What a resource's own objects in the cluster tell, by component: images, revisions, rollouts, ClickHouse servers. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from openpanel_operator.desired import Node
from openpanel_operator.desired import labels as names
from openpanel_operator.kube import Object, Ref
from openpanel_operator.kube.kinds import DEPLOYMENT, JOB, STATEFUL_SET
from openpanel_operator.kube.objects import labels
from openpanel_operator.reconcile.readiness import Rollout, image_of, revision_of, rollout

_WORKLOADS: Final = frozenset({DEPLOYMENT, STATEFUL_SET})


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment or StatefulSet."""

    ref: Ref
    body: Object = field(repr=False)

    @property
    def component(self) -> str:
        """What it belongs to."""
        return labels(self.body).get(names.COMPONENT, "")

    @property
    def rollout(self) -> Rollout:
        """How far its pods are."""
        return rollout(self.body)

    @property
    def template(self) -> Object:
        """What its pods are made of."""
        return dict(self.body["spec"]["template"])

    @property
    def image(self) -> str:
        """What its pods run, or shall."""
        return image_of(self.body)

    @property
    def node(self) -> Node | None:
        """Which ClickHouse server it is."""
        marks = labels(self.body)
        shard, replica = marks.get(names.SHARD, ""), marks.get(names.REPLICA, "")
        return Node(int(shard), int(replica)) if shard.isdecimal() and replica.isdecimal() else None

    @property
    def selector(self) -> str:
        """What finds its pods."""
        return selector_of(self.body)


@dataclass(frozen=True, slots=True)
class Owned:
    """Everything there is of one resource."""

    workloads: tuple[Workload, ...]
    jobs: Mapping[str, Object]

    def of(self, component: str) -> tuple[Workload, ...]:
        """The workloads of one component."""
        return tuple(workload for workload in self.workloads if workload.component == component)

    def rollout(self, component: str) -> Rollout | None:
        """How far the pods of one component are, all workloads together; None: it has none."""
        each = [workload.rollout for workload in self.of(component)]
        if not each:
            return None
        return Rollout(
            ready=sum(one.ready for one in each),
            desired=sum(one.desired for one in each),
            complete=all(one.complete for one in each),
        )

    @property
    def images(self) -> dict[str, str]:
        """The image of each component."""
        return {workload.component: workload.image for workload in self.workloads}

    @property
    def revisions(self) -> dict[str, str]:
        """The revision noted in each workload's pods."""
        return {
            workload.ref.name: revision_of(workload.body, annotation=names.REVISION)
            for workload in self.workloads
        }

    @property
    def nodes(self) -> dict[Node, Workload]:
        """The managed ClickHouse servers."""
        found = ((workload.node, workload) for workload in self.of(names.Component.CLICKHOUSE.value))
        return {node: workload for node, workload in found if node is not None}


def owned_of(objects: Iterable[tuple[Ref, Object]]) -> Owned:
    """What there is, of a resource's objects."""
    there = list(objects)
    return Owned(
        workloads=tuple(_workloads(there)), jobs={ref.name: body for ref, body in there if ref.kind == JOB}
    )


def selector_of(workload: Mapping[str, object]) -> str:
    """What finds the pods of a workload, as a query says it."""
    spec = workload.get("spec")
    chosen = spec["selector"]["matchLabels"] if isinstance(spec, Mapping) else {}
    return ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))


def _workloads(objects: Iterable[tuple[Ref, Object]]) -> Iterator[Workload]:
    for ref, body in objects:
        if ref.kind in _WORKLOADS:
            yield Workload(ref, body)
