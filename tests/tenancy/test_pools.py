"""Whose streams take a project's events."""

import pytest

from openpanel.tenancy import parse
from openpanel.tenancy.manifest import AnalyticsProject
from openpanel.tenancy.pools import ProjectPool, own_name, pool_of

SHARED = ProjectPool("shared", 8)


def a_project(name: str = "shop", spec: str = "{}") -> AnalyticsProject:
    (project,) = parse(
        "apiVersion: openpanel.dev/v1alpha1\nkind: AnalyticsProject\n"
        f"metadata: {{name: {name}}}\nspec: {spec}\n"
    )
    return project


def test_project_without_ingest_of_its_own_is_in_the_pool_of_all() -> None:
    assert pool_of(a_project(), shared=SHARED) == SHARED


@pytest.mark.parametrize(("workers", "shards"), [("{max: 3}", 3), ("{max: 3, shards: 12}", 12), ("{}", 4)])
def test_dedicated_project_has_a_stream_for_each_of_its_workers(workers: str, shards: int) -> None:
    wanted = a_project(spec=f"{{ingest: {{mode: Dedicated}}, workers: {workers}}}")

    assert pool_of(wanted, shared=SHARED) == ProjectPool("shop", shards)


def test_own_pool_is_never_the_pool_of_all() -> None:
    wanted = a_project(name="shared", spec="{ingest: {mode: Dedicated}}")

    assert pool_of(wanted, shared=SHARED).name == "shared_" != own_name("shop", shared="shared")
