"""Whose an object is: the owner reference by which the API server clears it away, where there can be one."""

from typing import Any

from openpanel_operator.desired.objects import Object
from openpanel_operator.resources.resource import CLUSTER, PROJECT, Kind, Resource


def cluster_owners(cluster: Resource[Any]) -> tuple[Object, ...]:
    """Of objects of a PanelCluster."""
    return (_reference(cluster, CLUSTER),)


def project_owners(project: Resource[Any], *, namespace: str) -> tuple[Object, ...]:
    """Of objects of a project in `namespace`.

    An owner in another namespace counts as gone, and the object would be deleted for it: such objects have labels
    only, and whoever deletes the project deletes them.
    """
    return (_reference(project, PROJECT),) if namespace == project.namespace else ()


def _reference(owner: Resource[Any], kind: Kind) -> Object:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
    }
