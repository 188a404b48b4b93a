"""The address grammar: what is written is read back, and what is not understood is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel_dashboard.address import (
    BARE,
    COMPARISONS,
    DIMENSIONS,
    INTERVALS,
    OPERATORS,
    PRESETS,
    Condition,
    View,
    parse,
    query,
)

names = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
dimensions = st.sampled_from(DIMENSIONS) | texts.filter(lambda t: t and ":" not in t).map("prop.".__add__)
with_values = st.builds(
    Condition,
    dimensions,
    st.sampled_from([operator for operator in OPERATORS if operator not in BARE]),
    st.lists(texts, min_size=1, max_size=5).map(tuple),
)
bare = st.builds(Condition, dimensions, st.sampled_from(sorted(BARE)))
views = st.builds(
    lambda conditions, **kept: View(**kept).with_conditions(conditions),
    st.lists(with_values | bare, max_size=5),
    range=st.sampled_from([*PRESETS, "2026-11-01..2026-11-21", "2026-11-01T08:00..2026-11-01T09:30"]),
    compare=st.sampled_from(["", *COMPARISONS, "2025-11-01..2025-11-21"]),
    interval=st.sampled_from(["", *INTERVALS]),
    metric=names,
    tabs=st.dictionaries(names, names, max_size=3).map(lambda tabs: tuple(sorted(tabs.items()))),
    show=names | st.just(""),
    form=st.sampled_from(["", "table"]),
)


@given(views)
def test_view_survives_its_address(view: View) -> None:
    assert parse(query(view)) == view
    assert parse(query(view)).ignored == ()


@given(views)
def test_address_encoded_once_more_says_the_same(view: View) -> None:
    pasted = query(view).replace(":", "%3A").replace(",", "%2C").replace("/", "%2F")

    assert parse(pasted) == view


@given(st.text(max_size=200))
def test_any_text_is_read_without_failing(text: str) -> None:
    view = parse(text)

    assert parse(query(view)) == view


def test_default_view_has_an_empty_address() -> None:
    assert query(View()) == ""


def test_keys_come_in_one_order() -> None:
    assert (
        query(
            parse(
                "view=table&m=views&f=os:is:iOS&f=country:is:KR,JP&by=week&tab.pages=exit&cmp=year&range=90d"
            )
        )
        == "range=90d&cmp=year&by=week&f=country:is:JP,KR&f=os:is:iOS&m=views&tab.pages=exit&view=table"
    )


def test_path_stays_readable_and_comma_does_not_part_it() -> None:
    view = View().toggled("path", "/a,b/c:d 100%")

    assert query(view) == "f=path:is:/a%252Cb/c:d%20100%2525"
    assert parse(query(view)).conditions == (Condition("path", "is", ("/a,b/c:d 100%",)),)


@pytest.mark.parametrize(
    "part",
    [
        "colour=red",
        "f=foo:bar:baz",
        "f=country",
        "f=country:is",
        "f=prop.:is:a",
        "range=8d",
        "range=2026-11-21..2026-11-01",
        "range=2026-02-30..2026-03-01",
        "by=year",
        "cmp=7d",
        "m=No!",
        "tab.=x",
        "view=picture",
    ],
)
def test_what_is_not_understood_is_named(part: str) -> None:
    view = parse(f"range=7d&{part}" if not part.startswith("range") else part)

    assert view.ignored == (part,)
    assert view == (View() if part.startswith("range") else View(range="7d"))


def test_click_on_a_row_switches_its_filter() -> None:
    on = View().toggled("country", "KR")
    both = on.toggled("country", "JP")

    assert on.conditions == (Condition("country", "is", ("KR",)),)
    assert both.conditions == (Condition("country", "is", ("JP", "KR")),)
    assert both.toggled("country", "JP") == on
    assert on.toggled("country", "KR") == View()


def test_excluding_a_value_leaves_the_chosen_ones() -> None:
    view = View().toggled("path", "/").toggled("path", "/admin", operator="not")

    assert view.conditions == (Condition("path", "is", ("/",)), Condition("path", "not", ("/admin",)))
    assert view.without(Condition("path", "is", ("/",))).conditions == (
        Condition("path", "not", ("/admin",)),
    )
