"""A project that becomes real: PostgreSQL, ClickHouse and Redis themselves, without an API server."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import redis

from openpanel import metadata
from openpanel.identity.credentials import hash_secret
from openpanel.metadata import Database, NewClient, clients, organizations, project_edits, projects
from openpanel.stream import Pool
from openpanel.tenancy import AnalyticsProject, parse, removal, snapshot_errors, snapshots
from openpanel.tenancy import wanted as records
from openpanel.tenancy.snapshot_places import S3
from openpanel.warehouse import Warehouse
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Single
from openpanel_local.engines.clickhouse import ClickHouse
from openpanel_operator import servers
from openpanel_operator.copying import Copying
from openpanel_operator.real_stores import CHANGES, SETTLE, THREADS, RealStores
from openpanel_operator.reconcile.owners import Consent, OrganizationElsewhere, OwnedElsewhere
from openpanel_operator.stores import (
    Addresses,
    Credential,
    PoolAsk,
    SnapshotFailed,
    SnapshotUnderWay,
    StillDraining,
    StoreAway,
    StoreRefused,
    Wanted,
)
from tests.operator.reconcile.waiting import until, until_true
from tests.stream.builders import remember, remembered

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OWN_DATABASE = 7  # of Redis
MANIFEST = """
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {name: shop}
spec:
  domains: [https://shop.example.org]
  clients:
    - {name: web, type: write}
    - {name: reader, type: read}
  retention: {events: 400}
"""


@dataclass
class Clock:
    """Stands until it is moved."""

    now: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def at(
    valkey_url: str,
    postgres_database: Callable[[], str],
    clickhouse: ClickHouse,
    clickhouse_database: Callable[[], str],
) -> Addresses:
    """Stores with the tables of this version, and streams in which nobody else's tests left anything."""
    found = Addresses(
        redis=f"{valkey_url.rpartition('/')[0]}/{OWN_DATABASE}",
        postgres=postgres_database(),
        clickhouse=clickhouse.url,
        database=clickhouse_database(),
    )
    metadata.migrate(found.postgres)
    with Warehouse(found.clickhouse, database=found.database) as warehouse:
        migrate(warehouse, form=Single())
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))  # valid secrets are told by the database's own clock


