"""Points of the live map lie in the finest grid that has no more of them than a map can show. No store."""

from typing import Any

import pytest

from openpanel.analytics.live_rows import GRIDS
from openpanel.analytics.realtime import MAX_POINTS, Realtime
from openpanel.analytics.routing import Source
from tests.analytics.questions import NOW

PLACE = ["KR", "", "Seoul", "", ""]


def rows(grid: int, count: int) -> list[tuple[Any, ...]]:
    return [
        (f"point {grid}", PLACE, [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, float(grid), float(place)])
        for place in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "grid", "shown"),
    [
        ((3, 2, 1), 0, 3),
        ((MAX_POINTS, 2, 1), 0, MAX_POINTS),
        ((MAX_POINTS + 1, 9, 1), 1, 9),
        ((MAX_POINTS + 1, MAX_POINTS + 1, 7), 2, 7),
        ((MAX_POINTS + 1,) * 3, 2, MAX_POINTS),
    ],
    ids=["few", "as many as fit", "one too many", "coarsest", "the first of too many"],
)
def test_points_are_those_of_the_finest_grid_that_fits(
    counts: tuple[int, ...], grid: int, shown: int
) -> None:
    found = [row for number, count in enumerate(counts) for row in rows(number, count)]

    answer = Realtime("p", NOW).answer(found, Source.EVENTS)

    assert len(counts) == len(GRIDS)
    assert [point.latitude for point in answer.coordinates] == [float(grid)] * shown
    assert answer.visitors == 0
