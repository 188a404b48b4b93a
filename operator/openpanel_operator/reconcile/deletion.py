"""The end of a resource: what is outside Kubernetes is cleared, then the finalizer goes, and the rest goes by itself.

Nothing here waits for ever. A namespace that is being deleted takes its projects along after a while, whatever the
stores say; a store that is gone for good is passed over when a person says so; a cluster that is gone has nothing
to clear for a project whose data is kept anyway. A cluster stays until the projects that need its stores are gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from openpanel.metadata import DeletionPolicy
from openpanel_operator.kube import Key, KubeError, Object, Ref
from openpanel_operator.kube.kinds import NAMESPACE
from openpanel_operator.kube.objects import annotations, is_deleting
from openpanel_operator.reconcile import clusters, warehouse_user
from openpanel_operator.reconcile.annotations import DELETION_PROTECTION, SKIP_CLEANUP, is_set
from openpanel_operator.reconcile.applying import Change
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.clusters import NoCluster, Serving
from openpanel_operator.reconcile.conditions import moment
from openpanel_operator.reconcile.events import Event
from openpanel_operator.reconcile.passing import Pass, explain
from openpanel_operator.reconcile.project_pass import ProjectPass, cluster_key
from openpanel_operator.reconcile.snapshot_places import NoPlace, place_of
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.resources.resource import FINALIZER
from openpanel_operator.stores import SnapshotFailed, SnapshotUnderWay, StillDraining, StoreError

PATIENCE: Final = timedelta(seconds=60)  # with the stores, while the namespace goes
LOOK_AGAIN_S: Final = 5.0
NAMED: Final = 5  # projects that a message names
COPY_AGAIN_S: Final = 15.0  # while a copy is made, or cannot be: each try asks the store that takes it


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a project cannot be cleared yet."""

    message: str
    reason: Reason = Reason.CLEANUP_FAILED


async def end_project(current: ProjectPass) -> bool:
    """Clear what the project has outside Kubernetes and let it go; whether it is gone."""
    if FINALIZER not in (current.body["metadata"].get("finalizers") or ()):
        return True
    going = await _namespace_goes(current)
    if _is_protected(current) and not going:
        _say(current, Reason.DELETION_PROTECTED, f"annotation {DELETION_PROTECTION} is set")
        return False
    fault = None if is_set(current.resource.annotations, SKIP_CLEANUP) else await _clear(current)
    if fault is not None and not (going and _is_late(current)):
        _say(current, fault.reason, fault.message)
        current.look_again(LOOK_AGAIN_S if fault.reason is Reason.CLEANUP_FAILED else COPY_AGAIN_S)
        return False
    await _delete_objects(current)
    if fault is not None:
        _tell(current, Event("Warning", fault.reason.value, f"the namespace goes: {fault.message}"))
    await _let_go(current)
    return True


async def end_cluster(current: Pass[Any]) -> bool:
    """Let the cluster go, unless it is protected or its projects need it; whether it is gone. What it owns goes, too.

    Its namespace takes it along: that deletes the stores themselves.
    """
    if FINALIZER not in (current.body["metadata"].get("finalizers") or ()):
        return True
    if not await _namespace_goes(current):
        if _is_protected(current):
            _say(current, Reason.DELETION_PROTECTED, f"annotation {DELETION_PROTECTION} is set")
            return False
        needing = [] if is_set(current.resource.annotations, SKIP_CLEANUP) else _awaited(current)
        if needing:
            more = f" and {len(needing) - NAMED} more" if len(needing) > NAMED else ""
            names = ", ".join(f"{key.namespace}/{key.name}" for key in needing[:NAMED])
            message = f'for {names}{more}; annotate {SKIP_CLEANUP}: "true" here to let it go before them'
            _say(current, Reason.WAITING_FOR_PROJECTS, message)
            current.look_again(LOOK_AGAIN_S)
            return False
    await _let_go(current)
    return True


async def protect(current: Pass[Any]) -> None:
    """A protected cluster has the finalizer, and one whose stores its projects will need when they are deleted."""
    meta = current.body["metadata"]
    finalizers = list(meta.get("finalizers") or ())
    wanted = [each for each in finalizers if each != FINALIZER]
    if _is_protected(current) or any(True for _ in _needing(current)):
        wanted = finalizers if FINALIZER in finalizers else [*finalizers, FINALIZER]
    if wanted != finalizers:
        await _set_finalizers(current, wanted)


def _needing(current: Pass[Any]) -> Iterator[Key]:
    """The projects whose data are to be copied or erased when they are deleted, or are being so."""
    world = current.world
    for key in world.claims.projects_of(current.key):
        body = world.index.get(ref_of_key(key))
        if body is not None and _is_to_be_cleared(body):
            yield key


def _awaited(current: Pass[Any]) -> list[Key]:
    """Those that a cluster which is being deleted waits for: all that are, too, and shortly the others.

    Whoever deletes everything at once deletes the projects a moment later, perhaps.
    """
    needing = sorted(_needing(current))
    return [key for key in needing if current.world.claims.is_going(key) or not _is_late(current)]


