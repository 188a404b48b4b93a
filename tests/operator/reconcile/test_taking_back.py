"""A roll-out that went wrong is taken back, also after its migration: the older version has nothing to migrate."""

import dataclasses

import pytest

from openpanel_operator.kube import Key, Ref
from openpanel_operator.kube.kinds import JOB
from tests.operator.reconcile.test_cluster import image
from tests.operator.reconcile.worlds import Scene, finish, make_cluster


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster of 1.9.0 that a newer operator has begun to bring to its own version, 1.10.0; the tables are of that."""
    scene.stores.current = False
    key = await make_cluster(scene, version="1.9.0")
    await scene.settle(key)
    scene.world = dataclasses.replace(scene.world, version="1.10.0")
    scene.reconciler._world = scene.world
    await scene.change(key, version="1.10.0")
    await scene.reconcile(key)
    (job,) = await jobs(scene)
    await finish(scene.kube, job)
    scene.stores.current = True
    await scene.reconcile(key)
    await scene.reconcile(key)
    assert (await image(scene, "panel-worker")).endswith(":1.10.0")
    return key


async def jobs(scene: Scene) -> list[Ref]:
    found = await scene.kube.listed(JOB, namespace=scene.namespace)
    return [Ref(JOB, scene.namespace, job["metadata"]["name"]) for job in found]


async def test_version_set_back_after_its_migration_brings_the_older_images_again(
    scene: Scene, panel: Key
) -> None:
    await scene.change(panel, version="1.9.0")

    await scene.reconcile(panel)

    assert (await image(scene, "panel-worker")).endswith(":1.9.0")
    assert (await scene.condition(panel, "SchemaInSync"))["status"] == "True"
    await scene.settle(panel)
    assert await jobs(scene) == []
    assert (await scene.condition(panel, "Ready"))["status"] == "True"
    assert (await scene.status(panel))["version"] == "1.9.0"
    assert await scene.writes_of(panel) == []


async def test_version_that_was_set_back_can_be_taken_again(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="1.9.0")
    await scene.settle(panel)

    await scene.change(panel, version="1.10.0")
    await scene.settle(panel)

    assert (await image(scene, "panel-dashboard")).endswith(":1.10.0")
    assert (await scene.condition(panel, "UpToDate"))["status"] == "True"


async def test_job_of_the_older_version_that_the_tables_refused_stops_nothing(
    scene: Scene, panel: Key
) -> None:
    scene.stores.away["PostgreSQL"] = "no answer"  # so that nobody can say of which version the tables are
    await scene.change(panel, version="1.9.0")
    await scene.reconcile(panel)
    (job,) = await jobs(scene)
    await finish(scene.kube, job, failed=True)
    scene.stores.away.clear()

    for _ in range(3):
        await scene.reconcile(panel)  # until the Job, which nothing may end once more, is gone
    await scene.settle(panel)

    assert await jobs(scene) == []
    assert (await image(scene, "panel-dashboard")).endswith(":1.9.0")
    assert (await scene.condition(panel, "Ready"))["status"] == "True"


@pytest.mark.parametrize(
    "version", ["1.11.0", "2.0.0", "1.10.1", "nightly"], ids=["minor", "major", "patch", "no number"]
)
async def test_version_that_is_not_older_is_migrated_to_by_its_own_code(
    scene: Scene, panel: Key, version: str
) -> None:
    await scene.change(panel, version=version)

    await scene.reconcile(panel)

    assert len(await jobs(scene)) == 1
    assert (await scene.condition(panel, "SchemaInSync"))["reason"] == "Migrating"


@pytest.mark.parametrize("version", ["1.9", "v1.9.9", "1.10.0-rc1", "0.20"])
async def test_older_version_is_told_by_its_number(scene: Scene, panel: Key, version: str) -> None:
    await scene.change(panel, version=version)

    await scene.reconcile(panel)

    assert await jobs(scene) == []
    assert (await scene.condition(panel, "SchemaInSync"))["status"] == "True"


async def test_older_version_migrates_tables_that_are_of_no_newer_one(scene: Scene, panel: Key) -> None:
    scene.stores.current = False

    await scene.change(panel, version="1.8.0")
    await scene.reconcile(panel)

    assert len(await jobs(scene)) == 1
