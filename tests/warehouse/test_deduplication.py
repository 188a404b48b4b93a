"""Sessions and rollups hold what their views make of all events at once, however often and in which order blocks came."""

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from openpanel.warehouse import Warehouse, tables, views
from openpanel.warehouse.schema import Single, Table, render
from tests.warehouse import rows

DAY_MS = 86_400_000
FIRST_DAY = 46_000  # 2095-12-11: nothing of it expires while it is compared
TARGETS = tuple(dict.fromkeys(view.target for view in views.ALL))
MERGED = re.compile(r"SimpleAggregateFunction\((\w+), ")


@pytest.mark.parametrize("repeats", [1, 3])
def test_targets_equal_their_views_over_all_events(warehouse: Warehouse, project: str, repeats: int) -> None:
    dice = random.Random(repeats)
    events = [event(dice, project) for _ in range(300)]
    blocks = [events[first : first + 70] for first in range(0, len(events), 70)]
    order = [number for number in range(len(blocks)) for _ in range(repeats)]
    dice.shuffle(order)

    for number in order:
        rows.insert(warehouse, tables.EVENTS, blocks[number], token=f"{project}:{number}")

    for target in TARGETS:
        expected = recomputed(warehouse, target, project)
        assert stored(warehouse, target, project) == expected, target.name
        assert len(expected) > 1


def test_repeat_heals_what_a_crash_left_half_done(warehouse: Warehouse, project: str) -> None:
    block = [event(random.Random(1), project) for _ in range(50)]
    warehouse.command(f"DROP VIEW {views.PATHS.name}")  # the rollup does not get what the raw table gets
    rows.insert(warehouse, tables.EVENTS, block, token=project)
    for statement in render(views.PATHS, form=Single()):
        warehouse.command(statement)
    assert stored(warehouse, tables.PATHS, project) == []

    rows.insert(warehouse, tables.EVENTS, block, token=project)

    for target in TARGETS:
        assert stored(warehouse, target, project) == recomputed(warehouse, target, project)


def test_two_equal_blocks_with_tokens_of_their_own_both_count(warehouse: Warehouse, project: str) -> None:
    block = [event(random.Random(1), project)]

    rows.insert(warehouse, tables.EVENTS, block, token=f"{project}:1")
    rows.insert(warehouse, tables.EVENTS, block, token=f"{project}:2")

    found = warehouse.query(
        "SELECT count(), (SELECT sum(events) FROM r_day WHERE project_id = {project:String})"
        " FROM events WHERE project_id = {project:String}",
        parameters={"project": project},
    )
    assert found == [(2, 2)]


def test_block_may_span_more_months_than_the_engine_allows_by_default(
    empty_warehouse: Callable[[], Warehouse], project: str
) -> None:
    warehouse = empty_warehouse()
    for subject in (tables.EVENTS, tables.DAYS, views.DAYS):
        for statement in render(subject, form=Single()):
            warehouse.command(statement)
    months = 101
    block = [
        {"project_id": project, "name": "x", "created_at": number * 31 * DAY_MS, "day": number * 31}
        for number in range(months)
    ]

    for _ in range(2):
        rows.insert(warehouse, tables.EVENTS, block, token=project)

    found = warehouse.query("SELECT count(), (SELECT sum(events) FROM r_day) FROM events")
    assert found == [(months, months)]


def event(dice: random.Random, project: str) -> dict[str, Any]:
    day = FIRST_DAY + dice.randrange(20)
    person = dice.randrange(1, 9)
    started = day * DAY_MS
    return {
        "project_id": project,
        "day": day,
        "name": dice.choice(["screen_view", "screen_view", "click", "session_start", "session_end"]),
        "device_id": person,
        "created_at": started + dice.randrange(1_000),
        "event_id": dice.randrange(2**64),
        "session_id": dice.choice([0, day, day * 2]),
        "session_started_at": started,
        "person": person,
        "profile_id": dice.choice(["", "known", "other"]),
        "groups": tuple(dice.sample(["a", "b"], dice.randrange(3))),
        "path": dice.choice(["", "/", "/a"]),
        "origin": "https://example.com",
        "referrer_name": dice.choice(["", "Google"]),
        "utm_source": dice.choice(["", "mail"]),
        "revenue": dice.randrange(-5, 100),
        "duration": dice.choice([0, 1, 90_000]),
        "country": dice.choice(["", "KR"]),
        "properties": {
            key: dice.choice(["", "small", "x" * 300, f"{dice.randrange(10**12):012}", "true"])
            for key in dice.sample(["plan", "__bounce", "id"], dice.randrange(4))
        },
    }


def recomputed(warehouse: Warehouse, target: Table, project: str) -> list[tuple[Any, ...]]:
    """What the target's views make of all stored events in one go."""
    parts = [
        padded(warehouse, target, view.select.replace("{source}", "events"))
        for view in views.ALL
        if view.target is target
    ]
    return merged(warehouse, target, f"({' UNION ALL '.join(parts)})", project)


def padded(warehouse: Warehouse, target: Table, select: str) -> str:
    """The select with all columns of the target; those it lacks are empty, as the engine makes them."""
    given = {row[0] for row in warehouse.query(f"DESCRIBE ({select})")}
    columns = [
        column.name
        if column.name in given
        else f"defaultValueOfTypeName('{_plain(column.type)}') AS {column.name}"
        for column in target.written
    ]
    return f"SELECT {', '.join(columns)} FROM ({select})"


def _plain(type_name: str) -> str:
    """The type of the values that a simple state merges."""
    match = MERGED.match(type_name)
    return type_name[match.end() : -1].replace("'", "\\'") if match else type_name


def stored(warehouse: Warehouse, target: Table, project: str) -> list[tuple[Any, ...]]:
    return merged(warehouse, target, f"`{target.name}`", project)


def merged(warehouse: Warehouse, target: Table, source: str, project: str) -> list[tuple[Any, ...]]:
    """The rows of a target as reading sees them: keys, sums, and the counts in the states."""
    keys = []
    values = []
    for column in target.written:
        if match := MERGED.match(column.type):
            values.append(_comparable(f"{match[1]}(part.{column.name})", column.type))
        elif column.type.startswith("AggregateFunction"):
            values.append(f"uniqHLL12Merge(part.{column.name})")
        else:
            keys.append(f"part.{column.name}")
    return warehouse.query(
        f"SELECT {', '.join(keys + values)} FROM {source} AS part WHERE part.project_id = {{project:String}}"
        f" GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}",
        parameters={"project": project},
    )


def _comparable(expression: str, type_name: str) -> str:
    """Bytes as hex, since places in time are no text; arrays in one order."""
    if "Array" in type_name:
        return f"arraySort({expression})"
    return f"hex({expression})" if type_name.endswith("String)") else expression
