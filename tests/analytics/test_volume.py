"""How much was ever counted, and since when."""

from datetime import UTC, date, datetime

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import resolve
from openpanel.analytics.top_values import TopValues
from openpanel.analytics.volume import Volume, VolumeAnswer
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert


def test_project_without_events_has_no_first_day(warehouse: Warehouse, project: str) -> None:
    answer = ask(warehouse, Volume(project))

    assert answer == VolumeAnswer(events=0, since=None)
    assert answer.earliest("Asia/Seoul") is None


def test_volume_counts_what_visitors_did_and_no_starts_or_ends(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    of_days = [(20_000, "session_start"), (20_001, "screen_view"), (20_002, "click"), (20_003, "session_end")]
    insert(tables.EVENTS, [{"project_id": project, "day": day, "name": name} for day, name in of_days])

    answer = ask(warehouse, Volume(project))

    assert answer == VolumeAnswer(events=2, since=date(2024, 10, 5))
    assert answer.earliest("Asia/Seoul") == datetime.fromisoformat("2024-10-05T00:00+09:00")


def test_list_of_something_that_sessions_do_not_have_is_refused() -> None:
    scope = Overview("p", "UTC", resolve("7d", timezone="UTC", now=datetime(2026, 11, 22, tzinfo=UTC)))

    with pytest.raises(ValueError, match="expected one of entry, exit"):
        TopValues(scope, dimension="shoe size")
