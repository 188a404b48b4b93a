"""A person who is erased is found nowhere any more, wherever its messages were at that moment; all others are whole."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from rq import Queue
from sqlalchemy import text

from openpanel import metadata
from openpanel.identity.ids import person_of_profile, to_hex
from openpanel.metadata import (
    Database,
    PersonErasure,
    ProjectRecord,
    organizations,
    person_erasures,
    projects,
)
from openpanel.metadata.models import Row
from openpanel.stream.frames import Flag
from openpanel.tenancy import people
from openpanel.tenancy.person_export import export_person
from openpanel.tenancy.person_removal import (
    BY_NUMBER,
    OF_BODY,
    OF_PROFILE,
    OF_SESSION,
    OF_VALUE,
    deletion,
)
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Clustered, Form, Single
from openpanel_worker import context
from openpanel_worker.drain import Drain, Outcome
from openpanel_worker.forgetting import Forgetting, ForgettingOrders, forget
from openpanel_worker.orders import JOBS_QUEUE, Orders
from openpanel_worker.surroundings import Enrichers
from openpanel_worker.worker import DrainWorker
from tests.worker.builders import MINUTE, NOON, PROJECT, World, a_world, message, track
from tests.worker.faults import DyingShard, FaultyWarehouse, Killed, dies_at

KIM = "kim-4711"
EMAIL = f"{KIM}@shop.example"
PHONE, LAPTOP = 0xA1B2_C3D4_E5F6_0718, 0x1827_3645_5463_7281
LEE, LEES_PHONE = "lee-0815", 0x0F1E_2D3C_4B5A_6978
ONCE = f"only-{KIM}"
TODAY = (time.time() * 1_000 - NOON) / MINUTE - 60  # what is older than 90 days is not kept everywhere

# Every table that can hold a person, but for members of cohorts, who are chosen.
HOLDING = {
    "dead_letters", "events", "person_overrides", "profile_activity", "profiles", "property_values", "r_person_week",
    "replay_chunks", "sessions",
}  # fmt: skip

Faulty = Callable[..., FaultyWarehouse]


@dataclass
class Office:
    """A worker's world with real metadata, and what carries erasures out."""

    world: World
    database: Database

    def ask(self, profile: str = KIM, *, project: str = PROJECT) -> PersonErasure:
        """Ask for a person to be erased."""
        person, *also = people.numbers_of(profile)
        asked = person_erasures.ask(
            self.database, erasure=str(uuid4()), project=project, person=person, also=also,
            profile_id=profile, by="client",
        )  # fmt: skip
        self.tell()
        return asked

    def later(self) -> None:
        """Let a minute pass: whatever comes from now on is a new story."""
        with self.database.session() as session:
            session.execute(text("UPDATE person_erasures SET until_ms = until_ms - 60000"))
        self.tell()

    def tell(self) -> None:
        """What the channel of changes does."""
        self.world.known.forget(PROJECT)

    def forgetting(self, warehouse: Warehouse | None = None) -> Forgetting:
        return Forgetting(
            self.world.stream.redis,
            database=self.database,
            warehouse=warehouse or self.world.warehouse,
            form=Single(),
            announce=self.tell,
        )

    def carry_out(self, asked: PersonErasure, *, warehouse: Warehouse | None = None) -> str:
        return self.forgetting(warehouse).carry_out(asked.project, asked.id)

    def no_drain(self, _pool: str, _shard: int) -> Drain:
        raise AssertionError("nothing is drained here")

    def found(self, asked: PersonErasure) -> PersonErasure:
        again = person_erasures.load(self.database, project=asked.project, erasure=asked.id)
        assert again is not None
        return again

    def forgotten(self, asked: PersonErasure) -> PersonErasure:
        """Carry out whatever is to be done, as the orders of the coming minutes do."""
        while (asked.project, asked.id) in person_erasures.waiting(self.database):
            assert self.carry_out(asked) in {"done", "goes on"}
        return self.found(asked)


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    metadata.migrate(postgres_url)
    with Database(postgres_url) as opened:
        organizations.ensure(opened, organization="acme", name="Acme")
        yield opened


