"""What workloads, pods and Jobs say of themselves, as values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openpanel_operator.resources.reasons import Reason


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the pods of a workload are."""

    ready: int
    desired: int
    complete: bool  # every pod is of the newest template and serves

    @property
    def serves(self) -> bool:
        """Whether anybody is there, or nobody is wanted."""
        return self.complete or self.ready > 0


ABSENT: Final = Rollout(0, 1, complete=False)


def rollout(workload: Mapping[str, Any] | None) -> Rollout:
    """Of a Deployment or StatefulSet; absent ones are not ready."""
    if workload is None:
        return ABSENT
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    desired = int(spec.get("replicas", 1))
    ready = int(status.get("readyReplicas") or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(workload["metadata"].get("generation") or 0)
    updated = int(status.get("updatedReplicas") or 0)
    total = int(status.get("replicas") or 0)
    if status.get("updateRevision") and status.get("updateRevision") == status.get("currentRevision"):
        updated = max(updated, ready)  # a StatefulSet counts no updated pods once the update is over
    complete = seen and ready >= desired and updated >= desired and total <= max(desired, updated)
    return Rollout(ready, desired, complete)


def image_of(workload: Mapping[str, Any]) -> str:
    """The image of the first container of a workload's pods."""
    containers = workload["spec"]["template"]["spec"].get("containers") or [{}]
    return str(containers[0].get("image", ""))


def revision_of(workload: Mapping[str, Any], *, annotation: str) -> str:
    """What the workload's pod template has noted."""
    notes = workload["spec"]["template"].get("metadata", {}).get("annotations") or {}
    return str(notes.get(annotation, ""))


def is_job_done(job: Mapping[str, Any]) -> bool:
    """Whether the Job came to its end."""
    return _has(job, "Complete")


def job_failure(job: Mapping[str, Any]) -> str | None:
    """Why the Job gave up; None: it did not."""
    found = [each for each in _conditions(job) if each["type"] == "Failed" and each["status"] == "True"]
    return str(found[0].get("message") or found[0].get("reason") or "it failed") if found else None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why pods do not become ready."""

    reason: Reason
    message: str


_IMAGE: Final = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"})


def trouble_of(pods: Sequence[Mapping[str, Any]]) -> Trouble | None:
    """The worst that the pods tell; None: they are only starting."""
    found = [trouble for pod in pods if (trouble := _pod_trouble(pod)) is not None]
    order = [Reason.IMAGE_UNAVAILABLE, Reason.OUT_OF_MEMORY, Reason.CRASH_LOOPING, Reason.VOLUME_UNBOUND]
    return min(
        found,
        key=lambda trouble: order.index(trouble.reason) if trouble.reason in order else len(order),
        default=None,
    )


REFUSED: Final = "FailedCreate"  # how controllers call a pod that they were not let make
MADE: Final = "SuccessfulCreate"


def refusal_in(workload: Mapping[str, Any]) -> Trouble | None:
    """Why a Deployment's pods are not even made; None: they are, or it is a workload that does not say so itself."""
    found = [
        each
        for each in _conditions(workload)
        if each["type"] == "ReplicaFailure" and each["status"] == "True"
    ]
    return refusal(str(found[0].get("message", ""))) if found else None


def refusal_among(events: Sequence[Mapping[str, Any]]) -> Trouble | None:
    """The same of the Events about a StatefulSet or a Job, as long as no pod was made since."""
    told = [each for each in events if each.get("reason") in {REFUSED, MADE}]
    last = max(told, key=_told_at, default=None)
    if last is None or last["reason"] != REFUSED:
        return None
    return refusal(str(last.get("message", "")))


def refusal(message: str) -> Trouble:
    """What the API server said to a controller that wanted to make a pod."""
    return Trouble(Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.FORBIDDEN, message)


def blind_autoscaler(autoscaler: Mapping[str, Any]) -> str | None:
    """Why an autoscaler sees nothing that it could decide by; None: it sees, or nobody has looked yet."""
    found = [
        each
        for each in _conditions(autoscaler)
        if each["type"] == "ScalingActive"
        and each["status"] == "False"
        and str(each.get("reason", "")).startswith("FailedGet")
    ]
    return str(found[0].get("message", "")) if found else None


def lacks_pods(workload: Mapping[str, Any]) -> bool:
    """Whether there are fewer pods than wanted, ready or not."""
    there = int((workload.get("status") or {}).get("replicas") or 0)
    return there < int(workload["spec"].get("replicas", 1))


def is_pod_ready(pod: Mapping[str, Any]) -> bool:
    """Whether the pod serves."""
    return _has(pod, "Ready")


def _pod_trouble(pod: Mapping[str, Any]) -> Trouble | None:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        ended = (container.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") in _IMAGE:
            message = waiting.get("message") or waiting["reason"]
            return Trouble(Reason.IMAGE_UNAVAILABLE, f"{container.get('image')} of pod {name}: {message}")
        if ended.get("reason") == "OOMKilled":
            return Trouble(Reason.OUT_OF_MEMORY, f"{container['name']} of pod {name}")
        if waiting.get("reason") == "CrashLoopBackOff":
            code = ended.get("exitCode", "unknown")
            return Trouble(
                Reason.CRASH_LOOPING, f"{container['name']} of pod {name} ended with exit code {code}"
            )
    for condition in _conditions(pod):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            message = str(condition.get("message", ""))
            unbound = "PersistentVolumeClaim" in message or "persistent volume" in message
            reason = Reason.VOLUME_UNBOUND if unbound else Reason.UNSCHEDULABLE
            return Trouble(reason, f"pod {name}: {message}")
    return None


def _told_at(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    meta = event["metadata"]
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((each for each in times if each), meta.get("creationTimestamp", "")))


def _conditions(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((body.get("status") or {}).get("conditions") or ())


def _has(body: Mapping[str, Any], type_: str) -> bool:
    return any(each["type"] == type_ and each["status"] == "True" for each in _conditions(body))
