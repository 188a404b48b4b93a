"""Retention: expired rows of exactly the projects with a limit go, everything else stays."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openpanel.warehouse import Refused, Warehouse, tables
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.retention import KINDS, MAX_DAYS, BadRetention, Kind, apply_retention, ttl
from openpanel.warehouse.schema import Single, Table
from openpanel_local.engines.clickhouse import ClickHouse
from tests.warehouse import rows

NOW = datetime.now(UTC)
AGES = (1, 8, 40, 400)  # days
AGGREGATES = (tables.DAYS, tables.PATHS, tables.DIMENSIONS, tables.PERSON_WEEKS)
ODD_NAMES = ("it's", "back\\slash", "') OR 1 = 1 --", "a TTL b SETTINGS c", "한국", "")
PATIENCE_S = 120.0
CANNOT_ASSIGN_OPTIMIZE = 388


@pytest.fixture(scope="module")
def warehouse(clickhouse: ClickHouse, clickhouse_database: Callable[[], str]) -> Iterator[Warehouse]:
    """A database of these tests' own: what they make expire is all that is in it."""
    with Warehouse(clickhouse.url, database=clickhouse_database()) as opened:
        migrate(opened, form=Single())
        yield opened


def test_expired_events_go_and_all_others_stay(warehouse: Warehouse, project: str) -> None:
    limited, longer, free = f"{project} limited", f"{project} longer", f"{project} free"
    fill(warehouse, limited, longer, free)

    apply_retention(warehouse, project=limited, days={"events": 7})
    apply_retention(warehouse, project=longer, days={"events": 60})
    expire(warehouse, tables.EVENTS)

    assert ages(warehouse, limited) == [1]
    assert ages(warehouse, longer) == [1, 8, 40]
    assert ages(warehouse, free) == [1, 8, 40, 400]


def test_kinds_are_kept_apart(warehouse: Warehouse, project: str) -> None:
    fill(warehouse, project)

    apply_retention(warehouse, project=project, days={"sessions": 7})
    apply_retention(warehouse, project=project, days={"aggregates": 60})
    for table in (tables.SESSIONS, *AGGREGATES):
        expire(warehouse, table)

    assert ages(warehouse, project) == [1, 8, 40, 400]
    assert count(warehouse, tables.SESSIONS, project) == 1
    assert [count(warehouse, table, project) for table in AGGREGATES] == [3, 3, 3 * 6, 3]


def test_what_pickers_offer_and_when_profiles_were_seen_go_with_the_totals(
    warehouse: Warehouse, project: str
) -> None:
    limited, free = f"{project} limited", f"{project} free"
    fill(warehouse, limited, free)

    apply_retention(warehouse, project=limited, days={"aggregates": 60})
    for table in (tables.PROPERTY_NAMES, tables.PROPERTY_VALUES, tables.PROFILE_ACTIVITY):
        expire(warehouse, table)

    assert told(warehouse, "key", tables.PROPERTY_NAMES, limited) == ["at 1", "at 40", "at 8"]
    assert told(warehouse, "value", tables.PROPERTY_VALUES, limited) == ["1 days", "40 days", "8 days"]
    assert told(warehouse, "profile_id", tables.PROFILE_ACTIVITY, limited) == ["p1", "p40", "p8"]
    assert told(warehouse, "key", tables.PROPERTY_NAMES, free) == ["at 1", "at 40", "at 400", "at 8"]
    assert told(warehouse, "profile_id", tables.PROFILE_ACTIVITY, free) == ["p1", "p40", "p400", "p8"]


def test_new_rows_that_are_already_old_go_too(warehouse: Warehouse, project: str) -> None:
    apply_retention(warehouse, project=project, days={"events": 7})

    fill(warehouse, project)
    expire(warehouse, tables.EVENTS)

    assert ages(warehouse, project) == [1]


def test_limit_that_is_lifted_deletes_nothing_more(warehouse: Warehouse, project: str) -> None:
    apply_retention(warehouse, project=project, days={"events": 7})
    apply_retention(warehouse, project=project, days={"events": None})

    fill(warehouse, project)
    expire(warehouse, tables.EVENTS)

    assert ages(warehouse, project) == [1, 8, 40, 400]


def test_longest_limit_deletes_nothing_of_today(warehouse: Warehouse, project: str) -> None:
    apply_retention(warehouse, project=project, days=dict.fromkeys(KINDS, MAX_DAYS))

    fill(warehouse, project)
    for table in (tables.EVENTS, tables.SESSIONS, *AGGREGATES):
        expire(warehouse, table)

    assert ages(warehouse, project) == [1, 8, 40, 400]
    assert count(warehouse, tables.SESSIONS, project) == 4
    assert [count(warehouse, table, project) for table in AGGREGATES] == [4, 4, 4 * 6, 4]


