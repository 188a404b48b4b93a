"""Projects of a test's own, beside the shop of `world`: an empty project, and rows of events to put into it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import count
from typing import Any, Final

from openpanel import tenancy
from openpanel.warehouse import tables
from openpanel.warehouse.schema import Table
from tests.api.public.conftest import Place
from tests.api.public.world import NOW
from tests.warehouse.rows import insert

MANIFEST: Final = """
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {{name: {name}}}
spec:
  organization: shops
  timeZone: {timezone}
  clients: [{{name: reader, type: read}}, {{name: admin, type: root}}]
  events: [{{name: signup, conversion: true}}]
"""
_secrets = count(1_000)
_tokens = count(1)


def make_project(place: Place, name: str, *, timezone: str = "UTC") -> str:
    """An empty project; its clients are `<name>/reader` and `<name>/admin`."""
    (project,) = tenancy.parse(MANIFEST.format(name=name, timezone=timezone))
    report = tenancy.ensure(
        project, database=place.database, warehouse=place.warehouse, announce=lambda _topic: None,
        clock=lambda: NOW, fresh_secret=lambda: f"sec_{next(_secrets):040x}",
    )  # fmt: skip
    place.issued |= {f"{name}/{client}": issued for client, issued in report.issued.items()}
    return name


def put(place: Place, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """The rows in a table, as the worker writes them."""
    insert(place.warehouse, table, list(rows), token=f"small {next(_tokens)}")


def put_events(place: Place, rows: Iterable[dict[str, Any]]) -> None:
    """Events; each needs `project_id`, `name` and `at`, and gets an id and a day of its own."""
    put(place, tables.EVENTS, [_event(row, number) for number, row in enumerate(rows, start=1)])


def ms(moment: datetime) -> int:
    """As the tables keep it."""
    return round(moment.timestamp() * 1000)


def _event(row: dict[str, Any], number: int) -> dict[str, Any]:
    at: datetime = row["at"]
    shown = {name: value for name, value in row.items() if name != "at"}
    when = {"created_at": ms(at), "received_at": ms(at), "session_started_at": ms(at)}
    day = (at.astimezone(UTC).date() - date(1970, 1, 1)).days
    return {"event_id": number, "day": day, **when, **shown}
