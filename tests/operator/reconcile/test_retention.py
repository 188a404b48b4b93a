"""Data that are kept are not deleted because somebody writes a smaller number, or none at all, without consent."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from openpanel import metadata
from openpanel.identity.credentials import new_secret
from openpanel.metadata import Database, projects
from openpanel.tenancy import AnalyticsProject, provisioning
from openpanel_operator.clients import Verified, ensuring
from openpanel_operator.reconcile.retention import RetentionCut
from openpanel_operator.resources.project import ALLOW_DATA_LOSS
from openpanel_operator.stores import Credential
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(postgres_database: Callable[[], str]) -> Iterator[Database]:
    url = postgres_database()
    metadata.migrate(url)
    with Database(url) as opened:
        yield opened


def ensure(database: Database, *, events: int | None, annotations: dict[str, str] | None = None) -> None:
    """The operator's steps, without a ClickHouse server that would have to be told."""
    project = AnalyticsProject.model_validate({
        "apiVersion": "openpanel.dev/v1alpha1",
        "kind": "AnalyticsProject",
        "metadata": {"name": "shop", "annotations": annotations or {}},
        "spec": {"clients": [{"name": "web", "type": "write"}], "retention": {"events": events}},
    })  # fmt: skip
    world = provisioning.World(
        database=database,
        warehouse=cast("Any", None),
        announce=lambda _topic: None,
        clock=lambda: START,
        fresh_secret=lambda: new_secret(bytes),
    )
    credentials = {"web": Credential("sec_1", 1, timedelta(hours=1))}
    provisioning.run(project, world=world, steps=ensuring(credentials, verified=Verified(), servers=()))


def kept(database: Database) -> int | None:
    record = projects.load(database, project="shop")
    assert record is not None
    return record.retention_days["events"]


def test_days_that_the_stores_know_are_not_cut_without_consent(database: Database) -> None:
    ensure(database, events=400)
    projects.mark_deleted(database, project="shop", at=START, policy="Retain")

    with pytest.raises(RetentionCut) as refusal:
        ensure(database, events=7)

    assert refusal.value.stored["events"] == 400
    assert kept(database) == 400
    ensure(database, events=7, annotations={ALLOW_DATA_LOSS: "true"})
    assert kept(database) == 7


def test_days_may_always_grow(database: Database) -> None:
    ensure(database, events=7)

    ensure(database, events=400)
    ensure(database, events=None)

    assert kept(database) is None


async def test_project_made_anew_with_fewer_days_keeps_its_data_until_somebody_consents(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    shop = await make_project(scene, "shop", retention={"events": 400})
    await scene.settle(shop)
    await scene.delete(shop)
    await scene.settle(shop)
    assert scene.stores.removed == {"shop": "Retain"}

    await make_project(scene, "shop", retention={"events": 7})
    await scene.settle(shop)

    assert scene.stores.keeps["shop"]["events"] == 400
    applied = await scene.condition(shop, "RetentionApplied")
    assert (applied["status"], applied["reason"]) == ("False", "RetentionNeedsConsent")
    assert "events from 400 to 7 days" in applied["message"]
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    assert await scene.writes_of(shop) == []

    await scene.annotate(shop, allow_data_loss="true")
    await scene.settle(shop)
    assert scene.stores.keeps["shop"]["events"] == 7
    assert (await scene.condition(shop, "RetentionApplied"))["status"] == "True"
