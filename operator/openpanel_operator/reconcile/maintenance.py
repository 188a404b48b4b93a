"""Maintenance windows of a PanelCluster: what waits for one, what lets it begin, and when that is through.

Restarts come from pod templates, so what waits is a template that would be another. A roll-out that has begun is
noted in the status before anything is changed, and goes on until it is through, whatever the clock says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from openpanel_operator.desired import Object, Stage
from openpanel_operator.desired import labels as names
from openpanel_operator.desired.revision import revision_of
from openpanel_operator.desired.waiting import as_running, kept
from openpanel_operator.kube.kinds import DEPLOYMENT, STATEFUL_SET
from openpanel_operator.reconcile.annotations import MAINTENANCE_NOW, as_followed
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.comparing import alike, applied
from openpanel_operator.reconcile.conditions import stamp
from openpanel_operator.reconcile.passing import Pass, is_as_seen
from openpanel_operator.reconcile.workloads import Owned
from openpanel_operator.resources.cluster import Cluster
from openpanel_operator.windows import opening

SHOWN: Final = 4  # workloads that one message names

_WORKLOADS: Final = frozenset({DEPLOYMENT.name, STATEFUL_SET.name})


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a window."""

    names: tuple[str, ...] = ()
    """Workloads whose pods would be restarted."""
    templates: Mapping[str, Object] = field(default_factory=dict)
    """The pod templates that workloads keep meanwhile."""
    opens_at: datetime | None = None
    """When they may be; None: now."""

    @property
    def has_to_wait(self) -> bool:
        """Whether something is to be restarted, and not now."""
        return bool(self.names) and self.opens_at is not None

    def __str__(self) -> str:
        when = f" for the window that opens at {stamp(self.opens_at)}" if self.opens_at else ""
        return f"waiting{when}: {shown(self.names)}"


NOTHING: Final = Waiting()


def shown(workloads: Sequence[str]) -> str:
    """Their names, the first few of many."""
    more = f" and {len(workloads) - SHOWN} more" if len(workloads) > SHOWN else ""
    return ", ".join(workloads[:SHOWN]) + more


def closed_until(cluster: Cluster, *, now: datetime) -> datetime | None:
    """When restarts may begin again; None: now."""
    found = opening(cluster.spec.maintenance, now=now)
    if found is None or found.is_open or has_begun(cluster) or _is_asked(cluster):
        return None
    # What never was whole is not being maintained but still being installed.
    return found.changes_at if cluster.status.get("version") else None


def has_begun(cluster: Cluster) -> bool:
    """Whether a roll-out that was let begin is not through yet."""
    return bool(_told(cluster).get("begunAt"))


def seen_by_projects(cluster: Cluster) -> Cluster:
    """The cluster whose images the pods of projects run: the new ones from when a roll-out of it has begun."""
    waits = cluster.spec.maintenance.windows and cluster.status.get("version") and not has_begun(cluster)
    return as_running(cluster) if waits else cluster


async def settle(current: Pass[Any], final: Iterable[Object], *, owned: Owned) -> Waiting:
    """What has to wait, of the objects as they are to be in the end; what need not is noted to have begun."""
    cluster: Cluster = current.resource
    if not cluster.spec.maintenance.windows:
        return NOTHING
    found = _otherwise(final, owned, remembered=current.world.templates.get(current.key, {}))
    opens_at = closed_until(cluster, now=current.world.clock())
    if opens_at is not None:
        if found.names:
            current.look_again(max((opens_at - current.world.clock()).total_seconds(), 0.0))
        return replace(found, opens_at=opens_at)
    if found.names and not has_begun(cluster):
        await _begin(current, found.names)
    return replace(NOTHING, names=found.names)


def remember(current: Pass[Any], objects: Iterable[Object]) -> None:
    """Keep the templates as they were rendered: what is edited or lost while something waits is put back like that."""
    if current.resource.spec.maintenance.windows:
        current.world.templates[current.key] = {
            each["metadata"]["name"]: each["spec"]["template"]
            for each in objects
            if each["kind"] in _WORKLOADS
        }


def figures(current: Pass[Any], waiting: Waiting, *, whole: bool) -> dict[str, Any] | None:
    """For the status; None: nothing is to be said."""
    cluster: Cluster = current.resource
    if not cluster.spec.maintenance.windows:
        return None
    held = waiting.names if waiting.opens_at else ()
    through = whole and not waiting.names
    told = {
        "waiting": len(held) or None,
        "opensAt": stamp(waiting.opens_at) if held and waiting.opens_at else None,
        "begunAt": None if through else _told(cluster).get("begunAt"),
        "followed": _asked(cluster),
    }
    return told if any(told.values()) else None


def _otherwise(final: Iterable[Object], owned: Owned, *, remembered: Mapping[str, Object]) -> Waiting:
    """The workloads that run something else than they are to run in the end, and what they run."""
    observed = {workload.ref.name: workload.body for workload in owned.workloads}
    waiting, templates = [], {}
    for each in (one for one in final if one["kind"] in _WORKLOADS):
        name, wanted = each["metadata"]["name"], each["spec"]["template"]
        running = _running(observed.get(name), remembered.get(name))
        if running is None or revision_of(running) == revision_of(wanted):
            continue
        templates[name] = kept(running, wanted=wanted)
        if not alike(_bare(templates[name]), _bare(wanted)):
            waiting.append(name)
    return Waiting(tuple(waiting), templates)


def _running(observed: Object | None, remembered: Object | None) -> Object | None:
    """The template of a workload as the operator made it, also of one that was edited or lost since."""
    if observed is None:
        return remembered
    there = applied(observed, "spec", "template")
    if remembered is not None and (there is None or revision_of(remembered) == revision_of(there)):
        return remembered
    return there if there and "labels" in there.get("metadata", {}) else None


def _bare(template: Object) -> Object:
    notes = template["metadata"].get("annotations") or {}
    without = {name: value for name, value in notes.items() if name != names.REVISION}
    return {**template, "metadata": {**template["metadata"], "annotations": without}}


async def _begin(current: Pass[Any], workloads: tuple[str, ...]) -> None:
    """Note it before anything is changed, so that whoever comes after a crash goes on; projects wait for the schema."""
    told = {
        "begunAt": stamp(current.world.clock()),
        "followed": _asked(current.resource),
    }
    changes = {"maintenance": told, "stage": Stage.SCHEMA.name.capitalize()}
    ref = ref_of_key(current.key)
    answer = await current.world.kube.patch(ref, {"status": changes}, sub="status")
    if is_as_seen(answer, current):
        current.world.index.put(answer, kind=ref.kind)
    current.resource = replace(current.resource, status=dict(answer.get("status") or {}))
    current.notes.append(f"began to restart {shown(workloads)}")


def _is_asked(cluster: Cluster) -> bool:
    return _asked(cluster) not in {None, _told(cluster).get("followed")}


def _asked(cluster: Cluster) -> str | None:
    return as_followed(cluster.annotations, MAINTENANCE_NOW)


def _told(cluster: Cluster) -> Mapping[str, Any]:
    return cluster.status.get("maintenance") or {}