@pytest.fixture
async def stores(clock: Clock) -> AsyncIterator[RealStores]:
    opened = RealStores(clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def database(at: Addresses) -> Iterator[Database]:
    with Database(at.postgres) as opened:
        yield opened


def manifest(name: str) -> AnalyticsProject:
    return parse(MANIFEST.replace("name: shop", f"name: {name}"))[0]


def wanted(
    name: str, *, serial: int = 1, pool: str = "shared", drop: str = "", organization: str | None = None
) -> Wanted:
    project = manifest(name)
    kept = [client for client in project.spec.clients if client.name != drop]
    said = {"clients": kept, "organization": organization or f"of-{name}"}
    project = project.model_copy(update={"spec": project.spec.model_copy(update=said)})
    credentials = {
        client.name: Credential(f"sec_{serial}{client.name}", serial, timedelta(hours=1)) for client in kept
    }
    return Wanted(project, pool=pool, shards=4, credentials=credentials)


def hashes(database: Database, project: str) -> dict[str, int]:
    return {client.name: len(client.secret_hashes) for client in clients.listed(database, project=project)}


async def test_more_projects_than_there_are_connections_are_made_at_once(
    stores: RealStores, at: Addresses
) -> None:
    names = [f"crowd-{number}" for number in range(2 * THREADS)]

    made = await asyncio.gather(*(stores.ensure(wanted(name), at) for name in names))

    assert all(each.changes for each in made)
    assert set(names) <= await stores.projects(at)


async def test_project_is_made_once(stores: RealStores, at: Addresses, database: Database) -> None:
    first = await stores.ensure(wanted("made"), at)
    again = await stores.ensure(wanted("made"), at)
    record = projects.load(database, project="made")

    assert first.changes
    assert not again.changes
    assert first.client_ids == again.client_ids
    assert "made" in await stores.projects(at)
    assert record is not None
    assert record.retention_days["events"] == 400


async def test_given_secret_opens_and_the_one_before_too(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    await stores.ensure(wanted("rotated"), at)
    await stores.ensure(wanted("rotated", serial=2), at)
    assert hashes(database, "rotated") == {"web": 2, "reader": 2}

    await stores.ensure(wanted("rotated", serial=2), at)
    assert hashes(database, "rotated") == {"web": 2, "reader": 2}, "a repetition issues nothing"


async def test_another_secret_of_the_same_serial_opens_too(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    """The key from which secrets follow may have been lost, and then the serial says nothing."""
    first = wanted("rekeyed")
    others = {name: replace(each, secret=f"{each.secret}x") for name, each in first.credentials.items()}
    await stores.ensure(first, at)
    await stores.ensure(replace(first, credentials=others), at)

    assert hashes(database, "rekeyed") == {"web": 2, "reader": 2}


async def test_another_process_issues_nothing_again(at: Addresses, database: Database, clock: Clock) -> None:
    for _ in range(2):
        stores = RealStores(clock=clock)
        await stores.ensure(wanted("twice"), at)
        await stores.close()

    assert hashes(database, "twice") == {"web": 1, "reader": 1}


async def test_removed_client_stops(stores: RealStores, at: Addresses, database: Database) -> None:
    await stores.ensure(wanted("fewer"), at)
    await stores.ensure(wanted("fewer", drop="reader"), at)

    assert list(hashes(database, "fewer")) == ["web"]


async def test_pool_of_its_own_is_written_down(stores: RealStores, at: Addresses, database: Database) -> None:
    await stores.ensure(wanted("own", pool="own"), at)

    record = projects.load(database, project="own")
    assert record is not None
    assert record.pool == "own"


async def test_changes_are_announced(stores: RealStores, at: Addresses) -> None:
    with redis.Redis.from_url(at.redis) as client, client.pubsub() as channel:
        channel.subscribe(CHANGES)
        assert channel.get_message(timeout=60)

        await stores.ensure(wanted("announced"), at)

        told = iter(lambda: channel.get_message(timeout=60), None)
        news = {"type": "message", "pattern": None, "channel": b"op:changes", "data": b"project:announced"}
        assert news in told


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_removed_project_goes_by_its_policy(
    stores: RealStores, at: Addresses, database: Database, policy: str
) -> None:
    name = f"gone-{policy.lower()}"
    await stores.ensure(wanted(name), at)

    for _ in range(2):
        await stores.remove(name, policy="Retain" if policy == "Retain" else "Delete", user=False, at=at)

    record = projects.load(database, project=name)
    assert name not in await stores.projects(at)
    assert (record is not None) == (policy == "Retain")
    assert hashes(database, name) == {}


async def test_project_whose_copy_cannot_be_made_is_stopped_and_keeps_everything(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    await stores.ensure(wanted("copied"), at)
    await stores.stop("copied", policy="Snapshot", user=False, at=at)
    nobody = S3("http://127.0.0.1:1/bucket", key="AKIA", secret="between-us")
    said: list[str] = []

    async def fails() -> bool:
        try:
            await stores.remove("copied", policy="Snapshot", user=False, place=nobody, at=at)
        except (SnapshotUnderWay, SnapshotFailed) as error:
            said.append(str(error))
            return isinstance(error, SnapshotFailed)
        raise AssertionError("there is no place")

    await until_true(fails)

    assert all("between-us" not in text and "AKIA" not in text for text in said)
    record = projects.load(database, project="copied")
    assert record is not None
    assert record.deletion_policy == "Snapshot"
    assert hashes(database, "copied") == {}
    await stores.remove("copied", policy="Delete", user=False, at=at)
    assert projects.load(database, project="copied") is None


async def test_copy_that_waits_for_the_last_events_is_under_way(
    stores: RealStores, at: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settling(*_: object, **__: object) -> None:
        raise snapshot_errors.error("Settling", "what copied has accepted is still being written")

    monkeypatch.setattr(removal, "copy", settling)
    place = S3("https://s3.example.com/bucket")

    with pytest.raises(SnapshotUnderWay, match="still being written"):
        await stores.remove("copied", policy="Snapshot", user=False, place=place, at=at)


async def test_copy_waits_until_its_own_streams_are_empty_and_their_keys_go_with_the_data(
    stores: RealStores, at: Addresses, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "listed", lambda *_, **__: ())
    await stores.ensure(wanted("queued", pool="queued"), at)
    await stores.stop("queued", policy="Snapshot", user=False, at=at)
    nobody = S3("http://127.0.0.1:1/bucket", key="AKIA", secret="between-us")

    async def copy() -> None:
        await stores.remove("queued", policy="Snapshot", user=False, place=nobody, at=at)

    with redis.Redis.from_url(at.redis) as client:
        fence, depth = "op:{queued:3}:fence", "op:{queued:3}:depth"
        client.set(fence, 1)
        client.set(depth, 5_432)
        with pytest.raises(SnapshotUnderWay, match="s to go"):
            await copy()
        clock.now += SETTLE
        with pytest.raises(StillDraining, match="about 5,000 events of queued wait"):
            await copy()
        silent = replace(at, redis="redis://127.0.0.1:1/0")
        with pytest.raises(StoreAway):
            await stores.remove("queued", policy="Snapshot", user=False, place=nobody, at=silent)
        client.set(depth, 0)

        async def is_tried() -> bool:
            try:
                await copy()
            except SnapshotUnderWay:
                return False
            except SnapshotFailed:
                return True
            raise AssertionError("there is no place")

        await until_true(is_tried)
        await stores.remove("queued", policy="Retain", user=False, at=at)
        assert client.exists(fence)
        await stores.remove("queued", policy="Delete", user=False, at=at)
        assert not list(client.scan_iter(match="op:{queued:*"))


async def test_removed_project_leaves_no_key(stores: RealStores, at: Addresses) -> None:
    pool = Pool(metadata.SHARED_POOL, 4)
    for name in ("keyless", "keyed"):
        await stores.ensure(wanted(name), at)
    with redis.Redis.from_url(at.redis) as client:
        for name in ("keyless", "keyed"):
            remember(client, pool=pool, project=name)

        await stores.remove("keyless", policy="Delete", user=False, at=at)
        await stores.remove("keyed", policy="Retain", user=False, at=at)

        assert remembered(client, pool=pool, project="keyless") == set()
        assert remembered(client, pool=pool, project="keyed"), "what is kept goes on where it was"


async def test_copy_waits_for_what_was_taken_before_in_the_streams_of_all(
    stores: RealStores, at: Addresses, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "listed", lambda *_, **__: ())
    await stores.ensure(wanted("among", pool="common"), at)
    await stores.stop("among", policy="Snapshot", user=False, at=at)
    place = S3("http://127.0.0.1:1/bucket", key="AKIA", secret="between-us")
    taken = int(clock.now.timestamp() * 1_000)
    with redis.Redis.from_url(at.redis) as client:
        client.set("op:{common:2}:depth", 70)
        client.xadd("op:{common:2}:stream", {"f": b"frame"}, id=f"{taken}-0")
        with pytest.raises(SnapshotUnderWay, match="s to go"):
            await stores.remove("among", policy="Snapshot", user=False, place=place, at=at)
        clock.now += SETTLE

        with pytest.raises(StillDraining, match="70 events of among and of others"):
            await stores.remove("among", policy="Snapshot", user=False, place=place, at=at)

        await stores.remove("among", policy="Delete", user=False, at=at)
        assert client.exists("op:{common:2}:stream"), "others have something there"
        client.delete("op:{common:2}:depth", "op:{common:2}:stream")


async def test_copy_waits_for_what_a_project_with_streams_of_its_own_left_in_those_of_all(
    stores: RealStores, at: Addresses, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "listed", lambda *_, **__: ())
    await stores.ensure(wanted("moved", pool="moved"), at)
    await stores.stop("moved", policy="Snapshot", user=False, at=at)
    place = S3("http://127.0.0.1:1/bucket", key="AKIA", secret="between-us")
    taken = int(clock.now.timestamp() * 1_000)
    clock.now += SETTLE
    with redis.Redis.from_url(at.redis) as client:
        client.set("op:{shared:7}:depth", 70)
        client.xadd("op:{shared:7}:stream", {"f": b"frame"}, id=f"{taken}-0")
        try:
            with pytest.raises(StillDraining, match="70 events of moved and of others"):
                await stores.remove("moved", policy="Snapshot", user=False, place=place, at=at)
        finally:
            client.delete("op:{shared:7}:depth", "op:{shared:7}:stream")


@dataclass
class Copy:
    """A copy that is being made until it is let end."""

    place: S3 = field(
        default_factory=lambda: S3("http://127.0.0.1:1/bucket", key="AKIA", secret="between-us")
    )
    begun: int = 0
    made: list[str] = field(default_factory=list)
    end: threading.Event = field(default_factory=threading.Event)

    def take(self, _project: str, *, name: str, **_: object) -> None:
        self.begun += 1
        self.end.wait(60)
        self.made.append(name)

    def listed(self, _project: str, **_: object) -> tuple[str, ...]:
        return tuple(self.made)

    async def ended(self, stores: RealStores) -> None:
        """Let it end, with whatever else its thread does."""
        self.end.set()
        await asyncio.gather(*stores._copying._going.values())
        assert len(self.made) == 1


@pytest.fixture
def copy(stores: RealStores, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copy]:
    """What every copy is made by."""
    copy = Copy()
    monkeypatch.setattr(snapshots, "take", copy.take)
    monkeypatch.setattr(snapshots, "listed", copy.listed)
    monkeypatch.setattr(stores, "_copying", Copying(wait_s=0.01))
    yield copy
    copy.end.set()


async def is_copied_and_removed(stores: RealStores, project: str, copy: Copy, at: Addresses) -> bool:
    try:
        await stores.remove(project, policy="Snapshot", user=False, place=copy.place, namespace="mine", at=at)
    except SnapshotUnderWay:
        return False
    return True


async def begin_copy(stores: RealStores, project: str, copy: Copy, clock: Clock, at: Addresses) -> None:
    await stores.ensure(replace(wanted(project), namespace="mine"), at)
    await stores.stop(project, policy="Snapshot", user=False, namespace="mine", at=at)
    clock.now += SETTLE
    assert not await is_copied_and_removed(stores, project, copy, at)
    await until(lambda: copy.begun == 1)


async def test_project_that_was_copied_is_erased_by_a_later_call(
    stores: RealStores, at: Addresses, clock: Clock, copy: Copy, database: Database
) -> None:
    await begin_copy(stores, "taken", copy, clock, at)
    await copy.ended(stores)
    assert projects.load(database, project="taken") is not None

    await until_true(lambda: is_copied_and_removed(stores, "taken", copy, at))

    assert projects.load(database, project="taken") is None
    assert copy.begun == 1


async def test_data_that_are_to_stay_stay_though_a_copy_of_them_is_being_made(
    stores: RealStores, at: Addresses, clock: Clock, copy: Copy, database: Database
) -> None:
    await begin_copy(stores, "retained", copy, clock, at)

    await stores.remove("retained", policy="Retain", user=False, namespace="mine", at=at)
    await copy.ended(stores)

    record = projects.load(database, project="retained")
    assert record is not None
    assert (record.deleted, record.deletion_policy) == (True, "Retain")


async def test_project_that_is_made_again_lives_though_its_copy_is_being_made(
    stores: RealStores, at: Addresses, clock: Clock, copy: Copy
) -> None:
    await begin_copy(stores, "again", copy, clock, at)

    await stores.ensure(replace(wanted("again"), namespace="mine"), at)
    await copy.ended(stores)

    assert "again" in await stores.projects(at)


async def test_data_that_are_to_be_deleted_wait_for_the_copy_that_is_being_made(
    stores: RealStores, at: Addresses, clock: Clock, copy: Copy, database: Database
) -> None:
    await begin_copy(stores, "wiped", copy, clock, at)
    with pytest.raises(SnapshotUnderWay):
        await stores.remove("wiped", policy="Delete", user=False, namespace="mine", at=at)
    assert projects.load(database, project="wiped") is not None
    copy.end.set()

    async def is_removed() -> bool:
        with contextlib.suppress(SnapshotUnderWay):
            told = await stores.remove("wiped", policy="Delete", user=False, namespace="mine", at=at)
            return told.startswith(f"{copy.place.url}/wiped/")
        return False

    await until_true(is_removed)
    assert projects.load(database, project="wiped") is None
    assert copy.begun == 1


async def test_clients_stop_while_others_are_being_copied(
    stores: RealStores, at: Addresses, clock: Clock, copy: Copy, database: Database
) -> None:
    await begin_copy(stores, "slow", copy, clock, at)
    await stores.ensure(wanted("waits"), at)

    await stores.stop("waits", policy="Snapshot", user=False, at=at)
    await stores.stop("slow", policy="Snapshot", user=False, namespace="mine", at=at)

    assert hashes(database, "waits") == {}
    assert "waits" not in await stores.projects(at)


async def test_retained_project_of_before_owners_were_noted_is_that_of_who_deleted_it(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    await stores.ensure(wanted("former"), at)
    await stores.stop("former", policy="Retain", user=False, namespace="mine", at=at)
    await stores.remove("former", policy="Retain", user=False, namespace="mine", at=at)

    with pytest.raises(OwnedElsewhere):
        await stores.ensure(replace(wanted("former"), namespace="theirs"), at)
    assert projects.owner_of(database, project="former") == "mine"


async def test_project_is_the_namespaces_that_had_it_first(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    await stores.ensure(wanted("owned"), at)  # of before anybody noted whose it is
    assert projects.owner_of(database, project="owned") is None
    await stores.ensure(replace(wanted("owned"), namespace="mine"), at)
    assert projects.owner_of(database, project="owned") == "mine"
    await stores.remove("owned", policy="Retain", user=False, at=at)

    taker = replace(wanted("owned"), namespace="theirs")
    with pytest.raises(OwnedElsewhere):
        await stores.ensure(taker, at)
    assert "owned" not in await stores.projects(at)
    await stores.remove("owned", policy="Delete", user=False, namespace="theirs", at=at)
    assert projects.owner_of(database, project="owned") == "mine"

    await stores.ensure(replace(taker, consent=Consent(handed_over=frozenset({"mine"}))), at)
    assert projects.owner_of(database, project="owned") == "theirs"
    assert not (await stores.ensure(taker, at)).changes


async def test_project_that_was_made_through_the_api_is_nobody_elses_by_its_name(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    organizations.ensure(database, organization="theirs", name="theirs")
    by_api = records.project(manifest("by-api"), pool="shared")
    client = NewClient(str(uuid4()), "web", "by-api", "theirs", "write", hash_secret("sec_of_theirs"))
    made = replace(by_api, organization="theirs")
    project_edits.create(database, wanted=made, ids=["by-api"], client=client, at=START)
    taker = replace(wanted("by-api"), namespace="mine")

    with pytest.raises(OwnedElsewhere):
        await stores.ensure(taker, at)
    await stores.remove("by-api", policy="Delete", user=False, namespace="mine", at=at)
    kept = projects.load(database, project="by-api")
    assert kept is not None
    assert (kept.organization, kept.deleted) == ("theirs", False)

    await stores.ensure(replace(taker, consent=Consent(handed_over=frozenset({"api"}))), at)
    assert projects.owner_of(database, project="by-api") == "mine"


async def test_organization_is_theirs_who_have_projects_in_it(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    await stores.ensure(replace(wanted("resident", organization="street"), namespace="theirs"), at)
    await stores.ensure(replace(wanted("elsewhere"), namespace="mine"), at)

    guest = replace(wanted("newcomer", organization="street"), namespace="mine")
    mover = replace(wanted("elsewhere", organization="street"), namespace="mine")
    for each in (guest, mover):
        with pytest.raises(OrganizationElsewhere):
            await stores.ensure(each, at)
    assert projects.owners_in(database, organization="street") == {"theirs"}

    await stores.ensure(replace(guest, consent=Consent(organizations=frozenset({"street"}))), at)
    await stores.ensure(replace(wanted("neighbour", organization="street"), namespace="mine"), at)
    assert projects.owners_in(database, organization="street") == {"mine", "theirs"}


async def test_engine_that_makes_no_users_refuses_the_user_and_nothing_else(
    stores: RealStores, at: Addresses, database: Database
) -> None:
    asked = replace(wanted("users"), user_secret="sec_of_the_user")

    for _ in range(2):
        done = await stores.ensure(asked, at)
        assert done.user_refused

    assert hashes(database, "users") == {"web": 1, "reader": 1}
    assert "users" in await stores.projects(at)


async def test_stores_that_answer_have_no_fault(stores: RealStores, at: Addresses) -> None:
    assert await stores.faults(at) == {}
    assert await stores.schema_is_current(at)


async def test_each_store_that_is_away_is_named(stores: RealStores, at: Addresses) -> None:
    nobody = "127.0.0.1:9"
    away = replace(
        at,
        redis=f"redis://{nobody}/0",
        postgres=f"postgresql+psycopg://x:y@{nobody}/z",
        clickhouse=f"http://x:y@{nobody}",
    )

    assert set(await stores.faults(away)) == {"Redis", "PostgreSQL", "ClickHouse"}
    with pytest.raises(StoreAway, match="PostgreSQL"):
        await stores.ensure(wanted("nowhere"), away)
    with pytest.raises(StoreAway, match="Redis"):
        await stores.pools([PoolAsk("shared", 1)], away)


async def test_new_addresses_of_an_owner_close_the_connections_of_the_old(
    stores: RealStores, at: Addresses, valkey_url: str
) -> None:
    own = [replace(at, owner="analytics/main", redis=f"{valkey_url}?client_name=own-{n}") for n in range(3)]
    other = replace(at, owner="analytics/other", redis=f"{valkey_url}?client_name=other")
    for each in (other, *own, own[-1]):
        assert await stores.faults(each) == {}

    with redis.Redis.from_url(valkey_url) as client:
        await until(lambda: connected(client) == {"other", "own-2"})


def connected(client: redis.Redis) -> set[str]:
    names = (each["name"] for each in client.client_list())
    return {name for name in names if name == "other" or name.startswith("own-")}


async def test_empty_database_has_no_schema(
    stores: RealStores, at: Addresses, postgres_url: str, clickhouse_database: Callable[[], str]
) -> None:
    bare = replace(at, postgres=postgres_url, database=clickhouse_database())

    assert not await stores.schema_is_current(bare)
    with pytest.raises(StoreRefused, match="PostgreSQL"):
        await stores.projects(bare)
    with Warehouse(at.clickhouse, database="not_there") as warehouse:
        assert not servers.is_furnished(warehouse, Single())


async def test_many_pools_are_read_together(stores: RealStores, at: Addresses, clock: Clock) -> None:
    made = int((clock.now - timedelta(seconds=30)).timestamp() * 1_000)
    with redis.Redis.from_url(at.redis) as client:
        client.set("op:{deep:0}:depth", 7)
        client.set("op:{deep:1}:depth", 5)
        client.xadd("op:{deep:1}:stream", {"f": b"x"}, id=f"{made}-0")
        client.rpush("rq:queue:deep-jobs", "one", "two")
        client.zadd("rq:wip:deep-jobs", {"three": clock.now.timestamp() + 60, "lost": 1})
        client.sadd("rq:workers:drain-deep", "rq:worker:a", "rq:worker:b")
        client.hset("rq:worker:a", mapping={"state": "busy", "hostname": "pod-a"})
        client.hset("rq:worker:b", mapping={"state": "idle", "hostname": "pod-b"})

    deep, empty = await stores.pools(
        [PoolAsk("deep", 2, orders=("deep-jobs",), workers=True), PoolAsk("nothing", 3)], at
    )

    assert (deep.waiting, deep.running, deep.busy_hosts) == (14, 1, frozenset({"pod-a"}))
    assert deep.oldest_age == pytest.approx(30, abs=1)
    assert (empty.waiting, empty.running, empty.oldest_age) == (0, 0, None)