def _is_to_be_cleared(body: Object) -> bool:
    keeps = body.get("spec", {}).get("deletionPolicy", "Retain") == "Retain"
    made = FINALIZER in (body["metadata"].get("finalizers") or ())
    return made and not keeps and not is_set(annotations(body), SKIP_CLEANUP)


async def _clear(current: ProjectPass) -> Fault | None:
    """Clear the project from the stores; why it cannot be. Its clients stop first, whatever the rest waits for."""
    policy: DeletionPolicy = current.resource.spec.deletion_policy
    try:
        serving = await clusters.serving(current.key, world=current.world)
    except NoCluster as error:
        never = cluster_key(current.before) is None
        nothing_left = policy == "Retain" and error.reason is Reason.CLUSTER_NOT_FOUND
        return None if never or nothing_left else Fault(f"{error}; {_WITHOUT_STORES}")
    except KubeError as error:
        return Fault(explain(error)[1])
    if current.world.claims.namesake(current.key, cluster=serving.key) is not None:
        return None  # what is in the stores under this name is another project's
    try:
        await _stop(current, serving)
        place = await place_of(serving.cluster, world=current.world) if policy == "Snapshot" else None
        copy = await current.world.stores.remove(
            current.key.name,
            policy=policy,
            user=_has_user(current, serving),
            place=place,
            namespace=current.key.namespace,
            at=serving.at,
        )
    except (NoPlace, StoreError, KubeError) as error:
        return _fault(error)
    if copy:
        _tell(current, Event("Normal", "SnapshotTaken", copy))
    return None


async def _stop(current: ProjectPass, serving: Serving) -> None:
    """Stop the project's clients, which are to be made anew if it is ever wanted again."""
    current.world.known.ensured.pop(current.key, None)
    await current.world.stores.stop(
        current.key.name,
        policy=current.resource.spec.deletion_policy,
        user=_has_user(current, serving),
        namespace=current.key.namespace,
        at=serving.at,
    )


def _has_user(current: ProjectPass, serving: Serving) -> bool:
    """Whether the project may have a user of its own in the warehouse."""
    return serving.at.keeps_users and not warehouse_user.was_refused(current)


_WITHOUT_STORES: Final = f'mend or make that again, or annotate {SKIP_CLEANUP}: "true" to leave what its stores have, if they are still there'


def _fault(error: NoPlace | StoreError | KubeError) -> Fault:
    """What a person is told of a project that cannot be cleared."""
    if isinstance(error, NoPlace):
        return Fault(str(error), error.reason)
    if isinstance(error, StillDraining):
        return Fault(error.message, Reason.DRAINING)
    if isinstance(error, SnapshotUnderWay):
        return Fault(error.message, Reason.SNAPSHOTTING)
    if isinstance(error, SnapshotFailed):
        return Fault(error.message, Reason.SNAPSHOT_FAILED)
    return Fault(explain(error)[1])


async def _delete_objects(current: ProjectPass) -> None:
    """Objects beside the cluster's stores, in another namespace, have no owner that the API server would follow."""
    for ref, body in current.world.index.owned(current.key):
        if (
            ref != ref_of_key(current.key)
            and not is_deleting(body)
            and ref.namespace != current.key.namespace
        ):
            await current.world.kube.delete(ref, uid=body["metadata"]["uid"])
            current.world.applier.forget(ref)
            current.changes.append(Change("deleted", ref))


async def _namespace_goes(current: Pass[Any]) -> bool:
    """Whether the namespace is being deleted; what cannot be read is taken for no."""
    try:
        namespace = await current.world.kube.get(NAMESPACE, current.key.namespace)
    except KubeError:
        return False
    return namespace is not None and is_deleting(namespace)


def _is_late(current: Pass[Any]) -> bool:
    since = moment(current.body["metadata"]["deletionTimestamp"])
    return bool(current.world.clock() - since >= PATIENCE)


def _is_protected(current: Pass[Any]) -> bool:
    return is_set(current.resource.annotations, DELETION_PROTECTION)


async def _let_go(current: Pass[Any]) -> None:
    finalizers = current.body["metadata"].get("finalizers") or ()
    await _set_finalizers(current, [each for each in finalizers if each != FINALIZER])


async def _set_finalizers(current: Pass[Any], finalizers: list[str]) -> None:
    ref: Ref = ref_of_key(current.key)
    version = current.body["metadata"]["resourceVersion"]
    changes: Object = {"metadata": {"finalizers": finalizers, "resourceVersion": version}}
    current.body = await current.world.kube.patch(ref, changes)
    if finalizers or not is_deleting(current.body):
        current.world.index.put(current.body, kind=ref.kind)


def _say(current: Pass[Any], reason: Reason, message: str) -> None:
    current.report(ConditionType.SPEC_VALID, "False", reason, message)


def _tell(current: Pass[Any], event: Event) -> None:
    current.world.recorder.record(
        event,
        about=current.key,
        api_version=ref_of_key(current.key).kind.api_version,
        uid=current.resource.uid,
    )
