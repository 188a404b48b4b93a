"""When an event happened: how far the clock of a client is believed.

Called by the ingest service for every message. Knows no clock: both times are given.
"""

from typing import NamedTuple

from openpanel.identity.ids import FUTURE_TOLERANCE_MS, LATE_AFTER_MS


class EventTime(NamedTuple):
    """Where an event stands in time."""

    at_ms: int
    late: bool  # older than LATE_AFTER_MS: may belong to a known session, never opens one


def event_time(sent_ms: int | None, *, received_ms: int) -> EventTime:
    """The time of an event from what the client says (None: nothing that can be read) and when it came.

    A time before 1970 or more than a minute ahead is not believed; one that is slightly ahead becomes now.
    """
    if sent_ms is None or sent_ms < 0 or sent_ms > received_ms + FUTURE_TOLERANCE_MS:
        return EventTime(received_ms, late=False)
    at_ms = min(sent_ms, received_ms)
    return EventTime(at_ms, late=received_ms - at_ms > LATE_AFTER_MS)