@pytest.fixture
async def office(
    valkey_url: str, tmp_path: Path, warehouse: Warehouse, enrichers: Enrichers, database: Database
) -> AsyncIterator[Office]:
    """Two projects of the same people; the stream is theirs alone."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    async with a_world(valkey_url, tmp_path, warehouse=warehouse, enrichers=enrichers) as world:
        for name in (PROJECT, "blog"):
            record = ProjectRecord(id=name, name=name, organization="acme", pool=world.stream.pool.name)
            projects.put(database, wanted=record)
            world.projects[name] = record
        world.forgotten_among = lambda among: person_erasures.forgotten(database, projects=among)
        world.hear(
            lambda erasure, persons: person_erasures.look_again(database, erasure=erasure, persons=persons)
        )
        yield Office(world, database)


async def a_story(world: World, *, project: str = PROJECT) -> None:
    """Kim comes as nobody on two devices and says on both who it is, is recorded and fails once; Lee does the same."""
    send = partial(world.send, project=project)
    for profile, device in ((KIM, PHONE), (KIM, LAPTOP), (LEE, LEES_PHONE)):
        await send(track(__path="https://shop.example/", only=f"only-{profile}"), device=device, minute=TODAY)
        await send(
            message("identify", profileId=profile, email=f"{profile}@shop.example"),
            device=device,
            minute=TODAY + 1,
        )
        await send(track("buy", profile=profile, plan="gold"), device=device, minute=TODAY + 2)
        await send(a_recording(), device=device, minute=TODAY + 3)
        await send(
            message("increment", profileId=profile, property="browser"), device=device, minute=TODAY + 3
        )


def a_recording() -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    return message(
        "replay",
        chunk_index=0,
        events_count=1,
        is_full_snapshot=True,
        started_at=at,
        ended_at=at,
        payload="[]",
    )  # type: ignore[return-value]


def traces(office: Office) -> list[str]:
    """Where anything of Kim is found, in all stores."""
    return [*in_warehouse(office.world), *in_redis(office.world), *in_metadata(office.database)]


KIMS = (
    KIM,
    EMAIL,
    ONCE,
    *(form for number in (PHONE, LAPTOP, person_of_profile(KIM)) for form in (str(number), to_hex(number))),
)


def in_warehouse(world: World, *needles: str, project: str = PROJECT) -> list[str]:
    found = []
    for table in tables.ALL:
        [(rows,)] = world.warehouse.query(
            f"SELECT countIf(multiSearchAny(formatRow('JSONEachRow', *), {{needles:Array(String)}})) FROM {table.name}"
            " WHERE project_id = {project:String}",
            parameters={"needles": list(needles or KIMS), "project": project},
        )
        if rows:
            found.append(table.name)
    return found


def in_redis(world: World) -> list[str]:
    client: Any = world.stream.redis
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"string": client.get, b"hash": client.hgetall, b"set": client.smembers, b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True), b"stream": client.xrange,
    }  # fmt: skip
    found = []
    for key in client.scan_iter():
        if b"blog" in key:
            continue
        whole = repr((key, readers[client.type(key)](key)))
        found += [f"{key!r}: {needle}" for needle in KIMS if needle in whole]
    return found


def in_metadata(database: Database) -> list[str]:
    found = []
    with database.session() as session:
        for name in Row.metadata.tables:
            for (row,) in session.execute(text(f"SELECT to_jsonb(t)::text FROM {name} AS t")):
                shown = str(row)
                if name == "person_erasures":  # the numbers, which are hashes, keep out what comes late
                    found += [name for needle in (KIM, EMAIL, ONCE) if needle in shown]
                else:
                    found += [name for needle in KIMS if needle in shown]
    return found


def lees(world: World, project: str = PROJECT) -> list[Any]:
    """All that is known of the other person."""
    where = f"project_id = '{project}' AND "
    person = person_of_profile(LEE)
    return [
        world.rows("name, person, profile_id", where=f"{where}device_id = {LEES_PHONE}"),
        world.rows(
            "session_id, views", table="sessions FINAL", where=f"{where}device_id = {LEES_PHONE}", order="1"
        ),
        world.rows("email, version", table="profiles FINAL", where=f"{where}profile_id = '{LEE}'", order="1"),
        world.rows(
            "sum(r_person_week.events)",
            table="r_person_week",
            where=f"{where}person IN ({person}, {LEES_PHONE})",
            order="1",
        ),
        world.rows(
            "person, into", table="person_overrides FINAL", where=f"{where}person = {LEES_PHONE}", order="1"
        ),
        world.rows("value", table="property_values", where=f"{where}key = 'plan'", order="1"),
    ]


async def test_what_is_stored_of_a_person_is_found_nowhere_any_more(office: Office) -> None:
    world = office.world
    await a_story(world)
    await a_story(world, project="blog")
    world.drain()
    before = lees(world)
    assert set(in_warehouse(world)) == HOLDING - {"replay_chunks"}

    asked = office.ask()
    receipt = office.forgotten(asked)

    assert traces(office) == []
    assert lees(world) == before
    assert in_warehouse(world, project="blog")
    assert (receipt.state, receipt.profile_id, receipt.names) == ("done", None, ())
    assert set(receipt.receipt["rows"]) == HOLDING
    assert receipt.receipt["rows"]["events"] == 6


async def test_block_in_hand_is_taken_back(office: Office, faulty: Faulty) -> None:
    asked: list[PersonErasure] = []

    def erase(table: str, _token: str, _number: int) -> None:
        if table == "events" and not asked:
            asked.append(office.ask())
            assert office.forgotten(asked[0]).state == "done"

    await a_story(office.world)
    assert office.world.new_drain(warehouse=faulty(before=erase)).run() is Outcome.EMPTY
    assert in_warehouse(office.world)
    assert office.found(asked[0]).state == "asked"

    office.forgotten(asked[0])

    assert traces(office) == []


async def test_what_waits_in_the_stream_is_left_out_with_the_device_that_it_tells_of(office: Office) -> None:
    world = office.world
    await world.send(track(__path="https://shop.example/laptop"), device=LAPTOP)
    await world.send(track("buy", profile=KIM), device=PHONE)
    world.drain()
    await world.send(message("identify", profileId=KIM, email=EMAIL), device=LAPTOP, minute=1)
    asked = office.ask()
    office.forgotten(asked)

    world.drain()
    office.forgotten(asked)

    assert traces(office) == []


async def test_what_was_received_before_and_comes_late_is_left_out(office: Office) -> None:
    world = office.world
    await a_story(world)
    world.drain()
    asked = office.ask()
    office.forgotten(asked)

    await world.send(track("buy", profile=KIM), device=PHONE, minute=5, flags=Flag.LATE)
    await world.send(track("buy"), device=LAPTOP, minute=5)
    await world.send(message("track", name=7, profileId=KIM, properties={}), device=LEES_PHONE, minute=6)
    world.drain()
    office.forgotten(asked)

    assert traces(office) == []


async def test_what_comes_later_is_a_new_story(office: Office) -> None:
    world = office.world
    await a_story(world)
    world.drain()
    asked = office.ask()
    office.forgotten(asked)
    office.later()
    later = (office.found(asked).until_ms - NOON) / MINUTE + 1

    await world.send(track("back", profile=KIM), device=PHONE, minute=later)
    await world.send(message("identify", profileId=KIM, lastName="Again"), device=PHONE, minute=later)
    world.drain()
    person_erasures.look_again(office.database, erasure=asked.id)
    office.forgotten(asked)

    assert world.rows("profile_id", where="name = 'back'") == [(KIM,)]
    kept = world.rows(
        "email, first_name, last_name", table="profiles FINAL", where=f"profile_id = '{KIM}'", order="1"
    )
    assert kept == [("", "", "Again")]
    assert in_warehouse(world, EMAIL) == []


async def test_somebody_else_on_the_same_device_stays(office: Office) -> None:
    world = office.world
    await world.send(track("buy", profile=KIM), device=PHONE)
    await world.send(track("buy", profile=LEE), device=PHONE, minute=60)
    await world.send(track("look"), device=PHONE, minute=61)
    world.drain()

    office.forgotten(office.ask())

    assert world.rows("name, profile_id", where="name != 'session_start' AND name != 'session_end'") == [
        ("buy", LEE)
    ]


async def test_a_dead_letter_that_names_the_person_goes_and_others_stay(office: Office) -> None:
    world = office.world
    for profile in (KIM, f"{KIM}0", LEE):
        sent = {"type": "increment", "payload": {"profileId": profile, "property": "plan", "value": 1}}
        await world.send(message("identify", profileId=profile, properties={"plan": "gold"}), device=PHONE)
        await world.send(sent, device=PHONE)
    world.drain()
    assert len(world.letters()) == 3

    office.forgotten(office.ask())

    assert [KIM in body for _, _, body in world.letters()] == [True, False]
    assert [f'"{KIM}"' in body for _, _, body in world.letters()] == [False, False]


async def test_whoever_takes_over_from_a_killed_worker_finds_the_rest(office: Office) -> None:
    await a_story(office.world)
    office.world.drain()
    asked = office.ask()
    for place in range(4):
        with pytest.raises(Killed), Dying(office.world.warehouse, after=place) as warehouse:
            office.carry_out(asked, warehouse=warehouse)
        assert office.found(asked).state == "running"

    receipt = office.forgotten(asked)

    assert traces(office) == []
    assert receipt.state == "done"


async def test_successor_of_a_dead_worker_takes_back_what_that_inserted(
    office: Office, faulty: Faulty
) -> None:
    world = office.world
    await a_story(world)
    with pytest.raises(Killed):
        world.new_drain(shard=DyingShard(world.shard()), warehouse=faulty(after=dies_at(4))).run()
    asked = office.ask()
    office.forgotten(asked)

    world.stream.redis.delete(world.stream.keys.lease)
    world.new_drain(transform=world.new_transform(), shard=world.shard(owner="successor")).run()
    office.forgotten(asked)

    assert traces(office) == []


async def test_a_person_is_erased_once_however_often_that_is_asked(office: Office) -> None:
    await a_story(office.world)
    office.world.drain()

    first, second = office.ask(), office.ask()
    done = office.forgotten(first)
    third = office.forgotten(office.ask())

    assert first.id == second.id
    assert done.receipt["rows"]["events"] > 0
    assert third.receipt["rows"] == {}
    assert office.carry_out(first) == "nothing to do"


def test_nobody_of_that_name_makes_a_receipt_too(office: Office) -> None:
    receipt = office.forgotten(office.ask("nobody-at-all"))

    assert (receipt.state, receipt.receipt["rows"], receipt.receipt["persons"]) == ("done", {}, 1)


class Dying(Warehouse):
    """The real warehouse; the process ends after so many statements that delete."""

    def __init__(self, warehouse: Warehouse, *, after: int) -> None:
        super().__init__(_url(warehouse), database=warehouse.database)
        self._left = after

    def command(self, sql: str, **options: Any) -> None:
        if self._left == 0:
            raise Killed
        self._left -= 1
        super().command(sql, **options)


def _url(warehouse: Warehouse) -> str:
    return warehouse._address.geturl()


@pytest.mark.parametrize("page", [2, 1_000], ids=["pages", "one page"])
async def test_what_is_exported_is_all_of_the_person_and_of_nobody_else(office: Office, page: int) -> None:
    await a_story(office.world)
    office.world.drain()
    asked = people.Person(PROJECT, people.numbers_of(KIM), (KIM,), until_ms=0)
    person = people.resolved(office.world.warehouse, asked)

    lines = [line for lines in export_person(office.world.warehouse, person, page=page) for line in lines]

    kinds = Counter(line["kind"] for line in lines)
    assert kinds == {
        "person": 1, "profile": 1, "same person": 2, "device": 2, "session": 2, "event": 6, "week": 3, "recording": 2,
        "dead letter": 2,
    }  # fmt: skip
    assert not [line for line in lines if LEE in repr(line) or to_hex(LEES_PHONE) in repr(line)]
    assert {line["email"] for line in lines if line["kind"] == "profile"} == {EMAIL}
    assert {line["properties"].get("plan") for line in lines if line.get("name") == "buy"} == {"gold"}


@pytest.mark.parametrize("form", [Single(), Clustered(cluster="main")], ids=["single", "clustered"])
def test_engine_reads_every_statement_that_removes(warehouse: Warehouse, form: Form) -> None:
    conditions = [
        *BY_NUMBER, (tables.SESSIONS, OF_SESSION), (tables.REPLAY_CHUNKS, OF_SESSION), (tables.PROFILES, OF_PROFILE),
        (tables.PROPERTY_VALUES, OF_VALUE), (tables.DEAD_LETTERS, OF_BODY),
    ]  # fmt: skip
    for table, rows in conditions:
        statement = deletion(table, rows.replace("<<numbers>>", "(1, 2)"), form=form)
        [(read,)] = warehouse.query("SELECT formatQuery({sql:String})", parameters={"sql": statement})
        assert "DELETE WHERE (project_id = {project:String}) AND" in read
        clustered = (
            f"`{table.name}_local` ON CLUSTER `main` DELETE"
            if isinstance(form, Clustered)
            else f"`{table.name}` DELETE"
        )
        assert f"ALTER TABLE {clustered}" in statement


def test_an_order_is_made_once_a_minute_and_a_worker_carries_it_out(office: Office) -> None:
    asked = office.ask()
    minutes = [datetime(2026, 3, 1, 12, minute, tzinfo=UTC) for minute in (0, 0, 1)]
    queue = Queue(JOBS_QUEUE, connection=office.world.stream.redis)
    orders = ForgettingOrders(queue, database=office.database, now=lambda: minutes.pop(0))
    context.install(context.Context(drain=office.no_drain, forgetting=office.forgetting()))

    made = [orders.sweep() for _ in range(3)]
    worker = DrainWorker(
        [queue],
        connection=office.world.stream.redis,
        name=f"forgetting-{uuid4()}",
        orders=Orders(office.world.stream.redis, pool=office.world.stream.pool, now=lambda: minutes[0]),
        stopping=office.world.stopping,
    )
    worker.work(burst=True, logging_level="WARNING")

    assert made == [1, 0, 1]
    assert office.found(asked).state == "done"
    assert orders_left(queue) == 0


def test_an_erasure_waits_while_another_worker_is_at_one_of_the_project(office: Office) -> None:
    asked = office.ask()
    context.install(context.Context(drain=office.no_drain, forgetting=office.forgetting()))

    with metadata.lock(office.database, f"openpanel.erasure.{PROJECT}"):
        assert forget(PROJECT, asked.id) == "waits"

    assert office.found(asked).state == "asked"


def test_what_the_warehouse_refuses_fails_with_the_reason(office: Office, clickhouse: Any) -> None:
    asked = office.ask()

    with Warehouse(clickhouse.url, database="system") as empty:
        assert office.carry_out(asked, warehouse=empty) == "failed"

    assert office.found(asked).state == "failed"
    assert office.found(asked).reason


def orders_left(queue: Queue) -> int:
    return int(queue.count)
