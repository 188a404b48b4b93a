"""Broken down attempts of a visitor who did several things at the same millisecond."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.attempts import Attempts
from openpanel.analytics.conversions import Conversion, Converted
from openpanel.analytics.funnels import Funnel, FunnelPeople
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import Period
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

END: Final = datetime(2026, 11, 21, tzinfo=UTC)
AT: Final = round((END - timedelta(hours=14)).timestamp() * 1000)
PLAN: Final = ("properties.plan",)


@pytest.fixture
def clicked_at_once_with_buying(project: str, insert: Insert) -> Attempts:
    """Person 5 bought on plan y, which has the lesser id, and clicked on plan x at the same millisecond."""
    events = [
        {"name": "buy", "event_id": 1, "properties": {"plan": "y"}},
        {"name": "click", "event_id": 2, "properties": {"plan": "x"}},
    ]
    whose = {"project_id": project, "created_at": AT, "person": 5, "device_id": 5}
    insert(tables.EVENTS, [{**event, **whose} for event in events])
    steps = (Step("click"), Step("buy"))
    return Attempts(project, "UTC", Period(END - timedelta(days=7), END), steps, by="person")


def test_row_of_a_funnel_has_the_value_of_the_event_that_began(
    warehouse: Warehouse, clicked_at_once_with_buying: Attempts
) -> None:
    answer = ask(warehouse, Funnel(clicked_at_once_with_buying, breakdowns=PLAN))

    assert [(row.labels, [step.count for step in row.steps]) for row in answer.rows] == [(("x",), [1, 0])]


def test_people_of_a_row_are_those_who_began_with_its_value(
    warehouse: Warehouse, clicked_at_once_with_buying: Attempts
) -> None:
    question = FunnelPeople(clicked_at_once_with_buying, 1, breakdowns=PLAN, labels=("x",))

    assert [each.person for each in ask(warehouse, question).people] == [5]


def test_row_of_a_conversion_has_the_value_of_the_event_that_began(
    warehouse: Warehouse, clicked_at_once_with_buying: Attempts
) -> None:
    rows = ask(warehouse, Conversion(clicked_at_once_with_buying, breakdowns=PLAN))

    assert [(row.labels, row.total) for row in rows] == [(("x",), Converted(1, 0))]
