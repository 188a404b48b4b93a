import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.filters import Condition, EventFilter, column_name, dropped

EVENT = {"path": "/admin/users", "country": "KR", "properties.price": "12.5", "properties.plan": "pro"}


def _field(name: str) -> str:
    return EVENT.get(name, "")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("path", "startsWith", ("/admin",)), True),
        (Condition("path", "endsWith", ("/x", "/users")), True),
        (Condition("path", "contains", ("min",)), True),
        (Condition("path", "doesNotContain", ("min",)), False),
        (Condition("path", "doesNotContain", ("zzz",)), True),
        (Condition("path", "regex", ("^/adm.n/",)), True),
        (Condition("path", "regex", ("(",)), False),
        (Condition("country", "is", ("SE", "KR")), True),
        (Condition("country", "isNot", ("SE", "KR")), False),
        (Condition("country", "isNot", ("SE",)), True),
        (Condition("city", "is", ("",)), True),
        (Condition("city", "isNull"), True),
        (Condition("country", "isNotNull"), True),
        (Condition("properties.price", "gt", ("12",)), True),
        (Condition("properties.price", "lte", ("12",)), False),
        (Condition("properties.price", "is", ("12.5",)), True),
        (Condition("properties.plan", "gt", ("12",)), False),
        (Condition("path", "unheard of", ("x",)), False),
    ],
)
def test_conditions(condition: Condition, holds: bool) -> None:
    assert dropped([EventFilter("view", (condition,))], event="view", field=_field) is holds


def test_all_conditions_must_hold() -> None:
    both = (Condition("country", "is", ("KR",)), Condition("path", "is", ("/",)))

    assert not dropped([EventFilter("view", both)], event="view", field=_field)


def test_filter_without_conditions_drops_its_event_only() -> None:
    assert dropped([EventFilter("ping")], event="ping", field=_field)
    assert not dropped([EventFilter("ping")], event="view", field=_field)
    assert dropped([EventFilter("*")], event="view", field=_field)


@pytest.mark.parametrize(
    ("field", "column"),
    [("referrerName", "referrer_name"), ("path", "path"), ("properties.camelCase", "properties.camelCase")],
)
def test_fields_may_be_written_in_camel_case(field: str, column: str) -> None:
    assert column_name(field) == column


@given(
    operator=st.sampled_from(["is", "regex", "gt", "isNull", "contains", "x"]),
    values=st.lists(st.text(max_size=8)),
)
def test_no_filter_ever_fails(operator: str, values: list[str]) -> None:
    dropped([EventFilter("*", (Condition("path", operator, tuple(values)),))], event="view", field=_field)
