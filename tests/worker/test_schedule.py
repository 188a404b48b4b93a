"""What goes by the clock: due or not, once or everywhere, and going on after a failure."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis

from openpanel import metadata
from openpanel.metadata import Database, Standing
from openpanel.stream.keys import Pool, ShardKeys
from openpanel.warehouse import migrations
from openpanel.warehouse.schema import Single
from openpanel_local.engines import clickhouse as clickhouse_engine
from openpanel_worker.changes import hear
from openpanel_worker.deps import Values, opened
from openpanel_worker.projects import Projects
from openpanel_worker.schedule import Lease, Schedule, Task
from tests.metadata.builders import a_client, a_project, a_user
from tests.stream.builders import a_pool, remember, remembered

PATIENCE_S = 60.0
SHOP = metadata.ProjectRecord(id="shop", name="Shop", organization="acme", truncate_ip=True)
ERASED_AT = datetime(2026, 1, 1, tzinfo=UTC)
_pools = itertools.count(1)


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as opened_client:
        yield opened_client


def lease(client: redis.Redis, owner: str, *, pool: str, lease_ms: int = 60_000) -> Lease:
    return Lease(client, pool=pool, owner=owner, lease_ms=lease_ms)


def test_tasks_run_when_they_are_due(client: redis.Redis) -> None:
    ran: list[str] = []
    now = [0.0]
    tasks = (Task("often", lambda: ran.append("often"), 2), Task("rarely", lambda: ran.append("rarely"), 10))
    schedule = Schedule(tasks, lease=lease(client, "a", pool=f"due-{next(_pools)}"), clock=lambda: now[0])

    for now[0] in (0, 1, 2, 4, 11):
        schedule.run_due()

    assert ran == ["often", "rarely", "often", "often", "often", "rarely"]


def test_task_that_fails_does_not_stop_the_others(client: redis.Redis) -> None:
    ran: list[str] = []

    def fail() -> None:
        raise RuntimeError("defect")

    schedule = Schedule(
        (Task("bad", fail, 1), Task("good", lambda: ran.append("good"), 1)),
        lease=lease(client, "a", pool=f"fail-{next(_pools)}"),
        clock=lambda: 0.0,
    )

    schedule.run_due()

    assert ran == ["good"]


def test_what_needs_doing_once_is_done_by_one_worker(client: redis.Redis) -> None:
    pool = f"once-{next(_pools)}"
    ran: list[str] = []

    def schedule(who: str) -> Schedule:
        task = Task("once", lambda: ran.append(who), 1, once=True)
        return Schedule((task,), lease=lease(client, who, pool=pool), clock=lambda: 0.0)

    first, second = schedule("first"), schedule("second")

    first.run_due()
    second.run_due()
    lease(client, "first", pool=pool).give_back()
    second._due["once"] = 0
    second.run_due()

    assert ran == ["first", "second"]


def test_schedule_stops_and_gives_its_lease_back(client: redis.Redis) -> None:
    pool = f"stop-{next(_pools)}"
    stopping = threading.Event()
    schedule = Schedule((Task("stop", stopping.set, 1, once=True),), lease=lease(client, "first", pool=pool))

    schedule.run(stopping)

    assert lease(client, "second", pool=pool).held()


def test_tomorrows_salt_is_made_today(valkey_url: str, postgres_url: str) -> None:
    metadata.migrate(postgres_url)
    values = Values(valkey_url, postgres_url, "http://openpanel:x@127.0.0.1:9", "none", a_pool())

    today = datetime.now(UTC).date()
    with opened(values, stopping=threading.Event()) as deps:
        deps.ensure_salts()
        deps.ensure_salts()

    with Database(postgres_url) as database:
        salts = metadata.salts.ensure(database, today=today, fresh=lambda: b"missing")
    assert b"missing" not in {salts[today], salts[today + timedelta(days=1)]}


def test_sweep_of_orders_wakes_shards_in_which_something_waits(
    valkey_url: str, postgres_url: str, client: redis.Redis
) -> None:
    values = Values(valkey_url, postgres_url, "http://openpanel:x@127.0.0.1:9", "none", a_pool(2))
    client.xadd(ShardKeys(values.pool, 1).stream, {"f": b"x", "n": 1})

    with opened(values, stopping=threading.Event()) as deps:
        deps.sweep_orders()
        deps.sweep_sessions()

        assert deps.orders.queue.job_ids == [f"drain-{values.pool.name}-1"]


def test_changed_project_is_read_anew() -> None:
    record = metadata.ProjectRecord(id="shop", name="Shop", organization="acme")
    known = {"shop": record}
    projects = Projects(lambda name: Standing(known.get(name)), clock=lambda: 0)
    assert not projects.get("shop").truncate_ip
    known["shop"] = replace(record, truncate_ip=True)

    assert not projects.get("shop").truncate_ip
    hear({"data": b"client:1"}, projects)
    hear({"data": 1}, projects)
    hear(None, projects)
    assert not projects.get("shop").truncate_ip
    hear({"data": b"project:shop"}, projects)
    assert projects.get("shop").truncate_ip


def test_old_settings_are_better_than_none() -> None:
    answers: list[Callable[[], Standing]] = []
    now = [0]

    def load(_project: str) -> Standing:
        return answers.pop(0)()

    def away() -> Standing:
        raise metadata.Unavailable("nobody answers")

    projects = Projects(load, clock=lambda: now[0])
    answers.append(away)
    with pytest.raises(metadata.Unavailable):
        projects.get("shop")

    answers.append(lambda: Standing(SHOP))
    answers.append(away)
    first = projects.get("shop")
    now[0] = 60_000

    assert projects.get("shop") is first
    assert not answers


@pytest.mark.parametrize(
    ("record", "erased"),
    [
        ({}, False),
        ({"deleted": True}, False),
        ({"deletion_policy": "Delete"}, False),
        ({"deleted": True, "deletion_policy": "Delete"}, True),
    ],
)
def test_project_is_erased_when_its_data_are_to_go(record: dict[str, Any], *, erased: bool) -> None:
    standing = Standing(replace(SHOP, **record))

    assert Projects(lambda _: standing, clock=lambda: 0).get("shop").erased is erased


@pytest.mark.parametrize(("erased_at", "erased"), [(None, False), (ERASED_AT, True)])
def test_missing_project_is_erased_by_the_word_of_it_alone(
    erased_at: datetime | None, *, erased: bool
) -> None:
    standing = Standing(None, erased_at)

    assert Projects(lambda _: standing, clock=lambda: 0).get("shop").erased is erased


def test_project_that_is_missing_all_of_a_sudden_goes_on_as_before() -> None:
    now, standings = [0], iter([Standing(SHOP), Standing(None)])
    projects = Projects(lambda _: next(standings), clock=lambda: now[0])
    first = projects.get("shop")
    now[0] = 60_000

    assert projects.get("shop") == first


def test_what_is_over_is_forgotten_and_told(valkey_url: str, postgres_url: str, client: redis.Redis) -> None:
    metadata.migrate(postgres_url)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with Database(postgres_url) as database:
        web = a_client(database, project=a_project(database))
        metadata.clients.rotate(
            database, client_id=web.id, secret_hash="new", at=long_ago, until=long_ago + timedelta(hours=1)
        )
        person = a_user(database)
        metadata.dashboard_sessions.begin(
            database, user=person.id, token="t", at=long_ago, expires_at=long_ago + timedelta(hours=1)
        )
    values = Values(valkey_url, postgres_url, "http://openpanel:x@127.0.0.1:9", "none", a_pool())
    channel: redis.client.PubSub
    with client.pubsub() as channel:  # type: ignore[no-untyped-call]  # redis-py
        channel.subscribe("op:changes")
        assert channel.get_message(timeout=PATIENCE_S) is not None  # subscribed
        with opened(values, stopping=threading.Event()) as deps:
            [forgetting] = [task for task in deps.schedule()._tasks if task.name == "forgetting"]
            forgetting.run()
            forgotten = metadata.clients.forget_expired(deps.database, at=datetime.now(UTC))
            ended = metadata.dashboard_sessions.forget_expired(deps.database, at=datetime.now(UTC))
            untold = metadata.announcements.pending(deps.database)

        assert (forgotten, ended, untold) == (0, 0, ())
        heard: set[object] = set()
        while f"client:{web.id}".encode() not in heard:
            news = channel.get_message(timeout=PATIENCE_S)
            assert news is not None, heard
            heard.add(news["data"])


def test_project_whose_time_of_grace_is_over_is_removed_and_leaves_no_key(
    valkey_url: str,
    postgres_url: str,
    clickhouse: clickhouse_engine.ClickHouse,
    clickhouse_database: Callable[[], str],
) -> None:
    metadata.migrate(postgres_url)
    values = Values(valkey_url, postgres_url, clickhouse.url, clickhouse_database(), a_pool())
    with Database(postgres_url) as database, opened(values, stopping=threading.Event()) as deps:
        migrations.migrate(deps.warehouse, form=Single())
        client = a_client(database, project=a_project(database))
        project = metadata.project_edits.create(
            database,
            wanted=metadata.ProjectRecord(
                id="", name="Over", organization=client.organization, deletion_policy="Delete"
            ),
            ids=("over",),
            client=replace(client, id=str(uuid4())),
            at=datetime(2020, 1, 1, tzinfo=UTC),
        )
        metadata.project_edits.schedule_removal(
            database,
            project=project.record.id,
            organization=client.organization,
            at=datetime(2020, 1, 1, tzinfo=UTC),
        )
        [removals] = [task for task in deps.schedule()._tasks if task.name == "removals"]
        pool = Pool(metadata.SHARED_POOL, 2)
        remember(deps.redis, pool=pool, project="over")

        removals.run()

        assert metadata.projects.load(database, project=project.record.id) is None
        assert remembered(deps.redis, pool=pool, project="over") == set()
