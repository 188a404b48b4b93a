"""What scales pods besides the operator itself: HorizontalPodAutoscalers, and KEDA where it is asked for and there."""

from typing import Final

from openpanel.metadata import SHARED_POOL
from openpanel.tenancy.fields import span
from openpanel.tenancy.workload import Workers
from openpanel_operator.desired import addresses
from openpanel_operator.desired.credentials import PASSWORD
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.objects import Object, Place
from openpanel_operator.desired.platform import Platform

SCALED_OBJECT: Final = "ScaledObject"
# KEDA takes no URL, so the Secret of an external Redis names host and port, and the password, a second time.
REDIS_KEYS: Final = ("address", PASSWORD)
# And the user, where there is one: KEDA takes a key that is not there for an empty value, which Redis takes for none.
REDIS_USER: Final = "username"
# KEDA gives a HorizontalPodAutoscaler of its own the labels of the ScaledObject, but for these. With ours it would
# count as one of the resource's objects that nobody wants any more, and be deleted whenever KEDA has made it.
KEPT_LABELS: Final = "scaledobject.keda.sh/hpa-excluded-labels"
PAUSED_AT: Final = "autoscaling.keda.sh/paused-replicas"
# RQ's names: a list of orders that wait, a sorted set of those in hand.
_WAITING: Final = "rq:queue:{}"
_IN_HAND: Final = "rq:wip:{}"
_JOBS: Final = "jobs"  # the orders that are no drains; the shared workers take them
POLL_S: Final = 15
UP_PERIOD_S: Final = 15
DOWN_PERIOD_S: Final = 60
DOWN_WINDOW_S: Final = 300


def horizontal_autoscaler(name: str, *, place: Place, least: int, most: int, cpu: int, memory: int) -> Object:
    """The number of pods of the Deployment of that name follows processor and memory: fast up, slow down."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": place.meta(name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [_utilization("cpu", cpu), _utilization("memory", memory)],
            "behavior": _behaviour(DOWN_WINDOW_S),
        },
    }


def queue_scaler(
    platform: Platform, *, name: str, place: Place, workers: Workers, pool: str, most: int | None = None
) -> list[Object]:
    """KEDA's objects for the workers of a pool; none where the operator itself scales, or KEDA is not installed.

    What counts is the sum of the orders that wait and of those in hand, since each wants a worker. Of two triggers
    alone the greater one would count: half of the workers would be enough for it, and an empty queue would end them
    in the middle of their work.
    """
    if workers.scaler != "Keda" or SCALED_OBJECT not in platform.kinds:
        return []
    triggers = _triggers(platform, name, pool)
    scaled = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": SCALED_OBJECT,
        "metadata": place.meta(name, annotations=_annotations(place, workers)),
        "spec": {
            "scaleTargetRef": {"name": name},
            "pollingInterval": POLL_S,
            "cooldownPeriod": int(span(workers.cooldown).total_seconds()),
            **_bounds(workers, most),
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "behavior": _behaviour(int(span(workers.stabilization).total_seconds()))
                },
                "scalingModifiers": {"formula": " + ".join(each["name"] for each in triggers), "target": "1"},
            },
            **_fallback(workers),
            "triggers": triggers,
        },
    }
    return [_authentication(platform, name, place), scaled]


def _annotations(place: Place, workers: Workers) -> dict[str, str]:
    """A ScaledObject has no least number of workers that is also the greatest where that is none: KEDA pauses there."""
    paused = {PAUSED_AT: "0"} if workers.replicas == 0 else {}
    return {KEPT_LABELS: ",".join(sorted(place.labels)), **paused}


def _bounds(workers: Workers, most: int | None) -> Object:
    least = 0 if workers.scale_to_zero else workers.min
    ceiling = min(workers.max, most or workers.max)
    if workers.replicas is not None:
        least = ceiling = workers.replicas
    return {"minReplicaCount": least, "maxReplicaCount": max(ceiling, 1)}


def _fallback(workers: Workers) -> Object:
    """More workers than these stay."""
    if workers.fallback is None:
        return {}
    behaviour = "currentReplicasIfHigher"
    return {"fallback": {"failureThreshold": 3, "replicas": workers.fallback, "behavior": behaviour}}


def _utilization(resource: str, percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def _behaviour(window_s: int) -> Object:
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": UP_PERIOD_S},
                {"type": "Pods", "value": 4, "periodSeconds": UP_PERIOD_S},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": min(window_s, 3600),
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 10, "periodSeconds": DOWN_PERIOD_S},
                {"type": "Pods", "value": 1, "periodSeconds": DOWN_PERIOD_S},
            ],
        },
    }


def _triggers(platform: Platform, name: str, pool: str) -> list[Object]:
    orders = {"drains": f"drain-{pool}", **({"jobs": _JOBS} if pool == SHARED_POOL else {})}
    return [
        _trigger(platform, name, term=f"{kind}_{state}", key=key.format(queue))
        for kind, queue in orders.items()
        for state, key in (("waiting", _WAITING), ("in_hand", _IN_HAND))
    ]


def _trigger(platform: Platform, name: str, *, term: str, key: str) -> Object:
    """How many there are in one list or sorted set of RQ, for the formula."""
    host = addresses.host(platform.cluster, addresses.workload(platform.cluster, Component.REDIS))
    managed = {"address": f"{host}:{addresses.REDIS_PORT}"} if platform.spec.redis.mode == "Managed" else {}
    return {
        "type": "redis",
        "name": term,
        "metadata": {
            **managed,
            **({"enableTLS": "true"} if platform.redis.tls else {}),
            "databaseIndex": str(platform.redis.database),
            "listName": key,
        },
        "authenticationRef": {"name": name},
    }


def _authentication(platform: Platform, name: str, place: Place) -> Object:
    external = platform.spec.redis.external
    if external is not None:
        keys = (*REDIS_KEYS, REDIS_USER)
        targets = [{"parameter": key, "name": external.secret_name, "key": key} for key in keys]
    else:
        secret = addresses.redis_secret(platform.cluster)
        targets = [{"parameter": "password", "name": secret, "key": PASSWORD}]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": place.meta(name),
        "spec": {"secretTargetRef": targets},
    }
