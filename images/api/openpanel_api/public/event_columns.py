"""Events as columns: Parquet files and Arrow streams, a row group or batch for each page. Pure."""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from typing import Any, Final

import nanoarrow as na  # type: ignore[import-untyped]  # it has no types
from nanoarrow.ipc import StreamWriter  # type: ignore[import-untyped]  # it has no types

from openpanel.analytics.event_rows import Event
from openpanel_api import parquet
from openpanel_api.parquet import Column, Kind
from openpanel_api.public.event_json import PLAIN_FIELDS
from openpanel_api.public.event_lines import row

KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("createdAt", "receivedAt", "importedAt", "sessionStartedAt"), Kind.MOMENT),
    **dict.fromkeys(("revenue", "duration"), Kind.INTEGER),
    **dict.fromkeys(("longitude", "latitude"), Kind.NUMBER),
    "groups": Kind.TEXTS,
    "properties": Kind.PAIRS,
}
COLUMNS: Final = tuple(Column(name, KINDS.get(name, Kind.TEXT)) for name in (*PLAIN_FIELDS, "properties"))

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: na.string(),
    Kind.INTEGER: na.int64(),
    Kind.NUMBER: na.float64(),
    Kind.MOMENT: na.timestamp("ms", "UTC"),
    Kind.TEXTS: na.list_(na.string()),
    Kind.PAIRS: na.map_(na.string(), na.string()),
}
_PAIR: Final = na.struct({"key": na.string(), "value": na.string()})
_ROW: Final = na.struct({column.name: _TYPES[column.kind] for column in COLUMNS})


class Parquet:
    """A Parquet file."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._file = parquet.File(COLUMNS)

    def head(self) -> bytes:
        return self._file.head()

    def rows(self, events: Sequence[Event]) -> bytes:
        if not events:
            return b""
        return self._file.group(_values(events, self._project), rows=len(events))

    def tail(self) -> bytes:
        return self._file.tail()


class Arrow:
    """An Arrow stream."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._sink = _Sink()
        self._writer = StreamWriter.from_writable(self._sink)

    def head(self) -> bytes:
        self._writer.write_stream(na.Array.from_chunks([], _ROW))
        return self._sink.take()

    def rows(self, events: Sequence[Event]) -> bytes:
        if events:
            self._writer.write_array(_batch(_values(events, self._project), len(events)))
        return self._sink.take()

    def tail(self) -> bytes:
        self._writer.close()
        return self._sink.take()


class _Sink:
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _values(events: Sequence[Event], project: str) -> dict[str, list[Any]]:
    """Of each column the values of these events."""
    rows = [row(each, project=project) for each in events]
    values = {column.name: [each[column.name] for each in rows] for column in COLUMNS}
    for column in COLUMNS:
        if column.kind is Kind.MOMENT:
            values[column.name] = [_milliseconds(text) for text in values[column.name]]
    return values


def _milliseconds(text: str | None) -> int | None:
    return None if text is None else (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND


def _batch(values: Mapping[str, Sequence[Any]], rows: int) -> Any:
    columns = [_ARRAYS.get(column.kind, _plain)(column.kind, values[column.name]) for column in COLUMNS]
    return na.c_array_from_buffers(_ROW, rows, [None], children=columns)


def _plain(kind: Kind, values: Sequence[Any]) -> Any:
    return na.c_array(values, _TYPES[kind])


def _lists(kind: Kind, values: Sequence[Sequence[str]]) -> Any:
    items = na.c_array(_all(values), na.string())
    return na.c_array_from_buffers(_TYPES[kind], len(values), [None, _offsets(values)], children=[items])


def _maps(kind: Kind, values: Sequence[Mapping[str, str]]) -> Any:
    texts = [na.c_array(_all(each), na.string()) for each in (values, [each.values() for each in values])]
    pairs = na.c_array_from_buffers(_PAIR, len(texts[0]), [None], children=texts)
    return na.c_array_from_buffers(_TYPES[kind], len(values), [None, _offsets(values)], children=[pairs])


def _all(values: Iterable[Iterable[str]]) -> list[str]:
    return list(chain.from_iterable(values))


def _offsets(values: Sequence[Sequence[str] | Mapping[str, str]]) -> "array[int]":
    return array("i", accumulate(map(len, values), initial=0))


_ARRAYS: Final[Mapping[Kind, Callable[[Kind, Sequence[Any]], Any]]] = {
    Kind.TEXTS: _lists,
    Kind.PAIRS: _maps,
}
