"""What is read of profiles and groups before they change: those asked for, and nothing beside them."""

from typing import Any

import pytest

from openpanel.warehouse import Warehouse
from openpanel.warehouse.client import SAME_REPLICA
from openpanel_worker import current
from openpanel_worker.current import current_groups, current_profiles

MANY = 400  # projects, and as many people and groups in each: more rows than an answer may have


@pytest.fixture
def crowded(warehouse: Warehouse) -> Warehouse:
    """Projects that all know the same names."""
    for table, key in (("profiles", "profile_id"), ("groups", "group_id")):
        warehouse.command(
            f"INSERT INTO {table} (project_id, {key}, version)"
            f" SELECT toString(intDiv(number, {MANY})), toString(number % {MANY}), 1"
            f" FROM numbers({MANY * MANY})"
        )
    return warehouse


def test_only_the_named_profiles_and_groups_of_many_projects_are_read(crowded: Warehouse) -> None:
    keys = [(str(number), str(number)) for number in range(MANY)]

    assert set(current_profiles(crowded, keys)) == set(keys)
    assert set(current_groups(crowded, keys)) == set(keys)


def test_profiles_and_groups_are_read_where_they_were_written(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    query = warehouse.query

    def listen(sql: str, **given: Any) -> list[tuple[Any, ...]]:
        asked.append(given["settings"])
        return query(sql, **given)

    monkeypatch.setattr(warehouse, "query", listen)

    current_profiles(warehouse, [("shop", "42")])
    current_groups(warehouse, [("shop", "acme")])

    assert asked == [SAME_REPLICA, SAME_REPLICA]


@pytest.mark.parametrize("question", [current._PROFILES, current._GROUPS], ids=["profiles", "groups"])
def test_profiles_and_groups_are_found_by_their_key(crowded: Warehouse, question: str) -> None:
    rows = crowded.query(f"EXPLAIN indexes = 1 {question}", parameters={"keys": [("7", "7"), ("8", "x\ny")]})

    plan = [line.strip() for (line,) in rows]
    [granules] = [line for line in plan if line.startswith("Granules: ")][-1:]
    read, every = map(int, granules.removeprefix("Granules: ").split("/"))
    assert "PrimaryKey" in plan
    assert read <= 4 < every
