"""Filters as SQL: the text, its parameters, and what is refused. No store."""

from typing import Any

import pytest

from openpanel.analytics.filters import (
    MAX_BYTES,
    MAX_FILTERS,
    MAX_VALUES,
    BadFilter,
    Filter,
    check,
    conditions,
)
from openpanel.analytics.visits import DIMENSIONS, SESSION_COLUMNS, visits
from tests.analytics.questions import scope

COLUMNS = {"country": "visit.country", "prop.": "properties[{key}]"}


@pytest.mark.parametrize(
    ("item", "sql", "parameters"),
    [
        (Filter("country", "is", ("KR", "")), "visit.country IN {f0:Array(String)}", {"f0": ["KR", ""]}),
        (Filter("country", "not", ("KR",)), "visit.country NOT IN {f0:Array(String)}", {"f0": ["KR"]}),
        (Filter("country", "set"), "visit.country != ''", {}),
        (Filter("country", "unset"), "visit.country = ''", {}),
        (
            Filter("country", "re", ("a", "b")),
            "((isNotNull(match('', {f0_0:String})) AND match(visit.country, {f0_0:String})) OR (isNotNull(match('', {f0_1:String})) AND match(visit.country, {f0_1:String})))",
            {"f0_0": "a", "f0_1": "b"},
        ),
        (
            Filter("prop.plan", "gte", ("5",)),
            "arrayExists(value -> if(isFinite(ifNull(toFloat64OrNull(properties[{f0_key:String}]), nan)), toFloat64OrNull(properties[{f0_key:String}]), NULL) >= value, {f0:Array(Float64)})",
            {"f0_key": "plan", "f0": [5.0]},
        ),
    ],
)
def test_filter_is_text_and_parameters(item: Filter, sql: str, parameters: dict[str, Any]) -> None:
    found = conditions([item], columns=COLUMNS, prefix="f")

    assert found.sql == (sql,)
    assert found.parameters == parameters


@pytest.mark.parametrize(
    "item",
    [
        Filter("planet", "is", ("Mars",)),
        Filter("prop.", "is", ("x",)),
        Filter("country", "is"),
        Filter("country", "set", ("KR",)),
        Filter("country", "gt", ("many",)),
        Filter("country", "gt", ("nan",)),
        Filter("country", "like", ("x",)),  # type: ignore[arg-type]
        Filter("country' OR 1=1 --", "is", ("x",)),
    ],
    ids=[
        "dimension",
        "no key",
        "no value",
        "too many values",
        "no number",
        "nan",
        "operator",
        "not even a name",
    ],
)
def test_what_cannot_be_used_is_refused_with_what_can(item: Filter) -> None:
    with pytest.raises(BadFilter) as refused:
        conditions([item], columns=COLUMNS, prefix="f")

    assert refused.value.reason


@pytest.mark.parametrize(
    "filters",
    [
        [Filter("country", "set")] * (MAX_FILTERS + 1),
        [Filter("country", "is", ("x",) * (MAX_VALUES + 1))],
        [Filter("country", "is", ("한" * MAX_BYTES,))],
    ],
    ids=["filters", "values", "bytes"],
)
def test_more_than_a_question_takes_is_refused(filters: list[Filter]) -> None:
    with pytest.raises(BadFilter, match="at most"):
        check(filters)


def test_parameters_of_two_periods_do_not_meet() -> None:
    asked = scope(
        "p", filters=(Filter("page", "has", ("x",)), Filter("event", "is", ("y",)), Filter("os", "set"))
    )

    parameters = [
        set(visits(project="p", period=asked.period, filters=asked.filters, prefix=prefix).parameters)
        - {"project"}
        for prefix in ("a_", "b_")
    ]

    assert not parameters[0] & parameters[1]


def test_overview_knows_every_dimension_it_promises() -> None:
    promised = {
        *(
            "page",
            "entry",
            "exit",
            "referrer",
            "country",
            "region",
            "city",
            "browser",
            "os",
            "device",
            "event",
        ),
        *(f"utm.{name}" for name in ("source", "medium", "campaign", "term", "content")),
    }

    assert promised <= set(DIMENSIONS)
    assert all(column.startswith("visit.") for column in SESSION_COLUMNS.values())
