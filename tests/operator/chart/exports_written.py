"""Writes two events into a file of each kind that can be exported, with the packages that come first on the path.

Run as a process of its own, so that it loads the trimmed packages and not those of the tests.
"""

import sys
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from openpanel.analytics.event_rows import Event
from openpanel_api.public.event_columns import Arrow, Parquet
from openpanel_api.public.event_lines import Csv, Lines

AT: Final = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
KINDS: Final[dict[str, Any]] = {"csv": Csv, "ndjson": Lines, "parquet": Parquet, "arrow": Arrow}
OF_TYPE: Final[dict[Any, Any]] = {int: 7, str: "é", float: 1.5, datetime: AT}


def event(number: int) -> Event:
    """An event with something in every field."""
    values: dict[str, Any] = {item.name: OF_TYPE.get(item.type) for item in fields(Event)}
    lists: dict[str, Any] = {"groups": ("acme",), "properties": {"plan": "pro"}, "imported_at": None}
    return Event(**{**values, **lists, "event_id": number})


def main(folder: Path) -> None:
    """One file of each kind, in two pages."""
    for kind, writer in KINDS.items():
        file = writer("shop")
        pages = (file.rows([event(number)]) for number in (1, 2))
        (folder / kind).write_bytes(b"".join((file.head(), *pages, file.tail())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.write(sys.modules["nanoarrow"].__path__[0])
