"""Filters over every field: their text and parameters, and what is refused with what would be right. No store."""

from typing import Any

import pytest

from openpanel.analytics.filters import MAX_BYTES, MAX_FILTERS, MAX_VALUES, BadFilter, Filter
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met, widened
from openpanel.analytics.reading import Reading

F = PropertyFilter


@pytest.mark.parametrize(
    ("item", "sql", "values"),
    [
        (F("country", "is", ("KR", "")), "(seen.country IN {v0:Array(String)})", [["KR", ""]]),
        (F("referrerName", "isNot", ("x",)), "NOT (seen.referrer_name IN {v0:Array(String)})", [["x"]]),
        (F("path", "isNull"), "NOT (seen.path != '')", []),
        (
            F("path", "regex", ("^/a", "b$")),
            "((isNotNull(match('', {v0:String})) AND match(seen.path, {v0:String})) OR (isNotNull(match('', {v1:String})) AND match(seen.path, {v1:String})))",
            ["^/a", "b$"],
        ),
        (
            F("properties.plan", "contains", ("pro",)),
            "arrayExists(given -> positionCaseInsensitiveUTF8(seen.properties[{v0:String}], given) > 0, {v1:Array(String)})",
            ["plan", ["pro"]],
        ),
        (
            F("revenue", "gt", ("5",)),
            "ifNull(arrayExists(given -> ifNull(toFloat64(seen.revenue) > given, 0), {v0:Array(Float64)}), 0)",
            [[5.0]],
        ),
        (
            F("groups.0", "is", ("x",)),
            "",
            None,
        ),
        (
            F("group.id", "isNot", ("acme",)),
            "NOT arrayExists(each -> (each IN {v0:Array(String)}), seen.groups)",
            [["acme"]],
        ),
        (
            F("created_at", "gte", ("2026-11-01T09:00:00",)),
            (
                "ifNull(arrayExists(given -> ifNull(toUnixTimestamp64Milli(toDateTime64(seen.created_at, 3, 'UTC')) >= given, 0), "
                "arrayMap(given -> toUnixTimestamp64Milli(if(parseDateTime64BestEffortOrNull(given, 3, {v0:String}) = parseDateTime64BestEffortOrNull(given, 3, 'UTC'), "
                "parseDateTime64BestEffortOrNull(given, 3, {v0:String}), "
                "subtractSeconds(parseDateTime64BestEffortOrNull(given, 3, 'UTC'), timeZoneOffset(parseDateTime64BestEffortOrNull(given, 3, {v0:String}))))), {v1:Array(String)})), 0)"
            ),
            ["Asia/Seoul", ["2026-11-01T09:00:00"]],
        ),
    ],
)
def test_filter_is_text_and_parameters(item: PropertyFilter, sql: str, values: list[Any] | None) -> None:
    reading = Reading("p", timezone="Asia/Seoul")
    if values is None:
        with pytest.raises(BadFilter):
            met([item], reading)
        return

    found = met([item], reading)

    assert found == (sql,)
    assert [value for name, value in reading.parameters.items() if name != "project"] == values


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (F("planet", "is", ("Mars",)), "no such field"),
        (F("name' OR 1=1 --", "is", ("x",)), "no such field"),
        (F("properties.", "is", ("x",)), "no such field"),
        (F("profile.password", "is", ("x",)), "expected one of id, first_name"),
        (F("session.planet", "is", ("x",)), "expected one of entry_path"),
        (F("group.planet", "is", ("x",)), "expected one of id"),
        (F("path", "like", ("x",)), "expected one of"),  # type: ignore[arg-type]
        (F("path", "is"), "needs a value"),
        (F("path", "isNull", ("x",)), "takes no value"),
        (F("path", "gt", ("many",)), "expected a number"),
        (F("path", "gt", ("nan",)), "expected a number"),
        (F("path", "gt", ("2026-13-01",), "date"), "expected a date"),
        (F("path", "gt", ("noon",), "datetime"), "expected a date and time"),
        (F("path", "gt", ("2026-11-01T25:00",), "datetime"), "expected a date and time"),
        (F("path", "gt", ("0001-01-01T00:00+09:00",), "datetime"), "expected a date and time"),
        (F("path", "is", ("perhaps",), "boolean"), "expected true or false"),
        (F("path", "gt", ("true",), "boolean"), "expected one of is, isNotNull, isNot, isNull"),
        (F("path", "contains", ("1",), "number"), "not for values of type number"),
        (F("path", "gt", ("a",), "string"), "not for values of type string"),
        (F("path", "is", ("a",), "planet"), "expected one of string"),  # type: ignore[arg-type]
        (F("created_at", "contains", ("2026",)), "not for values of type datetime"),
        (F("created_at", "is", ("5",), "number"), "compared as date or datetime"),
        (F("path", "inCohort", ("a",)), "is asked of cohort"),
        (F("cohort", "inCohort", ("a",)), "no cohort of this project; there are: none"),
        (F("cohort", "inCohort"), "needs the id"),
        (F("cohort", "is", ("a",)), "carries no cohorts"),
        (F("cohort:a", "is", ("true",)), "no cohort of this project"),
        (F("properties." + "x" * 9_000, "is", ("a",)), "at most"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_can(item: PropertyFilter, reason: str) -> None:
    with pytest.raises(BadFilter) as refused:
        met([item], Reading("p", timezone="UTC"))

    assert reason in refused.value.reason


@pytest.mark.parametrize(
    "filters",
    [
        [F("country", "isNull")] * (MAX_FILTERS + 1),
        [F("country", "is", ("x",) * (MAX_VALUES + 1))],
        [F("country", "is", ("한" * MAX_BYTES,))],
    ],
    ids=["filters", "values", "bytes"],
)
def test_more_than_a_question_takes_is_refused(filters: list[PropertyFilter]) -> None:
    with pytest.raises(BadFilter, match="at most"):
        check_filters(filters)


def test_filters_of_the_overview_are_filters_on_events() -> None:
    short = (
        Filter("page", "has", ("a",)),
        Filter("referrer", "not", ("x",)),
        Filter("entry", "set"),
        Filter("utm.source", "is", ("ad",)),
        Filter("prop.plan", "unset"),
    )

    assert widened(short) == (
        F("path", "contains", ("a",)),
        F("referrer_name", "isNot", ("x",)),
        F("session.entry_path", "isNotNull"),
        F("utm_source", "is", ("ad",)),
        F("properties.plan", "isNull"),
    )
    assert len(met(widened(short), Reading("p", timezone="UTC"))) == len(short)
