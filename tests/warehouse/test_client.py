"""The client: what goes over the wire unharmed, what is limited, and what each error becomes."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.models import SettingDef
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from openpanel.warehouse import Refused, Unavailable, Warehouse, WarehouseError, client, tables
from openpanel.warehouse.errors import PASSING, ROWS, error_of
from openpanel.warehouse.native import Column, encode_block
from openpanel_local.engines.clickhouse import ClickHouse
from tests.stream.ports import reserved_port
from tests.warehouse import rows

# Wrong about the place: a migration, a grant, a password or the limits of a user.
SETUP = frozenset({16, 47, 60, 81, 115, 164, 192, 193, 218, 291, 452, 497, 516})
# Minutes of work over fewer rows than a question may read: more would be refused before anybody can cancel it.
NEVER_ENDS = "SELECT count() FROM numbers(1000000000) WHERE NOT ignore(SHA512(repeat(toString(number), 20)))"


def test_rows_come_as_tuples_and_by_name(warehouse: Warehouse) -> None:
    sql = "SELECT 1 AS one, 'zwei' AS two"

    assert warehouse.query(sql) == [(1, "zwei")]
    assert warehouse.named(sql) == [{"one": 1, "two": "zwei"}]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.text(max_size=60))
def test_any_text_arrives_as_a_parameter(warehouse: Warehouse, text: str) -> None:
    found = warehouse.query(
        "SELECT {one:String}, {many:Array(String)}", parameters={"one": text, "many": [text, ""]}
    )

    stored = text.encode(errors="replace").decode()
    assert found == [(stored, [stored, ""])]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(text=st.text(alphabet=st.characters(codec=None)))
@example(text="'\\\n\t\x00\ud800, ")
def test_any_text_arrives_in_a_list_of_pairs(warehouse: Warehouse, text: str) -> None:
    sql = "SELECT {pairs:Array(Tuple(String, String))}"

    [(found,)] = warehouse.query(sql, parameters={"pairs": [(text, "x"), ("y", text)]})

    stored = text.encode(errors="replace").decode()
    assert found == [(stored, "x"), ("y", stored)]


def test_numbers_and_days_arrive_as_parameters(warehouse: Warehouse) -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC).date()

    found = warehouse.query(
        "SELECT {n:UInt64}, {i:Int64}, {d:Date}, {a:Array(Int64)}",
        parameters={"n": 2**64 - 1, "i": -5, "d": day, "a": [1, -1]},
    )

    assert found == [(2**64 - 1, -5, day, [1, -1])]


def test_nothing_is_opened_before_the_first_call() -> None:
    with reserved_port() as nobodys, Warehouse(f"http://127.0.0.1:{nobodys}", database="x") as warehouse:
        with pytest.raises(Unavailable) as refused:
            warehouse.query("SELECT 1")
        assert refused.value.code == 0


def test_client_works_once_the_server_is_there(clickhouse: ClickHouse, warehouse: Warehouse) -> None:
    with Warehouse(clickhouse.url, database="not there yet") as early:
        with pytest.raises(WarehouseError):
            early.query("SELECT 1")
        early.create_database()
        assert early.query("SELECT currentDatabase()") == [("not there yet",)]


def test_closed_client_opens_again(clickhouse: ClickHouse) -> None:
    warehouse = Warehouse(clickhouse.url, database="default")
    warehouse.create_database()
    warehouse.query("SELECT 1")
    warehouse.close()

    assert warehouse.query("SELECT 1") == [(1,)]
    warehouse.close()


def test_wrong_password_is_refused(clickhouse: ClickHouse) -> None:
    url = f"http://openpanel:wrong@127.0.0.1:{clickhouse.port}"

    with Warehouse(url, database="x") as warehouse, pytest.raises(Refused) as refused:
        warehouse.query("SELECT 1")

    assert refused.value.code in SETUP


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEKT 1", 62),
        ("SELECT * FROM nowhere", 60),
        ("SELECT nothing FROM events", 47),
        ("SELECT {x:UInt8}", 456),
    ],
)
def test_mistaken_query_is_refused_with_its_code(warehouse: Warehouse, sql: str, code: int) -> None:
    with pytest.raises(Refused) as refused:
        warehouse.query(sql)

    assert refused.value.code == code
    assert "Received ClickHouse exception" not in refused.value.message
    assert "(version" not in refused.value.message


@pytest.mark.parametrize(
    ("limit", "error", "code"),
    [
        ({"max_execution_time": 1}, Unavailable, 159),
        ({"max_result_rows": 10}, Refused, 396),
        ({"max_memory_usage": 5_000_000}, Unavailable, 241),
    ],
    ids=["time", "rows", "memory"],
)
def test_limits_end_a_query(
    warehouse: Warehouse, limit: dict[str, object], error: type[Refused | Unavailable], code: int
) -> None:
    sql = {
        159: NEVER_ENDS,
        396: "SELECT number FROM numbers(1000)",
        241: "SELECT groupArray(number) FROM numbers(10000000)",
    }[code]

    with pytest.raises(error) as ended:
        warehouse.query(sql, settings=limit)

    assert ended.value.code == code


def test_result_is_limited_when_nobody_says_so(warehouse: Warehouse) -> None:
    with pytest.raises(Refused) as refused:
        warehouse.query("SELECT number FROM numbers(200000)")

    assert refused.value.code == 396


def test_running_query_is_cancelled_by_its_comment(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(warehouse.query, NEVER_ENDS, settings={"log_comment": "cancel me"})
        while not running.done():
            warehouse.cancel("somebody else")
            warehouse.cancel("cancel me")

        with pytest.raises(Unavailable) as cancelled:
            running.result()
    assert cancelled.value.code == 394


def test_threads_share_one_client(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(
            lambda n: warehouse.query("SELECT {n:UInt64}", parameters={"n": n})[0][0], range(100)
        )

    assert list(found) == list(range(100))


def test_whoever_asks_for_the_same_replica_is_heard(warehouse: Warehouse) -> None:
    sql = "SELECT getSetting('load_balancing'), toUInt8(getSetting('prefer_localhost_replica'))"

    assert warehouse.query(sql, settings=client.SAME_REPLICA) == [("in_order", 0)]


def test_inserts_ask_for_the_same_replica(
    warehouse: Warehouse, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, object]] = []
    insert: Any = warehouse._opened().raw_insert

    def listen(*given: Any, settings: dict[str, object], **more: Any) -> Any:
        sent.append(settings)
        return insert(*given, settings=settings, **more)

    monkeypatch.setattr(warehouse._opened(), "raw_insert", listen)

    rows.insert(warehouse, tables.BOTS, [{"project_id": project, "created_at": 1}], token=project)

    [settings] = sent
    assert client.SAME_REPLICA.items() <= settings.items()


def test_replicas_are_left_to_a_cluster_that_lets_nobody_choose(
    warehouse: Warehouse, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = {name: SettingDef(name, "its own", 1) for name in client.SAME_REPLICA}
    known = warehouse._opened().server_settings
    monkeypatch.setattr(warehouse._opened(), "server_settings", {**known, **fixed})

    rows.insert(warehouse, tables.BOTS, [{"project_id": project, "created_at": 1}], token=project)

    sql = "SELECT count() FROM bots WHERE project_id = {project:String}"
    assert warehouse.query(sql, parameters={"project": project}, settings=client.SAME_REPLICA) == [(1,)]


def test_inserted_rows_are_there_when_the_call_returns(warehouse: Warehouse, project: str) -> None:
    rows.insert(warehouse, tables.BOTS, [{"project_id": project, "created_at": 1}], token=project)

    sql = "SELECT count() FROM bots WHERE project_id = {project:String}"
    assert warehouse.query(sql, parameters={"project": project}) == [(1,)]


def test_column_with_the_name_of_a_keyword_is_inserted(warehouse: Warehouse, project: str) -> None:
    received = round(time.time() * 1_000)  # letters go after thirty days
    letter = {
        "project_id": project,
        "received_at": received,
        "reason": "r",
        "body": "b",
        "order": 7,
        "event_id": 8,
    }

    rows.insert(warehouse, tables.DEAD_LETTERS, [letter], token=project)

    sql = "SELECT `order`, event_id FROM dead_letters WHERE project_id = {project:String}"
    assert warehouse.query(sql, parameters={"project": project}) == [(7, 8)]


@pytest.mark.parametrize(
    ("table", "columns", "block"),
    [
        ("nowhere", ["a"], encode_block([Column("a", "UInt8")], {"a": [1]})),
        ("bots", ["nothing"], encode_block([Column("nothing", "UInt8")], {"nothing": [1]})),
    ],
    ids=["no such table", "no such column"],
)
def test_insert_into_what_is_not_there_waits_for_a_migration(
    warehouse: Warehouse, table: str, columns: list[str], block: bytes
) -> None:
    with pytest.raises(Unavailable):
        warehouse.insert_native(table, columns=columns, block=block, token="t")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda block: block[:-3],
        lambda block: block.replace(b"UInt64", b"Nested"),
        lambda _block: b"\xff" * 50,
    ],
    ids=["cut off", "unknown type", "noise"],
)
def test_block_that_cannot_be_read_is_refused_and_nothing_is_kept(
    warehouse: Warehouse, project: str, spoil: Callable[[bytes], bytes]
) -> None:
    block = rows.block_of(tables.PERSON_OVERRIDES.columns, [{"project_id": project, "person": 1, "into": 2}])

    with pytest.raises(WarehouseError):
        warehouse.insert_native(
            "person_overrides",
            columns=tables.PERSON_OVERRIDES.column_names,
            block=spoil(block),
            token=f"{project}:{spoil(block)!r}",
        )

    sql = "SELECT count() FROM person_overrides WHERE project_id = {project:String}"
    assert warehouse.query(sql, parameters={"project": project}) == [(0,)]


@pytest.mark.parametrize("code", sorted(PASSING))
def test_passing_trouble_is_worth_another_try(code: int) -> None:
    assert isinstance(error_of(code, "text", inserting=False), Unavailable)
    assert isinstance(error_of(code, "text", inserting=True), Unavailable)


@pytest.mark.parametrize("code", sorted(SETUP))
def test_trouble_with_the_place_makes_rows_wait_and_questions_fail(code: int) -> None:
    assert isinstance(error_of(code, "text", inserting=True), Unavailable)
    assert isinstance(error_of(code, "text", inserting=False), Refused)


def test_trouble_of_disks_quotas_and_systems_passes() -> None:
    assert {74, 75, 76, 173, 198, 201, 425, 1000, 1001} <= PASSING


@pytest.mark.parametrize("code", sorted(ROWS))
def test_what_is_about_the_rows_is_refused(code: int) -> None:
    assert isinstance(error_of(code, "text", inserting=True), Refused)


@pytest.mark.parametrize("code", [0, 1, 23, 48, 737, 1002, 31_415])
def test_rows_wait_for_what_nobody_has_thought_of(code: int) -> None:
    assert isinstance(error_of(code, "text", inserting=True), Unavailable)
    assert isinstance(error_of(code, "text", inserting=False), Refused)


def test_rows_wait_when_a_setting_is_not_known(
    warehouse: Warehouse, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "INSERTING", {**client.INSERTING, "no_such_setting": 1})

    with pytest.raises(Unavailable):
        rows.insert(warehouse, tables.BOTS, [{"project_id": project, "created_at": 1}], token=project)


def test_block_that_is_no_block_is_refused() -> None:
    assert isinstance(error_of(117, "INCORRECT_DATA", inserting=True), Refused)
