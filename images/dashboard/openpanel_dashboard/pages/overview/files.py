"""A table as a file that says where it comes from: CSV for spreadsheets, JSON for programs. Pure.

CSV begins with lines whose first cell begins with `#`, so that readers can skip them, and with the mark by which
spreadsheets know UTF-8. A text that a spreadsheet would take for a formula gets an apostrophe in front.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from openpanel.analytics.spreadsheets import inert
from openpanel_dashboard.languages import Language
from openpanel_dashboard.pages.overview import spans, wording
from openpanel_dashboard.pages.overview.kpis import estimate
from openpanel_dashboard.pages.overview.scope import Scope
from openpanel_dashboard.pages.overview.tables import COMPARED, Cell, Table, moment

Form = Literal["csv", "json"]
MEDIA_TYPES: Final[dict[Form, str]] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
}
BYTE_ORDER_MARK: Final = "\ufeff"

_NO_PART_OF_A_NAME: Final = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a table comes from, beside what it shows: the page as one can open it again."""

    scope: Scope
    address: str


def as_csv(table: Table, origin: Origin, language: Language) -> bytes:
    """Head lines, headings, a line for each row; lines end as RFC 4180 says."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows((f"# {label}", guarded(value)) for label, value in _head(table, origin, language))
    writer.writerow(column.heading for column in table.columns)
    writer.writerows([guarded(cell) for cell in row] for row in table.rows)
    return f"{BYTE_ORDER_MARK}{text.getvalue()}".encode(errors="replace")


def as_json(table: Table, origin: Origin, language: Language) -> bytes:
    """The same as one object; its keys are the same in all languages."""
    scope = origin.scope
    keys = [column.key for column in table.columns]
    body: dict[str, Any] = {
        "address": origin.address,
        "project": {"id": scope.project.id, "name": scope.project.name},
        "panel": table.title,
        "range": _range(scope, language),
        "compared": _compared(table, scope),
        "filters": [
            {"dimension": one.dimension, "operator": one.operator, "values": list(one.values)}
            for one in scope.view.conditions
            if one not in scope.unusable
        ],
        "timezone": scope.timezone,
        "made": moment(scope.now, scope.timezone),
        "approximate": table.approximate,
        "columns": {column.key: column.heading for column in table.columns},
        "rows": [dict(zip(keys, row, strict=True)) for row in table.rows],
    }
    return json.dumps(body, ensure_ascii=False, indent=1).encode(errors="replace")


def file_name(table: Table, scope: Scope, form: Form) -> str:
    """shop_pages-top_2026-10-22_2026-11-18.csv: no character of it is one that a file system refuses."""
    start, end, zone = scope.period.start, scope.period.end, scope.timezone
    span = spans.address(start, end, timezone=zone) or f"{moment(start, zone)}..{moment(end, zone)}"
    parts = scope.project.id, table.name, span.replace(":", "").replace("..", "_")
    return f"{'_'.join(_NO_PART_OF_A_NAME.sub('-', part) for part in parts)}.{form}"


def guarded(cell: Cell) -> Cell:
    """The cell as a spreadsheet shows and does not compute it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return inert(cell) if isinstance(cell, str) else cell


def _head(table: Table, origin: Origin, language: Language) -> Iterator[tuple[str, str]]:
    scope, say = origin.scope, language.say
    shown = _range(scope, language)
    yield say("Project"), f"{scope.project.name} ({scope.project.id})"
    yield say("Panel"), table.title
    yield say("Range"), shown["text"]
    yield say("Start"), shown["from"]
    yield say("End"), shown["until"]
    if table.compared is not None:
        compared = spans.compared_text(
            table.compared, timezone=scope.timezone, now=scope.now, language=language
        )
        yield say(COMPARED), compared
    for condition in scope.view.conditions:
        if condition not in scope.unusable:
            yield say("Filter"), wording.sentence(condition, language)
    yield say("Time zone"), spans.zone_name(scope.timezone, scope.period)
    yield say("Made"), moment(scope.now, scope.timezone)
    if table.approximate:
        yield say("Note"), estimate(language)
    yield say("Address"), origin.address


def _range(scope: Scope, language: Language) -> dict[str, str]:
    return {
        "text": spans.period_text(scope.period, timezone=scope.timezone, now=scope.now, language=language),
        "from": moment(scope.period.start, scope.timezone),
        "until": moment(scope.period.until, scope.timezone),
    }


def _compared(table: Table, scope: Scope) -> dict[str, str] | None:
    if table.compared is None:
        return None
    return {
        "from": moment(table.compared.start, scope.timezone),
        "until": moment(table.compared.until, scope.timezone),
    }
