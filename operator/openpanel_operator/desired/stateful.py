"""StatefulSets of one pod: stores never share a set, so that each server can be changed, replaced or lost alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from openpanel_operator.desired.objects import Object, Place, volume_claim

DATA_VOLUME: Final = "data"


@dataclass(frozen=True, slots=True)
class Claim:
    """The volume of the pod, and whether it goes when its set is deleted."""

    size: str
    class_name: str | None
    when_deleted: Literal["Retain", "Delete"]


def stateful_set(
    name: str,
    *,
    place: Place,
    selector: Mapping[str, str],
    service: str,
    template: Object,
    claim: Claim,
    on_delete: bool = False,
) -> Object:
    """A set of one pod. `on_delete`: a changed template waits until somebody, one pod after the other, deletes them."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": place.meta(name),
        "spec": {
            "replicas": 1,
            "serviceName": service,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 3,
            "updateStrategy": _update_strategy(on_delete=on_delete),
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": claim.when_deleted,
                "whenScaled": "Retain",
            },
            "selector": {"matchLabels": dict(selector)},
            "template": template,
            "volumeClaimTemplates": [
                volume_claim(DATA_VOLUME, labels=selector, size=claim.size, class_name=claim.class_name)
            ],
        },
    }


def _update_strategy(*, on_delete: bool) -> Object:
    if on_delete:
        return {"type": "OnDelete"}
    # The partition is said, because the API server would add it to a set whose strategy somebody took away.
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
