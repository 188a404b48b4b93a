"""Brings the rows of a block into the warehouse, each insert under a token that stands for exactly its rows.

What the warehouse refuses is halved until the single row is found; that row is handed to `refuse`, all others are
written. A dead letter that is refused has nowhere else to go and waits: only what cannot be encoded is handed on.

A block that is repeated need not become the same rows: whoever repeats it may know other projects, or be of another
version. What is then no event any more is a dead letter, so all events of a block may share a token; where a known
token would drop rows that are told nowhere else, it says which rows it stands for, and they are rather told twice.
"""

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

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
# A repeat may make other rows: of these only what the table does not have yet, more letters where it knows less.
DEPENDING: Final = (tables.PROFILES, tables.GROUPS, tables.DEAD_LETTERS)

_UNWRITABLE: Final = (ValueError, TypeError, OverflowError, struct.error)

Refuse = Callable[[Source, str], None]  # the record whose row was refused, why


class Cuts(Protocol):
    """Tokens of inserts that were refused: these are made in halves from then on, whoever repeats them.

    What refused one may pass, and the whole would be taken beside those of its halves that are in.
    """

    def __contains__(self, token: str, /) -> bool: ...
    def add(self, token: str, /) -> None: ...


def write(warehouse: Warehouse, rows: Rows, *, token: str, refuse: Refuse, cuts: Cuts) -> None:
    """Insert all rows; raises Unavailable when the warehouse is away, and may then be called again.

    So it does when dead letters are refused: whole, so that they are written once when they are taken later.
    """
    token = f"{token}:{_name(rows)}"
    pieces = _spread(rows)
    for number, piece in enumerate(pieces):
        own = _part(token, f"/{number}", piece) if len(pieces) > 1 else token
        _write_piece(warehouse, piece, token=own, refuse=refuse, cuts=cuts)


def encode(rows: Rows) -> None:
    """Encode the rows ahead of their insert; rows among which one cannot be encoded are left to it."""
    with suppress(*_UNWRITABLE):
        rows.encoded = _encoded(rows)


def _write_piece(warehouse: Warehouse, rows: Rows, *, token: str, refuse: Refuse, cuts: Cuts) -> None:
    if len(rows.rows) == 1 or token not in cuts:
        try:
            _insert(warehouse, rows, token=token)
        except (Refused, *_UNWRITABLE) as error:
            if rows.table is tables.DEAD_LETTERS and isinstance(error, Refused):
                raise Unavailable(f"dead letters are refused: {error}", code=error.code) from error
            if len(rows.rows) == 1:
                refuse(rows.sources[0], str(error))
                return
            cuts.add(token)
        else:
            return
    middle = len(rows.rows) // 2
    for number, half in enumerate((_cut(rows, 0, middle), _cut(rows, middle, len(rows.rows)))):
        _write_piece(warehouse, half, token=_part(token, f".{number}", half), refuse=refuse, cuts=cuts)


def _insert(warehouse: Warehouse, rows: Rows, *, token: str) -> None:
    table = rows.table
    block = rows.encoded or _encoded(rows)
    warehouse.insert_native(table.name, columns=table.column_names, block=block, token=token)


def _encoded(rows: Rows) -> bytes:
    return encode_block(rows.table.written, columns(rows.table, rows.rows))


def _name(rows: Rows) -> str:
    """What the rows are, within their block: the table; where a repeat may make others, also which they are."""
    return _part(rows.table.name, "", rows) if rows.table in DEPENDING else rows.table.name


def _part(token: str, place: str, rows: Rows) -> str:
    """The token of a part, which stands for exactly its rows: a repeat that makes others cuts in other places."""
    return f"{token}#{to_hex(hash64(*map(_identity, rows.sources)))}{place}"


def _identity(source: Source) -> str:
    """Which record it is: a frame has the order of its first message, the end of a session both ids of another's."""
    return f"{type(source).__name__} {source.order} {source.event_id}"


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
