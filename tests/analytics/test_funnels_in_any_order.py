"""Funnels whose steps come in any order, where what began in the period goes on after it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.attempts import Attempts, Exclusion, Order
from openpanel.analytics.funnels import Funnel, FunnelStep
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import Period
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

END: Final = datetime(2026, 11, 21, tzinfo=UTC)
PERIOD: Final = Period(END - timedelta(days=7), END)
MINUTE_MS: Final = 60_000
_ids = count(1)


@pytest.mark.parametrize("order", ["any", "sequence"])
def test_first_step_that_is_repeated_after_the_period_still_began_in_it(
    warehouse: Warehouse, insert: Insert, project: str, order: Order
) -> None:
    insert(tables.EVENTS, [_event(project, -60, "a"), _event(project, 60, "a"), _event(project, 120, "b")])

    first, second = _steps(warehouse, project, "ab", order=order)

    assert (first.count, second.count) == (1, 1)
    assert second.median_s == 3 * 3600


def test_beginning_further_back_than_the_window_is_none(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [_event(project, -60, "a"), _event(project, 60, "a"), _event(project, 1381, "b")])

    first, second = _steps(warehouse, project, "ab")

    assert (first.count, second.count) == (1, 0)


def test_of_steps_that_began_together_the_rest_is_as_late_as_it_was_done(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    """The first and the second happened at once in the period, and again after it: the second later."""
    minutes = (("a", -10), ("b", -10), ("a", 10), ("b", 20), ("c", 30))
    insert(tables.EVENTS, [_event(project, minute, name) for name, minute in minutes])

    _, second, third = _steps(warehouse, project, "abc")

    assert (second.median_s, third.median_s) == (30 * 60, 10 * 60)


def test_exclusion_after_the_period_ends_what_began_in_it(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    minutes = (("a", -10), ("x", 5), ("a", 10), ("b", 20))
    insert(tables.EVENTS, [_event(project, minute, name) for name, minute in minutes])

    first, second = _steps(warehouse, project, "ab", exclusions=(Exclusion("x"),))

    assert (first.count, second.count) == (1, 0)


def _steps(
    warehouse: Warehouse,
    project: str,
    names: str,
    *,
    order: Order = "any",
    exclusions: tuple[Exclusion, ...] = (),
) -> tuple[FunnelStep, ...]:
    steps = tuple(Step(name) for name in names)
    scope = Attempts(project, "UTC", PERIOD, steps, by="person", order=order, exclusions=exclusions)
    (row,) = ask(warehouse, Funnel(scope)).rows
    return row.steps


def _event(project: str, minute: int, name: str) -> dict[str, object]:
    """What one person did so many minutes after the end of the period."""
    at = round(END.timestamp() * 1000) + minute * MINUTE_MS
    return {
        "project_id": project,
        "name": name,
        "created_at": at,
        "event_id": next(_ids),
        "person": 5,
        "device_id": 5,
    }
