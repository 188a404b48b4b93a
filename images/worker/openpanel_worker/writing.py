"""Brings the rows of a block into the warehouse, each insert under a token that stands for exactly its rows.

What the warehouse refuses is halved until the single row is found; that row is handed to `refuse`, all others are
written. A dead letter that is refused has nowhere else to go and waits: only what cannot be encoded is handed on. Pieces are cut in the same places whenever the block is repeated, so each is known by its token.
"""

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from openpanel.identity.ids import hash64, to_hex
from openpanel.warehouse import Refused, Unavailable, Warehouse, tables
from openpanel.warehouse.native import encode_block
from openpanel_worker.batch import Rows, Source
from openpanel_worker.layout import columns

DAY_MS: Final = 86_400_000
# One insert may touch 100 partitions; of months, 28 days touch two at most.
MAX_SPANS: Final = 45
SPANS: Final[Mapping[str, tuple[str, int]]] = {
    tables.EVENTS.name: ("created_at", 28 * DAY_MS),
    tables.BOTS.name: ("created_at", 28 * DAY_MS),
    tables.REPLAY_CHUNKS.name: ("started_at", DAY_MS),
}
# A row is made only if the table does not have it yet, so a repeat after a half-done insert makes other rows.
DEPENDING: Final = (tables.PROFILES, tables.GROUPS)

_UNWRITABLE: Final = (ValueError, TypeError, OverflowError, struct.error)

Refuse = Callable[[Source, str], None]  # the record whose row was refused, why


def write(warehouse: Warehouse, rows: Rows, *, token: str, refuse: Refuse) -> None:
    """Insert all rows; raises Unavailable when the warehouse is away, and may then be called again.

    So it does when dead letters are refused: whole, so that they are written once when they are taken later.
    """
    pieces = _spread(rows)
    for number, piece in enumerate(pieces):
        suffix = f"/{number}" if len(pieces) > 1 else ""
        _write_piece(warehouse, piece, token=f"{token}:{_name(rows)}{suffix}", refuse=refuse)


def encode(rows: Rows) -> None:
    """Encode the rows ahead of their insert; rows among which one cannot be encoded are left to it."""
    with suppress(*_UNWRITABLE):
        rows.encoded = _encoded(rows)


def _write_piece(warehouse: Warehouse, rows: Rows, *, token: str, refuse: Refuse) -> None:
    try:
        _insert(warehouse, rows, token=token)
    except (Refused, *_UNWRITABLE) as error:
        if rows.table is tables.DEAD_LETTERS and isinstance(error, Refused):
            raise Unavailable(f"dead letters are refused: {error}", code=error.code) from error
        if len(rows.rows) == 1:
            refuse(rows.sources[0], str(error))
            return
        middle = len(rows.rows) // 2
        _write_piece(warehouse, _cut(rows, 0, middle), token=f"{token}.0", refuse=refuse)
        _write_piece(warehouse, _cut(rows, middle, len(rows.rows)), token=f"{token}.1", refuse=refuse)


def _insert(warehouse: Warehouse, rows: Rows, *, token: str) -> None:
    table = rows.table
    block = rows.encoded or _encoded(rows)
    warehouse.insert_native(table.name, columns=table.column_names, block=block, token=token)


def _encoded(rows: Rows) -> bytes:
    return encode_block(rows.table.written, columns(rows.table, rows.rows))


def _name(rows: Rows) -> str:
    """What the rows are, within their block: the table; where a repeat may make fewer, also which they are."""
    if rows.table not in DEPENDING:
        return rows.table.name
    return f"{rows.table.name}#{to_hex(hash64(*[str(source.order) for source in rows.sources]))}"


def _cut(rows: Rows, start: int, end: int) -> Rows:
    return Rows(rows.table, rows.rows[start:end], rows.sources[start:end])


def _spread(rows: Rows) -> list[Rows]:
    """Cut rows apart that lie in too many months or days for one insert. Hardly any block needs it."""
    span = SPANS.get(rows.table.name)
    if span is None:
        return [rows]
    column, width = span
    place = rows.table.column_names.index(column)  # before anything that visits share
    bins = [row[place] // width for row in rows.rows]
    if max(bins) - min(bins) < MAX_SPANS:
        return [rows]
    order = {bin_: number // MAX_SPANS for number, bin_ in enumerate(sorted(set(bins)))}
    pieces = [Rows(rows.table) for _ in range(max(order.values()) + 1)]
    for bin_, row, source in zip(bins, rows.rows, rows.sources, strict=True):
        pieces[order[bin_]].add(row, source)
    return pieces
