"""Times as clients write them: what JavaScript's `new Date(value)` would make of a value.

Takes ISO 8601 (without an offset: UTC), milliseconds since 1970 as a number, and the form of mail headers.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_LONGEST: Final = 64  # characters; no form of a time is longer
_LAST_MS: Final = 8_640_000_000_000_000  # the last moment that JavaScript knows


def to_ms(value: object) -> int | None:
    """Milliseconds since 1970; None when the value is no time.

    >>> to_ms("1970-01-01T00:00:01Z"), to_ms(1000.0), to_ms("soon"), to_ms(True)
    (1000, 1000, None, None)
    """
    if isinstance(value, str):
        return _of_text(value.strip()) if len(value) <= _LONGEST else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Asked so that it is false for what is no number, and answers for integers that no float can hold.
    return int(value) if abs(value) <= _LAST_MS else None


def _of_text(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _of_mail_form(text)
    return _ms(moment)


def _of_mail_form(text: str) -> int | None:
    try:
        return _ms(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _ms(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return round(moment.timestamp() * 1000)
    except OverflowError:
        return None
