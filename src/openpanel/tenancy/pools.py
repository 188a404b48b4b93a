"""Whose streams take a project's events: those of everybody, or its own when its ingest is dedicated. Pure."""

from typing import NamedTuple

from openpanel.metadata.records import SHARED_POOL
from openpanel.tenancy.manifest import AnalyticsProject


class ProjectPool(NamedTuple):
    """The pool of a project and over how many streams it spreads events."""

    name: str
    shards: int


SHARED: ProjectPool = ProjectPool(SHARED_POOL, 1)


def pool_of(wanted: AnalyticsProject, *, shared: ProjectPool = SHARED) -> ProjectPool:
    """The pool that the manifest asks for; `shared` is the one of all projects without ingest of their own.

    Only for installations that start workers for such pools: elsewhere every project belongs into `shared`.
    """
    if wanted.spec.ingest.mode != "Dedicated":
        return shared
    return ProjectPool(own_name(wanted.name, shared=shared.name), wanted.spec.workers.streams)


def own_name(project: str, *, shared: str = SHARED_POOL) -> str:
    """The name of the project's own pool: the project's, unless it is called like the pool of all.

    Names of projects have no underscore, so the other form is free.
    """
    return f"{project}_" if project == shared else project
