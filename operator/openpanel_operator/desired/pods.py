"""Pods and containers as the restricted security standard wants them, spread over zones and hosts.

Every pod template of the operator is made here, so that none can forget it: not root, read-only root file system,
no capabilities, no service account token, the runtime's own seccomp profile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openpanel_operator.desired.objects import Object

OPENPANEL_UID: Final = 10001
STORE_UID: Final = 999  # of redis and postgres in their official images
CLICKHOUSE_UID: Final = 101

ZONE: Final = "topology.kubernetes.io/zone"
HOSTNAME: Final = "kubernetes.io/hostname"

TEMPORARY: Final = "tmp"


@dataclass(frozen=True, slots=True)
class Probe:
    """When a container is alive, ready or started. Times in seconds."""

    how: Mapping[str, object]
    period: int = 5
    timeout: int = 3
    failures: int = 3
    successes: int = 1

    def render(self) -> Object:
        """As Kubernetes writes it."""
        return {
            **self.how,
            "periodSeconds": self.period,
            "timeoutSeconds": self.timeout,
            "failureThreshold": self.failures,
            "successThreshold": self.successes,
        }


def http_get(path: str, *, port: str) -> dict[str, object]:
    """A probe that asks a page."""
    return {"httpGet": {"path": path, "port": port, "scheme": "HTTP"}}


def run(*command: str) -> dict[str, object]:
    """A probe that runs a command in the container."""
    return {"exec": {"command": list(command)}}


@dataclass(frozen=True, slots=True)
class Container:
    """One container; what it does not say is left to the image."""

    name: str
    image: str
    pull_policy: str = "IfNotPresent"
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    env: Sequence[Object] = ()
    ports: Mapping[str, int] | None = None
    mounts: Sequence[Object] = ()
    resources: Mapping[str, Mapping[str, str]] | None = None
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    before_stop: Mapping[str, object] | None = None

    def render(self) -> Object:
        """As Kubernetes writes it, with a folder for temporary files."""
        hooks = {
            "startupProbe": self.startup and self.startup.render(),
            "readinessProbe": self.readiness and self.readiness.render(),
            "livenessProbe": self.liveness and self.liveness.render(),
            "lifecycle": self.before_stop and {"preStop": dict(self.before_stop)},
        }
        return {
            "name": self.name,
            "image": self.image,
            "imagePullPolicy": self.pull_policy,
            **({"command": list(self.command)} if self.command else {}),
            **({"args": list(self.args)} if self.args else {}),
            **({"env": list(self.env)} if self.env else {}),
            **({"ports": _ports(self.ports)} if self.ports else {}),
            "volumeMounts": [{"name": TEMPORARY, "mountPath": "/tmp"}, *self.mounts],  # noqa: S108 - a volume
            **(
                {"resources": {key: dict(value) for key, value in self.resources.items()}}
                if self.resources
                else {}
            ),
            **{key: value for key, value in hooks.items() if value},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
        }


@dataclass(frozen=True, slots=True)
class Placement:
    """Where pods may run and how they keep apart."""

    node_selector: Mapping[str, str]
    tolerations: Sequence[Object] = ()
    spread_over: str = ZONE
    priority_class: str | None = None


def pod(
    containers: Iterable[Container],
    *,
    selector: Mapping[str, str],
    placement: Placement,
    uid: int,
    volumes: Iterable[Object] = (),
    before: Iterable[Container] = (),
    pull_secrets: Iterable[str] = (),
    grace_s: int = 30,
) -> Object:
    """The spec of a pod. `selector` tells its fellows, from which it keeps apart; `before` are init containers."""
    first = [container.render() for container in before]
    secrets = [{"name": name} for name in pull_secrets]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": uid,
            "runAsGroup": uid,
            "fsGroup": uid,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"imagePullSecrets": secrets} if secrets else {}),
        **({"initContainers": first} if first else {}),
        "containers": [container.render() for container in containers],
        "volumes": [{"name": TEMPORARY, "emptyDir": {"sizeLimit": "256Mi"}}, *volumes],
        **_placed(placement, selector),
    }


def template(
    spec: Object, *, labels: Mapping[str, str], annotations: Mapping[str, str | None] | None = None
) -> Object:
    """A pod template; annotations without a value are left out."""
    notes = {key: value for key, value in (annotations or {}).items() if value}
    return {
        "metadata": {"labels": dict(labels), **({"annotations": notes} if notes else {})},
        "spec": spec,
    }


def value(name: str, content: object) -> Object:
    """An environment variable with this content."""
    return {"name": name, "value": str(content)}


def secret_value(name: str, *, secret: str, key: str, optional: bool = False) -> Object:
    """An environment variable from a Secret."""
    reference = {"name": secret, "key": key, **({"optional": True} if optional else {})}
    return {"name": name, "valueFrom": {"secretKeyRef": reference}}


def mount(name: str, path: str, *, read_only: bool = False, sub_path: str | None = None) -> Object:
    """A volume in a container."""
    return {
        "name": name,
        "mountPath": path,
        **({"readOnly": True} if read_only else {}),
        **({"subPath": sub_path} if sub_path else {}),
    }


def secret_volume(name: str, *, secret: str, keys: Iterable[str]) -> Object:
    """Keys of a Secret as files that only the pod's own group may read."""
    items = [{"key": key, "path": key} for key in keys]
    return {"name": name, "secret": {"secretName": secret, "items": items, "defaultMode": 0o440}}


def config_volume(name: str, *, config_map: str) -> Object:
    """A ConfigMap as files."""
    return {"name": name, "configMap": {"name": config_map, "defaultMode": 0o444}}


def empty_volume(name: str, *, size: str, memory: bool = False) -> Object:
    """A folder that lives as long as its pod."""
    return {"name": name, "emptyDir": {"sizeLimit": size, **({"medium": "Memory"} if memory else {})}}


def _ports(ports: Mapping[str, int]) -> list[Object]:
    return [{"name": name, "containerPort": number, "protocol": "TCP"} for name, number in ports.items()]


def _placed(placement: Placement, selector: Mapping[str, str]) -> Object:
    """Fellows prefer other hosts and are even over zones, where that can be: a full zone starts no outage."""
    fellows = {"matchLabels": dict(selector)}
    return {
        **({"nodeSelector": dict(placement.node_selector)} if placement.node_selector else {}),
        **({"tolerations": list(placement.tolerations)} if placement.tolerations else {}),
        **({"priorityClassName": placement.priority_class} if placement.priority_class else {}),
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 100, "podAffinityTerm": {"labelSelector": fellows, "topologyKey": HOSTNAME}}
                ]
            }
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": placement.spread_over,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": fellows,
            }
        ],
    }