def test_replays_go_after_thirty_days_unless_the_project_says_otherwise(
    warehouse: Warehouse, project: str
) -> None:
    short, long, unset = f"{project} short", f"{project} long", f"{project} unset"
    apply_retention(warehouse, project=short, days={"replays": 7})
    apply_retention(warehouse, project=long, days={"replays": 60})
    for name in (short, long, unset):
        chunks = [
            {"project_id": name, "session_id": 1, "chunk_index": number, "started_at": milliseconds(age)}
            for number, age in enumerate(AGES)
        ]
        rows.insert(warehouse, tables.REPLAY_CHUNKS, chunks, token=name)
    expire(warehouse, tables.REPLAY_CHUNKS)

    assert [count(warehouse, tables.REPLAY_CHUNKS, name) for name in (short, long, unset)] == [1, 3, 2]


def test_letter_without_a_project_goes_after_thirty_days(warehouse: Warehouse, project: str) -> None:
    """Nobody can give one a limit, and nobody would erase it."""
    short, long = f"{project} short", f"{project} long"
    apply_retention(warehouse, project=short, days={"deadLetters": 7})
    apply_retention(warehouse, project=long, days={"deadLetters": 60})
    for name in ("", short, long):
        letters = [{"project_id": name, "received_at": milliseconds(age)} for age in AGES]
        rows.insert(warehouse, tables.DEAD_LETTERS, letters, token=f"{project}:{name}")
    expire(warehouse, tables.DEAD_LETTERS)

    assert [letters_of(warehouse, name) for name in ("", short, long)] == [2, 1, 3]


def test_parts_are_dated_anew_where_the_project_has_rows_and_nowhere_else(
    warehouse: Warehouse, project: str
) -> None:
    elsewhere = {"project_id": f"{project} free", "name": "x", "created_at": 1, "day": 0}
    rows.insert(warehouse, tables.EVENTS, [elsewhere], token=f"{project}:elsewhere")
    fill(warehouse, project)

    apply_retention(warehouse, project=project, days={"events": MAX_DAYS})
    settle(warehouse, tables.EVENTS)

    dated = warehouse.query(
        "SELECT partition_id, max(arrayExists(moment -> moment > now(), rows_where_ttl_info.max)) FROM system.parts"
        " WHERE database = currentDatabase() AND table = 'events' AND active GROUP BY partition_id"
    )
    months = {partition for (partition,) in warehouse.query(
        "SELECT DISTINCT _partition_id FROM events WHERE project_id = {project:String}", parameters={"project": project}
    )}  # fmt: skip
    assert {partition for partition, is_dated in dated if is_dated} == months
    assert "197001" in {partition for partition, _ in dated}


def test_second_call_changes_nothing(warehouse: Warehouse, project: str) -> None:
    days: dict[Kind, int | None] = dict.fromkeys(KINDS, 30)

    assert apply_retention(warehouse, project=project, days=days)
    assert apply_retention(warehouse, project=project, days=days) == ()


