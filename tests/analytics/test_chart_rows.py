"""What a chart makes of the rows of the store. No store."""

from collections.abc import Sequence
from typing import Any

import pytest

from openpanel.analytics import chart_rows
from openpanel.analytics.chart_rows import chart_answer
from openpanel.analytics.chart_series import EventSeries, FormulaSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.formulas import Expression, parse
from tests.analytics.behaviour import PERIOD, ZONE

SERIES = (EventSeries(), FormulaSeries("A * 2"), FormulaSeries("A + B"))


def test_formula_is_read_once_for_all_points_of_a_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def reading(text: str, *, letters: Sequence[str]) -> Expression:
        read.append(text)
        return parse(text, letters=letters)

    monkeypatch.setattr(chart_rows, "parse", reading)

    chart_answer(Chart("p", ZONE, PERIOD, SERIES, interval="hour"), [], approximate=False)

    assert read == ["A * 2", "A + B"]


def test_formulas_have_a_value_in_each_bucket_and_one_of_the_whole_period() -> None:
    rows: list[tuple[Any, ...]] = [(0, [], 0, [(1, 5), (3, 4)], [8])]

    answer = chart_answer(Chart("p", ZONE, PERIOD, SERIES), rows, approximate=False)

    assert [[point.value for point in row.points] for row in answer.rows] == [
        [5, 0, 4, 0, 0, 0, 0],
        [10, 0, 8, 0, 0, 0, 0],
        [15, 0, 12, 0, 0, 0, 0],
    ]
    assert [row.figures.total for row in answer.rows] == [8, 16, 24]
