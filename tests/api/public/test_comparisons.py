"""A time and the one that it is compared with: which they are, and that all of both is told."""

from datetime import UTC, datetime
from typing import Any

from tests.api.public.asking import asked, insight
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, put_events

PATHS = [{"name": "screen_view"}, {"name": "signup"}]


async def test_months_are_compared_with_as_many_months_before_them(shop: Place) -> None:
    """Six months, this one included, began in October; the six before them in April, not 182 days earlier."""
    for name, start, before in (("3m", "2026-01-01", "2025-10-01"), ("6m", "2025-10-01", "2025-04-01")):
        body = await insight(shop, "overview", {"range": name, "interval": "month", "previous": "true"})

        assert (body["startDate"][:10], body["previous"]["startDate"][:10]) == (start, before)
        assert body["previous"]["endDate"] == body["startDate"]


async def test_a_day_that_is_written_to_the_second_is_the_whole_day(shop: Place) -> None:
    """Its last half second as well, and it is compared with the whole day before."""
    project = make_project(shop, "seconds")
    late = datetime(2026, 2, 20, 23, 59, 59, 500_000, tzinfo=UTC)
    did = {
        "project_id": project,
        "name": "screen_view",
        "path": "/",
        "person": 1,
        "device_id": 1,
        "session_id": 1,
    }
    put_events(shop, [{**did, "at": late}])
    days = {"startDate": "2026-02-20 00:00:00", "endDate": "2026-02-20 23:59:59", "previous": "true"}

    body = (await asked(shop, f"/insights/{project}/overview", days, who=f"{project}/reader")).json()

    assert body["summary"]["total_screen_views"] == 1
    assert (body["endDate"], body["previous"]["startDate"]) == (
        "2026-02-21T00:00:00+00:00",
        "2026-02-19T00:00:00+00:00",
    )


async def test_money_of_no_visit_is_told_apart_from_that_of_sources(shop: Place) -> None:
    """On the 20th a visit from Google paid 300 and a server told of 200; the day before a visit paid 100."""
    project = make_project(shop, "till")

    def paid(day: int, amount: int, session: int) -> dict[str, Any]:
        who = {"person": session, "device_id": session, "session_id": session, "referrer_name": "Google"}
        at = datetime(2026, 2, day, 10, tzinfo=UTC)
        return {
            "project_id": project,
            "name": "revenue",
            "at": at,
            "revenue": amount,
            **(who if session else {}),
        }

    put_events(shop, [paid(20, 300, 1), paid(20, 200, 0), paid(19, 100, 2)])
    asked_for = {"startDate": "2026-02-20", "endDate": "2026-02-20", "interval": "day", "previous": "true"}

    body = (await asked(shop, f"/insights/{project}/revenue", asked_for, who=f"{project}/reader")).json()

    assert (body["summary"]["revenue"], body["summary"]["outside"]) == (500, 200)
    assert [(each["name"], each["revenue"], each["per_visitor"]) for each in body["sources"]] == [
        ("Google", 300, 300.0)
    ]
    assert (body["previous"]["revenue"], [each["revenue"] for each in body["previous_series"]]) == (
        100,
        [100],
    )


async def test_conversion_is_compared_as_a_whole_too(shop: Place) -> None:
    """On February 28 somebody looked around and did not sign up."""
    question = {"steps": PATHS, "startDate": "2026-03-01", "endDate": "2026-03-01", "groupBy": "profile_id"}

    (alone,) = await insight(shop, "conversion", body=question)
    (row,) = await insight(shop, "conversion", body={**question, "previous": True})

    assert alone["previous_total"] is None
    assert row["previous_total"] == {"total": 1, "conversions": 0, "rate": 0.0}
