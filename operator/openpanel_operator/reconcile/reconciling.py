"""What is done with a key from the queue: read the resource, take the steps, write the status. The one way in.

Called for every key, whoever asked for it; it knows no event, only what is and what should be.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import structlog

from openpanel_operator.kube import Absent, Conflict, Key
from openpanel_operator.kube.kinds import CLUSTER, PROJECT
from openpanel_operator.kube.objects import is_deleting
from openpanel_operator.reconcile import cluster as clusters
from openpanel_operator.reconcile import clusters as clusters_of_projects
from openpanel_operator.reconcile import deletion, passing, project, reporting
from openpanel_operator.reconcile.annotations import PAUSED, SKIP_CLEANUP, is_set
from openpanel_operator.reconcile.applying import Taken
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.cluster_pass import ClusterPass
from openpanel_operator.reconcile.conditions import found
from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.reconcile.world import RESYNC_S, World
from openpanel_operator.resources.cluster import parse_cluster
from openpanel_operator.resources.project import parse_project
from openpanel_operator.resources.reasons import (
    CLUSTER_CONDITIONS,
    PROJECT_CONDITIONS,
    ConditionType,
    Reason,
)
from openpanel_operator.resources.resource import InvalidSpec, Resource

SOON_S: Final = 0.5  # after a conflict: somebody else wrote meanwhile
TAKEN_S: Final = 10.0  # until it is asked again whether an object of somebody else is still there
LEFT_S: Final = 1.0  # the same of one whose owner is gone: it is about to be collected

_log = structlog.get_logger(__name__)


class Failed(Exception):
    """A pass ended with a fault that was reported; the queue comes back later and later."""


class Watcher(Protocol):
    """Who counts passes."""

    def passed(self, kind: str, result: str, seconds: float) -> None:
        """A pass over a resource of that kind has ended."""


class Reconciler:
    """Reconciles keys in a world."""

    def __init__(self, world: World, *, watcher: Watcher) -> None:
        self._world = world
        self._watcher = watcher

    async def __call__(self, key: Key) -> float | None:
        """One pass; after how many seconds the next one is due at the latest, None: the resource is gone."""
        began = time.monotonic()
        result = "error"
        try:
            again = await self._pass(key)
            result = "ok"
        except Failed:
            result = "failed"
            raise
        except Conflict as error:
            _log.debug("conflict", resource=str(key), error=error.message)
            again, result = SOON_S, "conflict"
        finally:
            self._watcher.passed(key.kind, result, time.monotonic() - began)
        return again

    async def _pass(self, key: Key) -> float | None:
        body = self._world.index.get(ref_of_key(key))
        if body is None:
            self._forget(key)
            return None
        parse: Callable[[Any], Resource[Any]] = parse_project if key.kind == PROJECT.name else parse_cluster
        try:
            resource = parse(body)
        except InvalidSpec as error:
            return await self._refuse(key, body, error)
        kind: type[Pass[Any]] = ProjectPass if key.kind == PROJECT.name else ClusterPass
        current = kind(self._world, key, body, resource)
        if resource.deleting:
            return await self._end(current)
        if is_set(resource.annotations, PAUSED):
            return await self._pause(current)
        return await self._take(current)

    async def _take(self, current: Pass[Any]) -> float:
        current.well(ConditionType.SPEC_VALID)
        if isinstance(current, ProjectPass):
            await passing.take(project.STEPS, current)
            await passing.take(project.ALWAYS, current)
        elif isinstance(current, ClusterPass):
            await deletion.protect(current)
            await passing.take(clusters.STEPS, current)
            await passing.take(clusters.ALWAYS, current)
        if isinstance(current.fault, Conflict):
            return SOON_S  # somebody else was faster, which is no fault to report
        current.report(ConditionType.PAUSED, "False", Reason.AS_WANTED)
        await self._report(current)
        if isinstance(current.fault, Taken):
            return self._wait_for(current.fault, current.key)
        self._world.vacancies.forget(current.key)
        if current.fault is not None:
            raise Failed(str(current.fault)) from current.fault
        jitter = RESYNC_S * (0.75 + self._world.chance() / 2)
        return jitter if current.again is None else min(current.again, jitter)

    def _wait_for(self, taken: Taken, key: Key) -> float:
        """Come when the object is free: told so if it was ours, else by asking; what lost its owner goes soon."""
        self._world.vacancies.wait(key, ref=taken.ref, owner=taken.owner)
        left = taken.owner is not None and not self._world.claims.is_known(taken.owner)
        return LEFT_S if left and self._is_about_to_go(taken) else TAKEN_S

    def _is_about_to_go(self, taken: Taken) -> bool:
        """Whether Kubernetes takes it away: labels alone, as on the copy of a Secret, are no reason to."""
        body = self._world.index.get(taken.ref)
        if body is None or is_deleting(body):
            return True
        namespace = taken.ref.namespace
        owners = {
            Key(each["kind"], namespace, each["name"])
            for each in body["metadata"].get("ownerReferences") or ()
        }
        return owners == {taken.owner}

    async def _report(self, current: Pass[Any]) -> None:
        """Write the status; projects hear when their cluster is for them other than before."""
        order = PROJECT_CONDITIONS if current.key.kind == PROJECT.name else CLUSTER_CONDITIONS
        status = await reporting.report(current, order=order)
        if status is None or current.key.kind != CLUSTER.name:
            return
        if clusters_of_projects.outlook(status) != clusters_of_projects.outlook(current.before):
            self._world.known.clusters.pop(current.key, None)
            for key in self._world.claims.projects_of(current.key):
                self._world.enqueue(key)

    async def _refuse(self, key: Key, body: dict[str, Any], error: InvalidSpec) -> float | None:
        """A spec that nothing can be made of: say so, change nothing, and let go what wants to go."""
        bare = _bare(body)
        kind: type[Pass[Any]] = Pass
        current = kind(self._world, key, body, bare)
        if bare.deleting:
            return await self._let_go_bare(current)
        current.report(ConditionType.SPEC_VALID, "False", Reason.INVALID_SPEC, str(error))
        await self._report(current)
        return None

    async def _let_go_bare(self, current: Pass[Any]) -> float | None:
        if current.key.kind == CLUSTER.name or is_set(current.resource.annotations, SKIP_CLEANUP):
            return await self._gone(current, deletion.end_cluster(current))
        message = f"the spec cannot be read; correct it, or annotate {SKIP_CLEANUP}"
        current.report(ConditionType.SPEC_VALID, "False", Reason.INVALID_SPEC, message)
        await self._report(current)
        return None

    async def _pause(self, current: Pass[Any]) -> float:
        known = found(current.before.get("conditions") or (), ConditionType.SPEC_VALID.value)
        if known is None:
            current.report(ConditionType.SPEC_VALID, "Unknown", Reason.PAUSED, "nobody looked yet")
        current.report(ConditionType.PAUSED, "True", Reason.PAUSED, f"annotation {PAUSED} is set")
        await self._report(current)
        return RESYNC_S

    async def _end(self, current: Pass[Any]) -> float | None:
        end: Awaitable[bool] = (
            deletion.end_project(current)
            if isinstance(current, ProjectPass)
            else deletion.end_cluster(current)
        )
        return await self._gone(current, end)

    async def _gone(self, current: Pass[Any], end: Awaitable[bool]) -> float | None:
        """Nothing more to do if that was the end, else say why not."""
        try:
            gone = await end
        except Absent:
            gone = True
        if gone:
            return None
        await self._report(current)
        return RESYNC_S if current.again is None else current.again

    def _forget(self, key: Key) -> None:
        known = self._world.known
        known.ensured.pop(key, None)
        known.clusters.pop(key, None)
        known.projects.pop(key, None)
        known.places.pop(key, None)
        self._world.vacancies.forget(key)
        self._world.templates.pop(key, None)
        self._world.scaled.pop(key, None)


def _bare(body: dict[str, Any]) -> Resource[Any]:
    """A resource whose spec is left aside."""
    meta = body["metadata"]
    return Resource(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        generation=meta.get("generation", 0),
        deleting="deletionTimestamp" in meta,
        annotations=meta.get("annotations") or {},
        labels=meta.get("labels") or {},
        spec=None,
        status=body.get("status") or {},
    )
