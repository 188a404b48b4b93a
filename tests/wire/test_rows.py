"""Rows of an import: all are kept or none, and the refusal lists every wrong one."""

import json
from typing import Any

import pytest

from openpanel.wire import limits
from openpanel.wire.refusals import Refusal
from openpanel.wire.rows import RowsRefused, created_ms, decode_rows

NOW = 1_800_000_000_000
ROW: dict[str, Any] = {"name": "purchase", "created_at": "2026-01-02T03:04:05Z"}


def rows(*given: Any) -> bytes:
    return json.dumps(given).encode()


def test_whole_row_is_read() -> None:
    full = ROW | {
        "device_id": "d", "profile_id": 7, "session_id": "s", "properties": {"a": 1}, "path": "/", "country": "SE",
        "longitude": 18.1, "latitude": 59.3, "revenue": 100, "duration": 5, "groups": ["g"], "project_id": "ignored",
    }  # fmt: skip

    (row,), kept = decode_rows(rows(full), now_ms=NOW)

    assert created_ms(row) == 1_767_323_045_000
    assert json.loads(kept) == [full]


def test_imported_sessions_are_taken() -> None:
    assert decode_rows(rows(ROW | {"name": "session_start"}), now_ms=NOW)[0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "Event name is empty"),
        ({"name": None}, "`$.name`"),
        ({"name": "<script>"}, "looks like an attack"),
        ({"created_at": "yesterday"}, "Expected a time between 1970 and now - at `$.created_at`"),
        ({"created_at": NOW + 1}, "between 1970 and now"),
        ({"created_at": "1812-01-01"}, "between 1970 and now"),
        ({"longitude": 200}, "`$.longitude`"),
        ({"latitude": "north"}, "`$.latitude`"),
        ({"revenue": -1}, "`$.revenue`"),
        ({"properties": []}, "`$.properties`"),
        ({"profile_id": "a\x00"}, "without NUL - at `$.profile_id`"),
        ({"properties": {"a": json.loads("[" * 70 + "]" * 70)}}, "deeper than 64"),
    ],
)
def test_wrong_row_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(RowsRefused) as refused:
        decode_rows(rows(ROW, ROW | wrong, ROW), now_ms=NOW)

    (fault,) = refused.value.faults
    assert (refused.value.status, fault.index) == (400, 1)
    assert words in fault.message
    assert refused.value.message == "1 of 3 rows are refused, nothing was imported"


def test_list_of_wrong_rows_has_an_end() -> None:
    with pytest.raises(RowsRefused) as refused:
        decode_rows(rows(*[{}] * 300), now_ms=NOW)

    assert len(refused.value.faults) == limits.IMPORT_ERRORS
    assert refused.value.message.startswith("300 of 300")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"{}", 400),
        (b"[", 400),
        (b"[" + b"{}," * limits.IMPORT_ROWS + b"{}]", 413),
        (b" " * (limits.BODY_BYTES + 1), 413),
        (b'["\xff"]', 400),
    ],
)
def test_import_is_refused_as_a_whole(sent: bytes, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        decode_rows(sent, now_ms=NOW)

    assert refused.value.status == status
