"""Redis first, ingest after it: what ingest takes while Redis is replaced lies on its pod's own disk until Redis is back.

So while Redis is replaced, or is to be, ingest keeps the template that it runs. New credentials do not wait: pods
that have the old ones could not bring what they took into the new Redis.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from openpanel_operator.desired import ProjectFacts, redis_objects_of
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.revision import revision_of
from openpanel_operator.kube import Object
from openpanel_operator.kube.kinds import STATEFUL_SET
from openpanel_operator.reconcile import maintenance
from openpanel_operator.reconcile.clusters import Serving
from openpanel_operator.reconcile.comparing import applied
from openpanel_operator.reconcile.workloads import Owned, owned_of
from openpanel_operator.reconcile.world import World


def held_ingest(objects: Iterable[Object], *, owned: Owned) -> Mapping[str, Object]:
    """The templates that a cluster's ingest keeps, by its name; `objects` are as they are to be."""
    return _running_ingest(owned) if _is_replaced(owned, objects) else {}


def held_ingest_of_project(
    owned: Owned, *, serving: Serving, facts: ProjectFacts, world: World
) -> Mapping[str, Object]:
    """The templates that a project's own ingest keeps, by its name."""
    running = _running_ingest(owned)
    if not running:
        return {}
    cluster = owned_of(world.index.owned(serving.key, kind=STATEFUL_SET))
    # Before its window Redis is not replaced, whatever it is to be.
    waits = serving.cluster.spec.maintenance.windows and not maintenance.has_begun(serving.cluster)
    wanted = (
        () if waits else redis_objects_of(serving.cluster, facts=replace(facts, revisions=cluster.revisions))
    )
    return running if _is_replaced(cluster, wanted) else {}


def _is_replaced(owned: Owned, objects: Iterable[Object]) -> bool:
    """Whether Redis's pod is not what it is to be; one that somebody else runs has no pod."""
    wanted = {
        each["metadata"]["name"]: each["spec"]["template"]
        for each in objects
        if each["kind"] == STATEFUL_SET.name
    }
    return any(
        not workload.rollout.complete
        or revision_of(wanted.get(workload.ref.name, workload.template)) != revision_of(workload.template)
        for workload in owned.of(Component.REDIS.value)
    )


def _running_ingest(owned: Owned) -> dict[str, Object]:
    found = {
        workload.ref.name: applied(workload.body, "spec", "template")
        for workload in owned.of(Component.INGEST.value)
    }
    return {name: template for name, template in found.items() if template and "metadata" in template}
