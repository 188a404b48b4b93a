"""Filters of every operator and type against reading event by event in plain Python, over random histories."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.periods import resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.warehouse import Warehouse
from tests.analytics.twin.histories import NAMES, PATHS, PLANS, History, histories
from tests.analytics.twin.reckoning import Reckoning
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

TEXT_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "name": (*NAMES, "session_end"),
    "path": PATHS,
    "country": ("KR", "DE", "", "kr"),
    "referrerName": ("Google", ""),
    "properties.plan": PLANS,
    'properties.it\'s "a" key': PLANS,
    "properties.items.*.sku": PLANS,
    "properties.items[*].sku": PLANS,
    "profile.email": ("ana@example.com", ""),
    "profile.firstName": ("Ana", ""),
    "profile.properties.plan": PLANS,
    "profile.id": ("profile 107", ""),
    "group.id": ("acme", "o'neil"),
    "group.type": ("company", "team"),
    "group.properties.size": ("5", "50"),
    "session.entry_path": PATHS,
    "session.exit_path": PATHS,
    "session.is_bounce": ("true", "false"),
    "has_profile": ("true", "false"),
    "profileId": ("profile 107", ""),
}
OWN_NAMES: Final = {
    "referrerName": "referrer_name",
    "profileId": "profile_id",
    "profile.firstName": "profile.first_name",
}
NUMBER_FIELDS: Final = (
    "properties.price",
    "revenue",
    "session.duration",
    "session.views",
    "group.properties.size",
)
SKIPPED: Final = ("2026-03-29", "2026-03-08T02:30:00")  # by a clock that is put forward
BETWEEN: Final = "2026-10-31T23:59:59.1236Z"  # two milliseconds


@st.composite
def text_filters(draw: st.DrawFn) -> PropertyFilter:
    name = draw(st.sampled_from(sorted(TEXT_FIELDS)))
    operator: Any = draw(
        st.sampled_from(
            (
                "is",
                "isNot",
                "contains",
                "doesNotContain",
                "startsWith",
                "endsWith",
                "isNull",
                "isNotNull",
                "regex",
            )
        )
    )
    if operator in {"isNull", "isNotNull"}:
        return PropertyFilter(name, operator)
    known = st.sampled_from(
        list(TEXT_FIELDS[name]) if operator != "regex" else ["^p", "o.*e", "^$", "[🦊]", "한"]
    )
    return PropertyFilter(name, operator, tuple(draw(st.lists(known, min_size=1, max_size=2))))


@st.composite
def number_filters(draw: st.DrawFn) -> PropertyFilter:
    operator: Any = draw(st.sampled_from(("is", "isNot", "gt", "gte", "lt", "lte", "isNull", "isNotNull")))
    values = (
        ()
        if "Null" in operator
        else draw(st.lists(st.sampled_from(("9.5", "-3", "0", "1", "1e3", "5")), min_size=1, max_size=2))
    )
    return PropertyFilter(draw(st.sampled_from(NUMBER_FIELDS)), operator, tuple(values), "number")


@st.composite
def boolean_filters(draw: st.DrawFn) -> PropertyFilter:
    operator: Any = draw(st.sampled_from(("is", "isNot", "isNull", "isNotNull")))
    values = () if "Null" in operator else (draw(st.sampled_from(("true", "0"))),)
    return PropertyFilter("properties.paid", operator, values, "boolean")


@st.composite
def time_filters(draw: st.DrawFn) -> PropertyFilter:
    kind: Any = draw(st.sampled_from(("date", "datetime")))
    operator: Any = draw(st.sampled_from(("is", "isNot", "gt", "gte", "lt", "lte", "isNull", "isNotNull")))
    name = draw(st.sampled_from(("properties.due", "created_at")))
    moments = ("2026-11-01T00:30:00", "2026-10-31T23:59:59Z", "2026-04-05", *SKIPPED, BETWEEN)
    days = ("2026-10-31", "2026-11-01", "2026-03-29")
    given_value = draw(st.sampled_from(days if kind == "date" else moments))
    return PropertyFilter(name, operator, () if "Null" in operator else (given_value,), kind)


some_filters = st.one_of(text_filters(), number_filters(), boolean_filters(), time_filters())


def own(item: PropertyFilter) -> PropertyFilter:
    """The filter under the name that the twin knows."""
    return replace(item, name=OWN_NAMES.get(item.name, item.name))


@random_worlds(
    8,
    history=histories(),
    filters=st.lists(some_filters, min_size=12, max_size=12),
    everywhere=st.lists(some_filters, max_size=1),
)
def test_filters_keep_what_reading_by_hand_keeps(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    filters: list[PropertyFilter],
    everywhere: list[PropertyFilter],
) -> None:
    project = load(history, insert)
    period = resolve("12m", timezone=history.timezone, now=history.now)
    reckoning = Reckoning(history)

    answer = ask(
        warehouse,
        Chart(
            project,
            history.timezone,
            period,
            tuple(EventSeries(filters=(item,)) for item in filters),
            kind="metric",
            filters=tuple(everywhere),
        ),
    )

    done = [event for event in reckoning.doings(period) if reckoning.is_named(event, "*")]
    done = [event for event in done if reckoning.meets(event, list(map(own, everywhere)))]
    expected = [sum(reckoning.meets(event, [own(item)]) for event in done) for item in filters]
    found = [row.figures.total for row in answer.rows]
    assert found == expected, [item for item, a, b in zip(filters, found, expected, strict=True) if a != b]
