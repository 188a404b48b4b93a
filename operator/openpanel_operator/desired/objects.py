"""What all rendered objects have: apiVersion, kind, name, namespace, labels, owner; and the small kinds built of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """What the metadata of an object says besides its name."""

    namespace: str
    labels: Mapping[str, str]
    owners: tuple[Object, ...] = ()

    def meta(self, name: str, *, annotations: Mapping[str, str] | None = None) -> Object:
        """The metadata of one object."""
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": dict(self.labels),
            **({"annotations": dict(annotations)} if annotations else {}),
            **({"ownerReferences": [dict(owner) for owner in self.owners]} if self.owners else {}),
        }

    def with_labels(self, more: Mapping[str, str]) -> "Place":
        """The same with further labels, which take the place of none."""
        return replace(self, labels={**more, **self.labels})


def config_map(name: str, *, place: Place, data: Mapping[str, str]) -> Object:
    """Files for pods."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": place.meta(name), "data": dict(data)}


def service(
    name: str,
    *,
    place: Place,
    selector: Mapping[str, str],
    ports: Mapping[str, int],
    headless: bool = False,
) -> Object:
    """A name for pods. Headless ones have a name each, before they are ready too: that is how they find together."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": place.meta(name),
        "spec": {
            "type": "ClusterIP",
            **({"clusterIP": "None", "publishNotReadyAddresses": True} if headless else {}),
            "selector": dict(selector),
            "ports": [
                {"name": port, "port": number, "targetPort": port, "protocol": "TCP"}
                for port, number in ports.items()
            ],
        },
    }


def disruption_budget(name: str, *, place: Place, selector: Mapping[str, str], most_away: int = 1) -> Object:
    """How many of these pods a drained node may take away at once. Pods that are broken never hold up a drain."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": place.meta(name),
        "spec": {
            "maxUnavailable": most_away,
            "selector": {"matchLabels": dict(selector)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def volume_claim(name: str, *, labels: Mapping[str, str], size: str, class_name: str | None) -> Object:
    """A claim template of a StatefulSet."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            **({"storageClassName": class_name} if class_name else {}),
            "resources": {"requests": {"storage": size}},
            "volumeMode": "Filesystem",
        },
    }


def checksum(*parts: object) -> str:
    """A short checksum of plain values, the same in every process."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def checksum_of(names: Iterable[str], *, known: Mapping[str, str]) -> str:
    """A checksum of these Secrets or ConfigMaps; "" when none of them was read yet."""
    found = {name: known[name] for name in sorted(set(names)) if name in known}
    return checksum(found) if found else ""
