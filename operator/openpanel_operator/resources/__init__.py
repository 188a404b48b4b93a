"""The resources of the platform: what their specs say, what their status reports, and the CRDs made of both.

Knows no API server, no kopf and no store.
"""

from openpanel_operator.resources.cluster import Cluster, PanelClusterSpec, parse_cluster
from openpanel_operator.resources.project import Project, parse_project
from openpanel_operator.resources.resource import CLUSTER, PROJECT, InvalidSpec, Kind, Resource

__all__ = [
    "CLUSTER",
    "PROJECT",
    "Cluster",
    "InvalidSpec",
    "Kind",
    "PanelClusterSpec",
    "Project",
    "Resource",
    "parse_cluster",
    "parse_project",
]
