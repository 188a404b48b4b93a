"""A newer operator on the tables of the version before, for as long as the upgrade of a cluster waits."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect

from openpanel import metadata
from openpanel.metadata import Database, projects, schema
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_local.engines.clickhouse import ClickHouse
from openpanel_operator.desired import Node
from openpanel_operator.real_stores import RealStores
from openpanel_operator.reconcile.owners import OwnedElsewhere
from openpanel_operator.stores import Addresses, StoreRefused, Wanted
from tests.operator.reconcile.test_real_stores import wanted
from tests.operator.reconcile.worlds import Scene, make_cluster

OLDER = ("0004", "0005")
NODE = Node(0, 0)


@pytest.fixture(params=OLDER)
def at(
    request: pytest.FixtureRequest,
    valkey_url: str,
    postgres_url: str,
    clickhouse: ClickHouse,
    clickhouse_database: Callable[[], str],
) -> Addresses:
    """Stores whose metadata are of an older version."""
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        command.upgrade(schema.configuration(connection), request.param)
        assert "owner" not in {column["name"] for column in inspect(connection).get_columns("projects")}
    engine.dispose()
    found = Addresses(
        redis=valkey_url,
        postgres=postgres_url,
        clickhouse=clickhouse.url,
        database=clickhouse_database(),
    )
    with Warehouse(found.clickhouse, database=found.database) as warehouse:
        migrations.migrate(warehouse, form=Single())
    return found


@pytest.fixture
async def stores() -> AsyncIterator[RealStores]:
    opened = RealStores(clock=lambda: datetime.now(UTC))
    yield opened
    await opened.close()


def of_namespace(name: str, **more: object) -> Wanted:
    return dataclasses.replace(wanted(name, **more), namespace="team-a")  # type: ignore[arg-type]


async def test_projects_are_made_changed_and_listed_on_older_tables(
    stores: RealStores, at: Addresses
) -> None:
    made = await stores.ensure(of_namespace("shop"), at)
    changed = await stores.ensure(of_namespace("shop", serial=2, pool="shop"), at)
    again = await stores.ensure(of_namespace("shop", serial=2, pool="shop"), at)

    assert "project shop: created" in made.changes
    assert changed.changes
    assert again.changes == ()
    assert set(made.client_ids) == {"web", "reader"}
    assert await stores.projects(at) == {"shop"}


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_projects_are_removed_from_older_tables(
    stores: RealStores, at: Addresses, policy: metadata.DeletionPolicy
) -> None:
    await stores.ensure(of_namespace("shop"), at)

    await stores.remove("shop", policy=policy, user=False, namespace="team-a", at=at)

    assert await stores.projects(at) == frozenset()
    with Database(at.postgres) as database:
        assert (projects.load(database, project="shop") is None) == (policy == "Delete")


async def test_owner_is_noted_as_soon_as_the_migration_has_come(stores: RealStores, at: Addresses) -> None:
    await stores.ensure(of_namespace("shop"), at)
    with Database(at.postgres) as database:
        assert projects.owner_of(database, project="shop") is None
        metadata.migrate(at.postgres)
        assert projects.owner_of(database, project="shop") is None

        await stores.ensure(of_namespace("shop"), at)

        assert projects.owner_of(database, project="shop") == "team-a"
    with pytest.raises(OwnedElsewhere):
        await stores.ensure(dataclasses.replace(wanted("shop"), namespace="team-b"), at)


@pytest.mark.parametrize("at", ["0004"], indirect=True)
async def test_project_that_asks_for_a_snapshot_waits_for_the_migration_alone(
    stores: RealStores, at: Addresses
) -> None:
    asked = of_namespace("shop")
    spec = asked.manifest.spec.model_copy(update={"deletion_policy": "Snapshot"})
    asked = dataclasses.replace(asked, manifest=asked.manifest.model_copy(update={"spec": spec}))
    await stores.ensure(of_namespace("other"), at)

    with pytest.raises(StoreRefused, match="deletion_policy"):
        await stores.ensure(asked, at)

    assert await stores.projects(at) == {"other"}
    metadata.migrate(at.postgres)
    await stores.ensure(asked, at)
    assert await stores.projects(at) == {"other", "shop"}


async def test_server_without_the_newest_migration_has_its_tables_where_it_had_them_before(
    stores: RealStores,
    clickhouse: ClickHouse,
    valkey_url: str,
    postgres_url: str,
    clickhouse_database: Callable[[], str],
) -> None:
    name = clickhouse_database()
    with Warehouse(clickhouse.url, database=name) as warehouse:
        migrations.migrate(warehouse, form=Single(), migrations=migrations.MIGRATIONS)
        warehouse.command(
            "ALTER TABLE schema_migrations DELETE WHERE number = {last:UInt32}",
            parameters={"last": migrations.MIGRATIONS[-1].number},
            settings={"mutations_sync": 1},
        )
    at = Addresses(
        redis=valkey_url,
        postgres=postgres_url,
        clickhouse=clickhouse.url,
        database=name,
        nodes={NODE: clickhouse.url},
    )

    assert await stores.furnished(at) == {NODE: False}
    assert await stores.furnished(at, like=frozenset({NODE})) == {NODE: True}


async def test_servers_that_had_their_tables_keep_being_asked_while_an_upgrade_waits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = await make_cluster(
        scene, upgrade={"policy": "Manual"}, clickhouse={"engine": "Managed", "shards": 2, "replicas": 1}
    )
    await scene.settle(panel)
    scene.world = dataclasses.replace(scene.world, version="2.0.0")
    scene.reconciler._world = scene.world

    async def furnished(at: Addresses, *, like: frozenset[Node] = frozenset()) -> Mapping[Node, bool]:
        return {node: node in like for node in at.nodes}  # the newest migration has come to none

    monkeypatch.setattr(scene.stores, "furnished", furnished)
    await scene.settle(panel)

    nodes = (await scene.status(panel))["clickhouse"]["nodes"]
    assert [node["furnished"] for node in nodes] == [True, True]
    assert (await scene.condition(panel, "UpToDate"))["reason"] == "UpgradeWaiting"
