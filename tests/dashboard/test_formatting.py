"""The formatter against the table of cases that its TypeScript twin is held by too."""

import json
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel_dashboard.formatting import Formatter

CASES = json.loads((Path(__file__).parent / "formatting_cases.json").read_text())


def cases() -> Iterator[Any]:
    for kind, rows in CASES.items():
        for arguments, english, korean in rows:
            yield pytest.param(kind, arguments, "en", english, id=f"{kind}-en-{arguments}")
            yield pytest.param(kind, arguments, "ko", korean, id=f"{kind}-ko-{arguments}")


def call(kind: str, arguments: list[Any], language: str) -> str | None:
    formatter = Formatter(language)
    if kind in {"day", "weekday", "month"}:
        day, *year = arguments
        return str(getattr(formatter, kind)(date.fromisoformat(day), year=bool(year)))
    if kind == "clock":
        moment, *hours = arguments
        return formatter.clock(time.fromisoformat(moment), hours=hours[0] if hours else 24)
    text: str | None = getattr(formatter, kind)(*arguments)
    return text


@pytest.mark.parametrize(("kind", "arguments", "language", "text"), list(cases()))
def test_value_is_written_as_the_table_says(
    kind: str, arguments: list[Any], language: str, text: str | None
) -> None:
    assert call(kind, arguments, language) == text


def magnitude(text: str) -> float:
    units = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "만": 1e4, "억": 1e8, "조": 1e12}
    size = units.get(text[-1], 1.0)
    return float(text.rstrip("KMBT만억조").replace(",", "")) * size


@given(st.integers(0, 2**53), st.sampled_from(["en", "ko"]))
def test_compact_count_stays_near_the_value(number: int, language: str) -> None:
    text = Formatter(language).count(number)

    assert magnitude(text) == pytest.approx(number, rel=0.05)
    assert len(text) <= 7


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.sampled_from(["en", "ko"]))
def test_compact_counts_keep_their_order(one: int, two: int, language: str) -> None:
    formatter = Formatter(language)
    small, large = sorted((one, two))

    assert magnitude(formatter.count(small)) <= magnitude(formatter.count(large))
