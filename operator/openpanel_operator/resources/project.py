"""`AnalyticsProject` as the operator reads it: the spec that `openpanel apply` reads, too."""

from collections.abc import Mapping
from typing import Any, Final

from openpanel.tenancy.manifest import GROUP, AnalyticsProject
from openpanel.tenancy.spec import AnalyticsProjectSpec
from openpanel_operator.resources.resource import PROJECT, Resource, read, validated

ALLOW_DATA_LOSS: Final = f"{GROUP}/allow-data-loss"  # annotation; "true": a shorter retention may delete data

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
            "metadata": {"name": project.name, "annotations": _consent(project)},
            "spec": project.spec.model_copy(update={"organization": organization(project)}),
        },
    )


def organization(project: Project) -> str:
    """Id of the organization that the project belongs to: that of its namespace, unless it names another."""
    return project.spec.organization or project.namespace


def _consent(project: Project) -> dict[str, str]:
    """The annotations that the stores have to know of."""
    return {name: value for name, value in project.annotations.items() if name == ALLOW_DATA_LOSS}
