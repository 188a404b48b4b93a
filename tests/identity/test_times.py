"""How far clocks of clients are believed."""

import pytest

from openpanel.identity.times import EventTime, event_time

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("sent_ms", "expected"),
    [
        pytest.param(None, EventTime(NOW, late=False), id="nothing said"),
        pytest.param(NOW, EventTime(NOW, late=False), id="now"),
        pytest.param(NOW - 1_000, EventTime(NOW - 1_000, late=False), id="a second ago"),
        pytest.param(NOW - 900_000, EventTime(NOW - 900_000, late=False), id="exactly 15 minutes ago"),
        pytest.param(NOW - 900_001, EventTime(NOW - 900_001, late=True), id="longer ago"),
        pytest.param(NOW + 60_000, EventTime(NOW, late=False), id="a minute ahead becomes now"),
        pytest.param(NOW + 60_001, EventTime(NOW, late=False), id="further ahead is not believed"),
        pytest.param(0, EventTime(0, late=True), id="1970"),
        pytest.param(-1, EventTime(NOW, late=False), id="before 1970 is not believed"),
    ],
)
def test_event_time(sent_ms: int | None, expected: EventTime) -> None:
    assert event_time(sent_ms, received_ms=NOW) == expected
