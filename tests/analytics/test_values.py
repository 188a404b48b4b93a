"""What the values of an event are read as: numbers and words, none, points in time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.events import EventCount, Selection
from openpanel.analytics.filters import Filter
from openpanel.analytics.periods import Period
from openpanel.analytics.property_filters import FilterOperator, PropertyFilter
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

END: Final = datetime(2026, 11, 21, tzinfo=UTC)
PERIOD: Final = Period(END - timedelta(days=7), END)
NEW_YORK: Final = "America/New_York"
BEIRUT: Final = "Asia/Beirut"
_ids = count(1)


@pytest.mark.parametrize(("operator", "values"), [("isNotNull", ()), ("gt", ("5",)), ("gte", ("-1e300",))])
def test_words_for_no_number_and_for_infinity_are_no_numbers(
    warehouse: Warehouse, insert: Insert, project: str, operator: FilterOperator, values: tuple[str, ...]
) -> None:
    _load(project, insert, [{"price": text} for text in ("10", "NaN", "Infinity", "-inf", "x")])

    found = _filtered(warehouse, project, PropertyFilter("properties.price", operator, values, "number"))

    assert found == 1


def test_lists_of_events_take_the_same_for_numbers(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    _load(project, insert, [{"price": text} for text in ("10", "NaN", "Infinity", "x")])

    selection = Selection(project, filters=(Filter("prop.price", "gt", ("5",)),))

    assert ask(warehouse, EventCount(selection)) == 1


def test_none_of_a_number_column_is_no_different_value(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    amounts = (0, 0, 5, 5, 7)
    paid = [_event(project, name="revenue", revenue=amount) for amount in amounts]
    insert(tables.EVENTS, [*paid, _event(project, name="click")])

    assert _total(warehouse, project, EventSeries("*", "property_distinct", "revenue")) == 2


@pytest.mark.parametrize(
    ("timezone", "text"),
    [
        (NEW_YORK, "2026-03-08T02:30:00"),
        (NEW_YORK, "2026-11-01T01:30:00"),
        (BEIRUT, "2026-03-29"),
        ("UTC", "2026-11-01T00:30:00.1236Z"),
        ("UTC", "1969-12-31T23:59:59.1236Z"),
    ],
    ids=[
        "skipped by the clock",
        "there twice",
        "midnight that is skipped",
        "between milliseconds",
        "before 1970",
    ],
)
def test_point_in_time_is_equal_to_itself(
    warehouse: Warehouse, insert: Insert, project: str, timezone: str, text: str
) -> None:
    _load(project, insert, [{"due": text}])

    found = {
        operator: _filtered(
            warehouse,
            project,
            PropertyFilter("properties.due", operator, (text,), "datetime"),
            timezone=timezone,
        )
        for operator in _operators("is", "gte", "lte", "gt", "lt")
    }

    assert found == {"is": 1, "gte": 1, "lte": 1, "gt": 0, "lt": 0}


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29"])
def test_day_is_itself_alone_where_the_clock_skips_a_midnight(
    warehouse: Warehouse, insert: Insert, project: str, day: str
) -> None:
    _load(project, insert, [{"due": "2026-03-28"}, {"due": "2026-03-29"}])
    on_the_day = PropertyFilter("properties.due", "is", (day,), "date")

    assert _filtered(warehouse, project, on_the_day, timezone=BEIRUT) == 1


def test_time_that_the_clock_skips_lies_behind_the_gap(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    """New York goes from 2:00 to 3:00 at 7:00 of UTC."""
    _load(project, insert, [{"due": "2026-03-08T02:30:00"}])
    behind = PropertyFilter("properties.due", "gte", ("2026-03-08T07:00:00Z",), "datetime")

    assert _filtered(warehouse, project, behind, timezone=NEW_YORK) == 1


def _operators(*operators: FilterOperator) -> Sequence[FilterOperator]:
    return operators


def _filtered(warehouse: Warehouse, project: str, item: PropertyFilter, *, timezone: str = "UTC") -> float:
    return _total(warehouse, project, EventSeries("*", filters=(item,)), timezone=timezone)


def _total(warehouse: Warehouse, project: str, series: EventSeries, *, timezone: str = "UTC") -> float:
    (row,) = ask(warehouse, Chart(project, timezone, PERIOD, (series,), kind="metric")).rows
    assert row.figures.total is not None
    return row.figures.total


def _load(project: str, insert: Insert, properties: Sequence[dict[str, str]]) -> None:
    insert(tables.EVENTS, [_event(project, name="buy", properties=each) for each in properties])


def _event(project: str, **row: Any) -> dict[str, Any]:
    at = round((END - timedelta(days=1)).timestamp() * 1000)
    return {"project_id": project, "created_at": at, "event_id": next(_ids), "device_id": 5, **row}
