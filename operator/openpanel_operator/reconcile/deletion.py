"""The end of a resource: what is outside Kubernetes is cleared, then the finalizer goes, and the rest goes by itself.

Nothing here waits for ever. A namespace that is being deleted takes its projects along after a while, whatever the
stores say; a store that is gone for good is passed over when a person says so; a cluster that is gone has nothing
to clear for a project whose data is kept anyway.
"""

from datetime import timedelta
from typing import Any, Final

from openpanel_operator.kube import KubeError, Object, Ref
from openpanel_operator.kube.kinds import NAMESPACE
from openpanel_operator.kube.objects import is_deleting
from openpanel_operator.reconcile import clusters, warehouse_user
from openpanel_operator.reconcile.annotations import DELETION_PROTECTION, SKIP_CLEANUP, is_set
from openpanel_operator.reconcile.applying import Change
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.clusters import NoCluster
from openpanel_operator.reconcile.conditions import moment
from openpanel_operator.reconcile.events import Event
from openpanel_operator.reconcile.passing import Pass, explain
from openpanel_operator.reconcile.project_pass import ProjectPass, cluster_key
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.resources.resource import FINALIZER
from openpanel_operator.stores import StoreError

PATIENCE: Final = timedelta(seconds=60)  # with the stores, while the namespace goes
LOOK_AGAIN_S: Final = 5.0


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
        _say(current, Reason.CLEANUP_FAILED, fault)
        current.look_again(LOOK_AGAIN_S)
        return False
    await _delete_objects(current)
    if fault is not None:
        _tell(current, Event("Warning", Reason.CLEANUP_FAILED.value, f"the namespace goes: {fault}"))
    await _let_go(current)
    return True


async def end_cluster(current: Pass[Any]) -> bool:
    """Let the cluster go, unless it is protected; whether it is gone. What it owns goes with it."""
    if FINALIZER not in (current.body["metadata"].get("finalizers") or ()):
        return True
    if _is_protected(current) and not await _namespace_goes(current):
        _say(current, Reason.DELETION_PROTECTED, f"annotation {DELETION_PROTECTION} is set")
        return False
    await _let_go(current)
    return True


async def protect(current: Pass[Any]) -> None:
    """A protected cluster has the finalizer, another has none: nothing of it is outside Kubernetes."""
    meta = current.body["metadata"]
    finalizers = list(meta.get("finalizers") or ())
    wanted = [each for each in finalizers if each != FINALIZER]
    if _is_protected(current):
        wanted = finalizers if FINALIZER in finalizers else [*finalizers, FINALIZER]
    if wanted != finalizers:
        await _set_finalizers(current, wanted)


async def _clear(current: ProjectPass) -> str | None:
    """Clear the project from the stores; why it cannot be."""
    policy = current.resource.spec.deletion_policy
    try:
        serving = await clusters.serving(current.key, world=current.world)
    except NoCluster as error:
        never = cluster_key(current.before) is None
        return None if never or policy == "Retain" else str(error)
    except KubeError as error:
        return explain(error)[1]
    if current.world.claims.namesake(current.key, cluster=serving.key) is not None:
        return None  # what is in the stores under this name is another project's
    try:
        user = serving.at.keeps_users and not warehouse_user.was_refused(current)
        await current.world.stores.remove(current.key.name, policy=policy, user=user, at=serving.at)
    except StoreError as error:
        return str(error)
    current.world.known.ensured.pop(current.key, None)
    return None


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