def test_what_stands_already_costs_two_questions(
    warehouse: Warehouse, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    days: dict[Kind, int | None] = dict.fromkeys(KINDS, 30)
    apply_retention(warehouse, project=project, days=days)
    asked: list[str] = []
    query = warehouse.query

    def counted(sql: str, **rest: Any) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return query(sql, **rest)

    monkeypatch.setattr(warehouse, "query", counted)
    apply_retention(warehouse, project=project, days=days)

    assert len(asked) == 2


def test_call_that_died_before_the_tables_changed_is_finished_by_the_next(
    warehouse: Warehouse, project: str
) -> None:
    warehouse.command("INSERT INTO retention SELECT {p:String}, 'bots', 30, 1", parameters={"p": project})

    assert apply_retention(warehouse, project=project, days={"bots": 30}) == ("bots",)


def test_call_that_died_before_old_parts_were_dated_is_finished_by_the_next(
    warehouse: Warehouse, project: str
) -> None:
    fill(warehouse, project)
    apply_retention(warehouse, project=project, days={"events": 50})
    settle(warehouse, tables.EVENTS)
    before = mutations(warehouse, tables.EVENTS)
    begun = "INSERT INTO retention SELECT project_id, kind, days, version + 1 FROM retention WHERE project_id = {p:String}"
    warehouse.command(begun, parameters={"p": project})

    assert apply_retention(warehouse, project=project, days={"events": 50}) == ()
    again = mutations(warehouse, tables.EVENTS)
    assert apply_retention(warehouse, project=project, days={"events": 50}) == ()

    assert again == before + 1
    assert mutations(warehouse, tables.EVENTS) == again


def test_no_name_of_a_project_changes_the_statement(warehouse: Warehouse, project: str) -> None:
    odd, free = [f"{project}{name}" for name in ODD_NAMES], f"{project} free"
    fill(warehouse, *odd, free)

    for name in odd:
        assert apply_retention(warehouse, project=name, days={"events": 7}) == ("events",)
    expire(warehouse, tables.EVENTS)

    assert [ages(warehouse, name) for name in odd] == [[1]] * len(odd)
    assert ages(warehouse, free) == [1, 8, 40, 400]
    assert all(apply_retention(warehouse, project=name, days={"events": 7}) == () for name in odd)


def test_limits_of_two_projects_set_at_once_both_hold(warehouse: Warehouse, project: str) -> None:
    projects = [f"{project} {number}" for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        for run in [
            pool.submit(apply_retention, warehouse, project=name, days={"bots": 7}) for name in projects
        ]:
            run.result()

    (definition,) = warehouse.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'bots'"
    )
    assert all(f"'{name}'" in definition[0] for name in projects)


@pytest.mark.parametrize("days", [0, -1, 18_251])
def test_impossible_number_of_days_is_refused(warehouse: Warehouse, project: str, days: int) -> None:
    with pytest.raises(BadRetention, match="1 to 18250"):
        apply_retention(warehouse, project=project, days={"events": days})


def test_unknown_kind_is_refused(warehouse: Warehouse, project: str) -> None:
    with pytest.raises(BadRetention, match="expected one of events"):
        apply_retention(warehouse, project=project, days={"everything": 1})  # type: ignore[dict-item]


def test_clause_groups_projects_by_days() -> None:
    assert ttl({"b": 7, "a": 7, "c": 30, "d": 0}, time="t") == (
        "t + toIntervalDay(7) WHERE project_id IN ('a', 'b'), t + toIntervalDay(30) WHERE project_id IN ('c')"
    )
    assert ttl({}, time="t") == ""
    assert ttl({"a": 7}, time="t", default_days=30) == (
        "t + toIntervalDay(7) WHERE project_id IN ('a'), t + toIntervalDay(30) WHERE project_id NOT IN ('a')"
    )
    assert ttl({"a": 30}, time="t", default_days=30) == "t + toIntervalDay(30)"


def test_limit_that_all_have_changes_no_table(warehouse: Warehouse, project: str) -> None:
    assert apply_retention(warehouse, project=project, days={"replays": 30}) == ()
    assert apply_retention(warehouse, project=project, days={"replays": 7}) == ("replay_chunks",)
    assert apply_retention(warehouse, project=project, days={"replays": 30}) == ("replay_chunks",)


def fill(warehouse: Warehouse, *projects: str) -> None:
    """One session with one view per age and project, each of a profile and with a property of its own."""
    events = [
        {
            "project_id": project,
            "name": "screen_view",
            "path": "/",
            "day": (NOW - timedelta(days=age)).toordinal() - 719_163,
            "created_at": milliseconds(age),
            "session_started_at": milliseconds(age),
            "session_id": age,
            "event_id": age,
            "person": 1,
            "profile_id": f"p{age}",
            "properties": {f"at {age}": f"{age} days"},
        }
        for project in projects
        for age in AGES
    ]
    rows.insert(warehouse, tables.EVENTS, events, token=":".join(projects))


def milliseconds(age_days: int) -> int:
    return round((NOW - timedelta(days=age_days)).timestamp() * 1000)


def expire(warehouse: Warehouse, table: Table) -> None:
    """Do at once what the next merges would do; begun anew when one of those was faster and left nothing to merge."""
    settle(warehouse, table)
    deadline = time.monotonic() + PATIENCE_S
    while not is_merged(warehouse, table):
        assert time.monotonic() < deadline, "other merges are always faster"


def is_merged(warehouse: Warehouse, table: Table) -> bool:
    """Merge all parts of a table; False when it could not be done to the end."""
    try:
        warehouse.command(f"OPTIMIZE TABLE `{table.name}` FINAL", settings={"optimize_throw_if_noop": 1})
    except Refused as refused:
        if refused.code != CANNOT_ASSIGN_OPTIMIZE:
            raise
        return False
    return True


def settle(warehouse: Warehouse, table: Table) -> None:
    """Wait until what was begun in the background is done."""
    deadline = time.monotonic() + PATIENCE_S
    while mutations(warehouse, table, state="NOT is_done"):
        assert time.monotonic() < deadline, "parts are still being dated"
        time.sleep(0.02)


def mutations(warehouse: Warehouse, table: Table, *, state: str = "1") -> int:
    sql = (
        f"SELECT uniqExact(mutation_id) FROM system.mutations"
        f" WHERE database = currentDatabase() AND table = {{table:String}} AND {state}"
    )
    return int(warehouse.query(sql, parameters={"table": table.name})[0][0])


def ages(warehouse: Warehouse, project: str) -> list[int]:
    found = warehouse.query(
        "SELECT event_id FROM events WHERE project_id = {project:String} ORDER BY event_id",
        parameters={"project": project},
    )
    return [age for (age,) in found]


def count(warehouse: Warehouse, table: Table, project: str) -> int:
    sql = f"SELECT count() FROM {table.name} FINAL WHERE project_id = {{project:String}}"
    return int(warehouse.query(sql, parameters={"project": project})[0][0])


def letters_of(warehouse: Warehouse, project: str) -> int:
    sql = "SELECT count() FROM dead_letters WHERE project_id = {project:String}"
    return int(warehouse.query(sql, parameters={"project": project})[0][0])


def told(warehouse: Warehouse, column: str, table: Table, project: str) -> list[str]:
    sql = f"SELECT DISTINCT {column} FROM {table.name} WHERE project_id = {{project:String}} ORDER BY 1"
    return [value for (value,) in warehouse.query(sql, parameters={"project": project})]
