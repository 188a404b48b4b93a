"""Who a person id stands for, however people were told to be one: in rows, in rings, and in either order."""

from itertools import pairwise

import pytest

from openpanel.analytics.asking import LIMITS
from openpanel.analytics.statements import HOPS, KNOWN_PERSONS
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

ROW = list(range(100, 101 + HOPS))

Told = list[tuple[int, int]]  # who is whom, in the order in which it was said


@pytest.mark.parametrize(
    ("told", "known"),
    [
        pytest.param([], {}, id="nobody"),
        pytest.param([(1, 20)], {1: 20}, id="a device"),
        pytest.param([(1, 20), (20, 30)], {1: 30, 20: 30}, id="a device of an alias"),
        pytest.param([(1, 20), (20, 30), (30, 40)], {1: 40, 20: 40, 30: 40}, id="an alias of an alias"),
        pytest.param([(30, 40), (20, 30), (1, 20)], {1: 40, 20: 40, 30: 40}, id="links that come late"),
        pytest.param([(20, 30), (30, 20)], {30: 20}, id="aliases of one another"),
        pytest.param([(30, 20), (20, 30)], {30: 20}, id="aliases of one another, the other first"),
        pytest.param([(20, 30), (30, 20), (1, 30), (2, 20)], {30: 20, 1: 20, 2: 20}, id="devices of both"),
        pytest.param([(30, 40), (40, 50), (50, 30), (1, 50)], {40: 30, 50: 30, 1: 30}, id="a ring of three"),
        pytest.param([(20, 20), (1, 20)], {1: 20}, id="an alias of itself"),
        pytest.param([(1, 20), (1, 30)], {1: 20}, id="the first word counts"),
        pytest.param(list(pairwise(ROW)), dict.fromkeys(ROW[:-1], ROW[-1]), id="as many as are followed"),
        pytest.param(
            list(pairwise([1, *ROW[:HOPS], ROW[0]])),
            dict.fromkeys([1, *ROW[1:HOPS]], ROW[0]),
            id="a ring of as many",
        ),
    ],
)
def test_who_was_told_to_be_one_is_one(
    warehouse: Warehouse, insert: Insert, project: str, told: Told, known: dict[int, int]
) -> None:
    for version, (person, into) in enumerate(reversed(told), 1):
        row = {"project_id": project, "person": person, "into": into, "version": version}
        insert(tables.PERSON_OVERRIDES, [row])

    found = warehouse.query(KNOWN_PERSONS, parameters={"project": project}, settings=LIMITS)

    assert dict(found) == known
    assert len(found) == len(known)


def test_way_that_is_too_long_is_told_the_same_at_every_asking(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    row = range(100, 104 + 2 * HOPS)
    told = [
        {"project_id": project, "person": person, "into": into, "version": 1}
        for person, into in pairwise(row)
    ]
    insert(tables.PERSON_OVERRIDES, told)

    once, again = (
        dict(warehouse.query(KNOWN_PERSONS, parameters={"project": project}, settings=LIMITS)) for _ in "ab"
    )

    assert once == again
    assert {once[person] for person in row[-HOPS:-1]} == {row[-1]}
