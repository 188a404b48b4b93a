"""Events as lines of text: one JSON object each, or CSV. Pure."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from openpanel.analytics.event_rows import Event
from openpanel_api.public.event_json import PLAIN_FIELDS, event_json
from openpanel_api.public.tables import cell

COLUMNS = (*PLAIN_FIELDS, "properties")


class Lines:
    """One JSON object a line."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._encoder = msgspec.json.Encoder()

    def head(self) -> bytes:
        return b""

    def rows(self, events: Sequence[Event]) -> bytes:
        return self._encoder.encode_lines([row(each, project=self._project) for each in events])

    def tail(self) -> bytes:
        return b""


class Csv:
    """A header and a line for each event; lists and properties are JSON."""

    def __init__(self, project: str) -> None:
        self._project = project

    def head(self) -> bytes:
        return _csv([COLUMNS])

    def rows(self, events: Sequence[Event]) -> bytes:
        rows = (row(each, project=self._project) for each in events)
        return _csv([[cell(each[name]) for name in COLUMNS] for each in rows])

    def tail(self) -> bytes:
        return b""


def row(event: Event, *, project: str) -> dict[str, Any]:
    """An event with its properties."""
    return event_json(event, project=project) | {"properties": event.properties}


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(errors="replace")
