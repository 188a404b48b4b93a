"""What scales pods besides the operator itself: HorizontalPodAutoscalers, and KEDA where it is asked for and there."""

from typing import Final

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

    Two triggers: orders that wait, and orders in hand. With the first alone, an empty queue would end workers in
    the middle of their work.
    """
    if workers.scaler != "Keda" or SCALED_OBJECT not in platform.kinds:
        return []
    least = 0 if workers.scale_to_zero else workers.min
    ceiling = min(workers.max, most or workers.max)
    if workers.replicas is not None:
        least = ceiling = workers.replicas
    fallback = {"fallback": {"failureThreshold": 3, "replicas": workers.fallback}} if workers.fallback else {}
    queue = f"drain-{pool}"
    scaled = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": SCALED_OBJECT,
        "metadata": place.meta(name),
        "spec": {
            "scaleTargetRef": {"name": name},
            "pollingInterval": POLL_S,
            "cooldownPeriod": int(span(workers.cooldown).total_seconds()),
            "minReplicaCount": least,
            "maxReplicaCount": max(ceiling, 1),
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "behavior": _behaviour(int(span(workers.stabilization).total_seconds()))
                }
            },
            **fallback,
            "triggers": [
                _trigger(platform, name, f"rq:queue:{queue}"),
                _trigger(platform, name, f"rq:wip:{queue}"),
            ],
        },
    }
    return [_authentication(platform, name, place), scaled]


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


def _trigger(platform: Platform, name: str, key: str) -> Object:
    """One list or sorted set of RQ. An order is a shard's work, so each wants a worker."""
    host = addresses.host(platform.cluster, addresses.workload(platform.cluster, Component.REDIS))
    managed = {"address": f"{host}:{addresses.REDIS_PORT}"} if platform.spec.redis.mode == "Managed" else {}
    return {
        "type": "redis",
        "metadata": {
            **managed,
            **({"enableTLS": "true"} if platform.redis.tls else {}),
            "databaseIndex": str(platform.redis.database),
            "listName": key,
            "listLength": "1",
        },
        "authenticationRef": {"name": name},
    }


def _authentication(platform: Platform, name: str, place: Place) -> Object:
    external = platform.spec.redis.external
    if external is not None:
        targets = [{"parameter": key, "name": external.secret_name, "key": key} for key in REDIS_KEYS]
    else:
        secret = addresses.redis_secret(platform.cluster)
        targets = [{"parameter": "password", "name": secret, "key": PASSWORD}]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": place.meta(name),
        "spec": {"secretTargetRef": targets},
    }
