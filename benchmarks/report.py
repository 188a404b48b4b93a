"""Figures as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number, and how it stands to what is wanted.

    `more_is_better` tells which way `least` and `aim` bound the value; both may be missing for figures
    that are only reported.
    """

    section: str
    what: str
    value: float
    unit: str
    least: float | None = None
    aim: float | None = None
    more_is_better: bool = True
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.least is None:
            return ""
        if not self._reaches(self.least):
            return "below"
        return "aim" if self.aim is not None and self._reaches(self.aim) else "least"

    def _reaches(self, bound: float) -> bool:
        return self.value >= bound if self.more_is_better else self.value <= bound


def table(figures: Sequence[Figure]) -> str:
    """The figures with their bounds, one line each."""
    head = ("section", "what", "value", "least", "aim", "reached", "note")
    rows = [
        (
            figure.section,
            figure.what,
            f"{_short(figure.value)} {figure.unit}".strip(),
            _bound(figure.least, figure.more_is_better),
            _bound(figure.aim, figure.more_is_better),
            figure.verdict,
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]
    ]
    return "\n".join(line.rstrip() for line in [lines[0], "-" * sum(widths), *lines[1:]])


def write_json(figures: Sequence[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps([asdict(figure) | {"reached": figure.verdict} for figure in figures], indent=1)
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _bound(bound: float | None, more_is_better: bool) -> str:
    return "" if bound is None else f"{'≥' if more_is_better else '≤'} {_short(bound)}"
