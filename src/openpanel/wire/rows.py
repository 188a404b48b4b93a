"""Rows of `/import/events`: events of another system or of an export, in the naming of the warehouse's columns.

All rows of a call are kept or none: a caller that repairs the refused ones and sends again makes no duplicates.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from openpanel.wire import limits
from openpanel.wire.checks import refuse_deep, refuse_too_much
from openpanel.wire.decode import as_refusal, read
from openpanel.wire.messages import ProfileId, Properties
from openpanel.wire.moments import to_ms
from openpanel.wire.names import fault_of_past
from openpanel.wire.refusals import Refusal, TooDeep, TooManyRows
from openpanel.wire.text import checked

Id = Annotated[str, Meta(max_length=limits.PROFILE_ID)]
Whole = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER)]


class Row(Struct, kw_only=True):
    """One event of the past. What is left out is derived like that of any other event, as far as it can be."""

    name: str
    created_at: str | int | float
    device_id: Id | None = None
    profile_id: ProfileId | None = None
    session_id: Id | None = None
    properties: Properties | None = None
    groups: Annotated[list[str], Meta(max_length=limits.GROUPS)] | None = None
    path: str | None = None
    origin: str | None = None
    title: str | None = None
    referrer: str | None = None
    referrer_name: str | None = None
    referrer_type: str | None = None
    revenue: Whole | None = None
    duration: Whole | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    os: str | None = None
    os_version: str | None = None
    browser: str | None = None
    browser_version: str | None = None
    device: str | None = None
    brand: str | None = None
    model: str | None = None
    sdk_name: str | None = None
    sdk_version: str | None = None


class RowFault(Struct):
    """Why a row is refused."""

    index: int
    message: str


class RowsRefused(Refusal):
    """Some rows of an import are wrong, so none was kept."""

    code = "rows_refused"

    def __init__(self, faults: Sequence[RowFault], *, total: int) -> None:
        super().__init__(f"{len(faults)} of {total} rows are refused, nothing was imported")
        self.faults = tuple(faults[: limits.IMPORT_ERRORS])


ROW: Final = msgspec.json.Decoder(Row)
_SLOTS: Final = msgspec.json.Decoder(
    msgspec.defstruct(
        "RowSlots",
        [(f"r{place}", Raw, msgspec.UNSET) for place in range(limits.IMPORT_ROWS + 1)],
        array_like=True,
    )
)


def decode_rows(body: bytes, *, now_ms: int) -> tuple[list[Row], bytes]:
    """The rows of an import and the body to keep; raises `RowsRefused` when any of them is wrong."""
    refuse_too_much(body)
    slots, body = read(_SLOTS.decode, checked(body))
    raws = [raw for raw in msgspec.structs.astuple(slots) if raw is not msgspec.UNSET]
    if len(raws) > limits.IMPORT_ROWS:
        raise TooManyRows
    outcomes = [_row(raw, now_ms) for raw in raws]
    faults = [RowFault(place, found) for place, found in enumerate(outcomes) if isinstance(found, str)]
    if faults:
        raise RowsRefused(faults, total=len(raws))
    return [row for row in outcomes if isinstance(row, Row)], body


def created_ms(row: Row) -> int:
    """When the event of a row that was accepted happened."""
    return to_ms(row.created_at) or 0


def _row(raw: Any, now_ms: int) -> Row | str:
    try:
        row = ROW.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return as_refusal(error).message
    if row.properties:
        try:
            refuse_deep(row.properties, 3)
        except TooDeep as refusal:
            return refusal.message
    return _fault(row, now_ms) or row


def _fault(row: Row, now_ms: int) -> str:
    if fault := fault_of_past(row.name):
        return f"{fault} - at `$.name`"
    moment = to_ms(row.created_at)
    if moment is None or not 0 <= moment <= now_ms:
        return "Expected a time between 1970 and now - at `$.created_at`"
    for field in ("device_id", "profile_id", "session_id"):
        if "\x00" in str(getattr(row, field)):
            return f"Expected text without NUL - at `$.{field}`"
    return ""
