"""Turns values into what a reading command prints: a table for people, JSON or YAML for programs."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import yaml

_GAP: Final = "  "
_UNITS: Final = ("B", "KiB", "MiB", "GiB")


class Form(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def for_programs(value: Any, form: Form) -> str:
    """JSON or YAML."""
    if form is Form.YAML:
        return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip()
    return json.dumps(value, indent=2, ensure_ascii=False)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns that are as wide as their widest cell."""
    lines = (tuple(head), *map(tuple, rows))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def size(number: int | None) -> str:
    """Bytes in the unit that leaves a short number; `-` when unknown."""
    if number is None:
        return "-"
    amount, unit = float(number), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """The two largest units: 3 d 4 h, 12 min 5 s."""
    whole = int(seconds)
    parts = ((whole // 86_400, "d"), (whole // 3_600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    first = next((place for place, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
    return " ".join(f"{amount} {unit}" for amount, unit in parts[first : first + 2])
