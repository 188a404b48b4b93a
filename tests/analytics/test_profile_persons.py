"""What a profile says is known of persons who never had a session, by the person that the profile names."""

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.identity.ids import person_of_profile
from openpanel.warehouse import Warehouse, tables
from tests.analytics.behaviour import NOW, PERIOD, ZONE
from tests.analytics.worlds import Insert

DEVICE = 5
AT = round(NOW.timestamp() * 1000) - 60_000
PRO = PropertyFilter("profile.properties.plan", "is", ("pro",))


@pytest.mark.parametrize(("written", "found"), [(True, 1), (False, 0)], ids=["named", "not named"])
def test_device_without_a_session_has_the_profile_of_whom_it_became(
    warehouse: Warehouse, insert: Insert, project: str, *, written: bool, found: int
) -> None:
    person = person_of_profile("ana")
    told = {"project_id": project, "profile_id": "ana", "properties": {"plan": "pro"}, "version": 1}
    insert(tables.PROFILES, [{**told, "person": person if written else 0}])
    insert(tables.PERSON_OVERRIDES, [{"project_id": project, "person": DEVICE, "into": person, "version": 1}])
    insert(tables.EVENTS, [{"project_id": project, "name": "click", "created_at": AT, "person": DEVICE}])

    answer = ask(warehouse, Chart(project, ZONE, PERIOD, (EventSeries(filters=(PRO,)),), kind="metric"))

    assert answer.rows[0].figures.total == found


def test_profile_that_names_its_person_counts_its_sessions_once(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    person = person_of_profile("ana")
    told = {"project_id": project, "profile_id": "ana", "properties": {"plan": "pro"}, "person": person}
    for version in (1, 2):
        insert(tables.PROFILES, [{**told, "version": version}])
    common = {"project_id": project, "name": "click", "profile_id": "ana", "person": person}
    insert(
        tables.EVENTS,
        [{**common, "created_at": AT, "session_id": number, "session_started_at": AT} for number in (1, 2)],
    )

    answer = ask(warehouse, Chart(project, ZONE, PERIOD, (EventSeries(filters=(PRO,)),), kind="metric"))

    assert answer.rows[0].figures.total == 2
