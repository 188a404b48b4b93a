import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.properties import MAX_ENTRIES, MAX_KEY, event_properties, flatten, text_of


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        ("text", {"p": "text"}),
        ("  padded ", {"p": "padded"}),
        ("", {}),
        ("   ", {}),
        (None, {}),
        (True, {"p": "true"}),
        (False, {"p": "false"}),
        (0, {"p": "0"}),
        (1.0, {"p": "1"}),
        (0.25, {"p": "0.25"}),
        (1e-7, {"p": "1e-7"}),
        (1e21, {"p": "1e+21"}),
        (12345678901234567890, {"p": "12345678901234567890"}),
        ({"a": {"b": [1, {"c": None, "d": "x"}]}}, {"p.a.b.0": "1", "p.a.b.1.d": "x"}),
        (["x", "", "y"], {"p.0": "x", "p.2": "y"}),
        ({}, {}),
        ([], {}),
        ('{"a": 1, "b": {"c": "d"}}', {"p.a": "1", "p.b.c": "d"}),
        (' ["x"] ', {"p.0": "x"}),
        ("[tag] hello", {"p": "[tag] hello"}),
        ("{not json}", {"p": "{not json}"}),
        ("{", {"p": "{"}),
        ("[1,2", {"p": "[1,2"}),
        ("a\x00b", {"p": "ab"}),
        ("a\ud800b", {"p": "ab"}),
        ("line\nbreak", {"p": "line\nbreak"}),
        ("한국어", {"p": "한국어"}),
    ],
)
def test_values_become_flat_text(value: object, flat: dict[str, str]) -> None:
    assert flatten({"p": value}) == flat


def test_keys_are_made_storable() -> None:
    assert flatten({"a\x00b": 1, "x" * 600: 2, "\ud800k": 3}) == {"ab": "1", "x" * MAX_KEY: "2", "k": "3"}


def test_deep_nesting_stays_json_text() -> None:
    value: Any = "deep"
    for _ in range(40):
        value = {"n": value}

    (key, text), *rest = flatten({"p": value}).items()

    assert not rest
    assert key.count(".n") == 16
    assert json.loads(text)["n"]


def test_number_of_entries_is_bounded() -> None:
    assert len(flatten({"p": list(range(5_000))})) == MAX_ENTRIES
    assert len(flatten({str(number): "x" for number in range(5_000)})) == MAX_ENTRIES


def test_consumed_properties_are_not_kept() -> None:
    sent = {
        "__path": "/x",
        "__referrer": "https://t.co",
        "__timestamp": "2026-01-01T00:00:00Z",
        "__revenue": 5,
        "__ip": "203.0.113.7",
        "__identify": {"profileId": "1", "email": "a@example.com"},
        "__bot": "1",
        "__bot_reasons": "made up",
        "__bounce": "false",
        "__title": "Home",
        "__deviceId": "kiosk-1",
        "__os": "iOS",
        "__version": "1.2",
        "plan": "pro",
    }

    assert event_properties(sent) == {
        "__title": "Home",
        "__deviceId": "kiosk-1",
        "__os": "iOS",
        "__version": "1.2",
        "plan": "pro",
    }


def test_old_names_are_consumed_only_where_the_new_name_is_missing() -> None:
    assert event_properties({"path": "/x", "referrer": "r", "timestamp": "t", "a": "b"}) == {"a": "b"}
    assert event_properties({"__path": "/x", "path": "mine"}) == {"path": "mine"}
    assert event_properties({"path": 7}) == {"path": "7"}


def test_text_of_falls_back_to_the_old_name() -> None:
    assert text_of({"path": "/old"}, "__path", "path") == "/old"
    assert text_of({"__path": "/new", "path": "/old"}, "__path", "path") == "/new"
    assert text_of({"__path": 5}, "__path", "path") == ""


_json = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(alphabet=st.characters(codec=None))
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(properties=st.dictionaries(st.text(alphabet=st.characters(codec=None), max_size=8), _json, max_size=6))
def test_any_properties_become_storable_text(properties: dict[str, Any]) -> None:
    for key, value in {**flatten(properties), **event_properties(properties)}.items():
        assert value
        for text in (key, value):
            text.encode()
            assert "\x00" not in text


@given(value=_json)
def test_json_text_is_flattened_like_the_value(value: Any) -> None:
    if isinstance(value, dict | list):
        try:
            text = json.dumps(value, allow_nan=False)
        except ValueError:
            return
        if "\\ud" not in text:
            assert flatten({"p": text}) == flatten({"p": json.loads(text)})
