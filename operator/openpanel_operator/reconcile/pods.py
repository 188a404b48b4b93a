"""Pods, when a look at their workload is not enough: why they do not start, and those that nobody else replaces.

A StatefulSet never replaces a pod of an old template that is not ready: after a wrong image was corrected, such a
pod stays for ever. So it is deleted here. A set that waits for its pods to be deleted (`OnDelete`) has them deleted
here too, in the order that `desired.rolling` decides.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from openpanel_operator.desired import labels as names
from openpanel_operator.desired.rolling import Server, next_to_replace
from openpanel_operator.kube import Kube, Object, Ref
from openpanel_operator.kube.kinds import POD, STATEFUL_SET
from openpanel_operator.kube.objects import is_deleting, labels, ref_of
from openpanel_operator.reconcile.readiness import Trouble, is_pod_ready, trouble_of
from openpanel_operator.reconcile.workloads import Workload

REVISION: Final = "controller-revision-hash"  # label that a StatefulSet's controller puts on its pods

CaughtUp = Callable[[Workload, Object], bool]
"""Whether a workload's pod has what the others have."""


async def trouble(kube: Kube, workloads: Sequence[Workload]) -> Trouble | None:
    """Why the pods of these workloads do not become ready; None: they are only starting."""
    for workload in workloads:
        if not workload.rollout.complete:
            found = trouble_of(await _pods(kube, workload))
            if found is not None:
                return found
    return None


async def replace(kube: Kube, workloads: Sequence[Workload], *, caught_up: CaughtUp) -> list[Ref]:
    """Delete the pods whose turn it is, one of each component at most; which."""
    by_component: defaultdict[str, list[Workload]] = defaultdict(list)
    for workload in workloads:
        if workload.ref.kind == STATEFUL_SET:
            by_component[workload.component].append(workload)
    gone = []
    for group in by_component.values():
        if any(_may_be_outdated(workload) for workload in group):
            gone += await _replace(kube, group, caught_up)
    return gone


def is_waiting(workloads: Sequence[Workload]) -> bool:
    """Whether some set may wait for its pod to be replaced."""
    return any(workload.ref.kind == STATEFUL_SET and _may_be_outdated(workload) for workload in workloads)


def has_other_secrets(pod: Object, workload: Workload) -> bool:
    """Whether the pod was started with other credentials than its workload's pods are to have now."""
    wanted = workload.body["spec"]["template"]["metadata"].get("annotations") or {}
    return (pod["metadata"].get("annotations") or {}).get(names.SECRETS) != wanted.get(names.SECRETS)


async def _replace(kube: Kube, group: Sequence[Workload], caught_up: CaughtUp) -> list[Ref]:
    found: dict[str, Object] = {}
    servers = []
    for workload in group:
        for pod in await _pods(kube, workload):
            server = _server(pod, workload, caught_up=caught_up(workload, pod))
            found[server.name] = pod
            servers.append(server)
    if any(is_deleting(pod) for pod in found.values()):
        return []
    chosen = next_to_replace(servers)
    if chosen is None or not (_is_by_hand(group) or not chosen.ready):
        return []
    pod = found[chosen.name]
    ref = ref_of(pod, kind=POD)
    await kube.delete(ref, uid=pod["metadata"]["uid"])
    return [ref]


def _server(pod: Object, workload: Workload, *, caught_up: bool) -> Server:
    newest = (workload.body.get("status") or {}).get("updateRevision")
    marks = labels(workload.body)
    order = tuple(
        int(marks[name])
        for name in (names.SHARD, names.REPLICA, names.MEMBER)
        if marks.get(name, "").isdecimal()
    )
    return Server(
        name=pod["metadata"]["name"],
        order=order,
        outdated=bool(newest) and labels(pod).get(REVISION, newest) != newest,
        ready=is_pod_ready(pod),
        caught_up=caught_up,
    )


def _is_by_hand(group: Sequence[Workload]) -> bool:
    return any(
        (workload.body["spec"].get("updateStrategy") or {}).get("type") == "OnDelete" for workload in group
    )


def _may_be_outdated(workload: Workload) -> bool:
    """The controller of a set that waits never says that it is through, so its pods have to be asked."""
    status = workload.body.get("status") or {}
    return bool(status.get("updateRevision")) and status.get("updateRevision") != status.get(
        "currentRevision"
    )


async def _pods(kube: Kube, workload: Workload) -> list[Object]:
    found = await kube.listed(POD, namespace=workload.ref.namespace, selector=workload.selector)
    if workload.ref.kind != STATEFUL_SET:
        return found
    owner = workload.body["metadata"].get("uid")  # sets of one component may share their labels
    return [
        pod
        for pod in found
        if any(each.get("uid") == owner for each in pod["metadata"].get("ownerReferences") or ())
    ]
