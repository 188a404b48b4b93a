"""Events as columns: Parquet files and Arrow streams, a row group or batch for each page.

Imported only where such a file is asked for: the library costs more memory than all the rest of the API.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types

from openpanel.analytics.event_rows import Event
from openpanel_api.public.event_json import PLAIN_FIELDS
from openpanel_api.public.event_lines import row

MOMENT: Final = pa.timestamp("ms", tz="UTC")
TYPES: Final[dict[str, Any]] = {
    **dict.fromkeys(("createdAt", "receivedAt", "importedAt", "sessionStartedAt"), MOMENT),
    **{name: pa.int64() for name in ("revenue", "duration")},
    **{name: pa.float64() for name in ("longitude", "latitude")},
    "groups": pa.list_(pa.string()),
    "properties": pa.map_(pa.string(), pa.string()),
}
SCHEMA: Final = pa.schema([(name, TYPES.get(name, pa.string())) for name in (*PLAIN_FIELDS, "properties")])


class _Sink:
    """What was written since it was last taken."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


class _Columns(ABC):
    """A file that a writer of the library makes."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._sink = _Sink()
        self._writer = self._opened(pa.PythonFile(self._sink, mode="w"))

    @abstractmethod
    def _opened(self, sink: Any) -> Any:
        """The library's writer of this kind of file."""

    def head(self) -> bytes:
        return self._sink.take()

    def rows(self, events: Sequence[Event]) -> bytes:
        if events:
            self._writer.write_table(_table(events, self._project))
        return self._sink.take()

    def tail(self) -> bytes:
        self._writer.close()
        return self._sink.take()


class Parquet(_Columns):
    """A Parquet file."""

    def _opened(self, sink: Any) -> Any:
        return pq.ParquetWriter(sink, SCHEMA, compression="zstd")


class Arrow(_Columns):
    """An Arrow stream."""

    def _opened(self, sink: Any) -> Any:
        return pa.ipc.new_stream(sink, SCHEMA)


def _table(events: Sequence[Event], project: str) -> Any:
    rows = [row(each, project=project) for each in events]
    return pa.table(
        {
            field.name: pa.array([_value(each[field.name], field.type) for each in rows], field.type)
            for field in SCHEMA
        },
        schema=SCHEMA,
    )


def _value(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if kind == MOMENT:
        return datetime.fromisoformat(value)
    return list(value.items()) if isinstance(value, dict) else value
