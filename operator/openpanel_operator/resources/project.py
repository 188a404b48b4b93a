"""`AnalyticsProject` as the operator reads it: the spec that `openpanel apply` reads, too."""

from collections.abc import Mapping
from typing import Any

from openpanel.tenancy.manifest import AnalyticsProject
from openpanel.tenancy.spec import AnalyticsProjectSpec
from openpanel_operator.resources.resource import PROJECT, Resource, read, validated

Project = Resource[AnalyticsProjectSpec]


def parse_project(body: Mapping[str, Any]) -> Project:
    """The project in `body`; raises `InvalidSpec` if nothing can be made of its spec."""
    project = read(body, model=AnalyticsProjectSpec)
    manifest(project)
    return project


def manifest(project: Project) -> AnalyticsProject:
    """The project as `openpanel.tenancy` takes it; raises `InvalidSpec` if two clients share a secret."""
    return validated(
        AnalyticsProject,
        {
            "apiVersion": PROJECT.api_version,
            "kind": PROJECT.name,
            "metadata": {"name": project.name},
            "spec": project.spec,
        },
    )
