"""Formulas: what they compute, what has no value, and what is refused. No store."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.analytics.formulas import MAX_DEPTH, MAX_LENGTH, MAX_OPERATORS, BadFormula, compute, parse

VALUES = {"A": 6.0, "B": 4.0, "C": 0.0, "D": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A / B * 100", 150),
        ("A - B - 1", 1),
        ("A - (B - 1)", 3),
        ("2 + 3 * 4", 14),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4),
        ("2 ^ -1", 0.5),
        ("--A", 6),
        ("+A", 6),
        ("-7 % 3", 2),
        ("A%B", 2),
        ("round(A / B)", 2),
        ("round(-2.5)", -3),
        ("round(3.14159, 2)", 3.14),
        ("sqrt(abs(-B)) + ceil(1.2) + floor(1.8)", 5),
        ("min(A, B, 1) + max(A, B)", 7),
        ("log10(1000) + log(exp(1))", 4),
        ("1.5e1 + .5", 15.5),
        ("  A\t*\n1  ", 6),
    ],
)
def test_formula_has_its_value(text: str, value: float) -> None:
    assert compute(parse(text, letters="ABCD"), VALUES) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "A / C",
        "D + 1",
        "sqrt(0 - A)",
        "log(C)",
        "10 ^ 400",
        "(0 - 8) ^ 0.5",
        "A % C",
        "max(A, D)",
        "exp(A) * 1e308 * 10",
        "1e999",
        "round(A, B * 4)",
        "round(A, C - B * 4)",
    ],
)
def test_what_cannot_be_computed_has_no_value(text: str) -> None:
    assert compute(parse(text, letters="ABCD"), VALUES) is None


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "missing at the end"),
        ("A +", 3, "missing at the end"),
        ("A B", 2, "too much"),
        ("(A", 2, "')' is missing"),
        ("A)", 1, "too much"),
        ("A + E", 4, "expected one of A, B, C, D"),
        ("a", 0, "no series and no function"),
        ("sqrt A", 5, "'(' is missing"),
        ("sqrt(A, B)", 10, "1 to 1 values"),
        ("min()", 4, "where a value is expected"),
        ("A $ B", 2, "'$' is not part"),
        ("__import__('os')", 11, "is not part"),
        ("A.real", 1, "'.' is not part"),
        ("A if B else C", 2, "too much"),
        ("negative(A)", 0, "no series and no function"),
        ("A ** B", 3, "where a value is expected"),
        ("٣", 0, "is not part"),
        ("(" * (MAX_DEPTH + 1) + "A" + ")" * (MAX_DEPTH + 1), MAX_DEPTH + 1, "deep"),
        ("A" + " " * MAX_LENGTH, MAX_LENGTH, "at most"),
        ("A" + "+1" * 499, 1 + 2 * MAX_OPERATORS, f"at most {MAX_OPERATORS} operators"),
        ("round(A, 1e8)", 13, "up to 15 digits"),
        ("round(A, -16)", 13, "up to 15 digits"),
    ],
)
def test_what_is_no_formula_is_refused_with_place_and_reason(text: str, position: int, reason: str) -> None:
    with pytest.raises(BadFormula) as refused:
        parse(text, letters="ABCD")

    assert refused.value.position == position
    assert reason in refused.value.reason


def test_deepest_and_longest_formula_has_its_value() -> None:
    nested = "(" * MAX_DEPTH + "A" + "+1" * MAX_OPERATORS + ")" * MAX_DEPTH

    assert compute(parse(nested, letters="A"), VALUES) == 106


@given(st.text(max_size=40) | st.text("AB+-*/%^(), 1.e", max_size=40))
def test_any_text_is_a_number_or_nothing_or_refused(text: str) -> None:
    with suppress(BadFormula):
        value = compute(parse(text, letters="AB"), {"A": 1e300, "B": -0.5})

        assert value is None or math.isfinite(value)
