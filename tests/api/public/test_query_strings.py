"""Nothing of a question is left out in silence: what is given in vain, or twice, is refused with its name."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, put_events
from tests.api.public.world import NOW

COHORT = {"id": "payers", "events": [{"name": "revenue"}]}
STEPS = [{"name": "screen_view"}, {"name": "signup"}]

REFUSED = [
    ("/insights/shop/overview?filters=[]&filters=[]", "filters: is given 2 times; expected it once"),
    ("/insights/shop/overview?range=7d&range=7d&range=30d", "range: is given 3 times; expected it once"),
    ("/insights/shop/overview?startDate=2026-02-27&start_date=2026-02-28", "startDate: is given 2 times; expected it once"),
    ("/insights/shop/profiles/ada?eventLimit=1&eventLimit=2", "eventLimit: is given 2 times; expected it once"),
    ("/export/events?limit=1&limit=2", "limit: is given 2 times; expected it once"),
    ("/export/events?projectId=shop&projectId=shelf", "projectId: is given 2 times; expected it once"),
    ("/export/charts?series=[]&series=[]", "series: is given 2 times; expected it once"),
    ("/insights/shop/overview?range=", "range: is empty; expected a value, or nothing of it"),
    ("/insights/shop/overview?filters=%20", "filters: is empty; expected a value, or nothing of it"),
    ("/insights/shop/events?profileId=", "profileId: is empty; expected a value, or nothing of it"),
    ("/insights/shop/events?sessionId=", "sessionId: is empty; expected a value, or nothing of it"),
    ("/insights/shop/events?eventNames=signup&eventNames=", "eventNames: is empty; expected a value, or nothing of it"),
    ('/insights/shop/events?eventNames=["signup",""]', "eventNames[1]: String should have at least 1 character"),
    ("/insights/shop/profiles?performedEvent=", "performedEvent: is empty; expected a value, or nothing of it"),
    ("/insights/shop/user_flow?startEvent=a&include=", "include: is empty; expected a value, or nothing of it"),
    ("/insights/shop/events/properties?eventName=", "eventName: is empty; expected a value, or nothing of it"),
    ("/export/events?profileId=", "profileId: is empty; expected a value, or nothing of it"),
    ("/export/events?event=", "event: is empty; expected a value, or nothing of it"),
    ('/export/events?event=["signup",""]', "event[1]: is empty; expected a name"),
    ("/export/charts?projectId=", "projectId: is empty; expected a value, or nothing of it"),
    ("/insights/shop/overview?previous=false&compare=year", "compare: says nothing where previous is false; expected one of them"),
    ("/live/visitors/shop?colour=red", "colour: is not known here; expected some of ticket"),
    ("/live/shop/stream?ticket=&ticket=", "ticket: is given 2 times; expected it once"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "message"), REFUSED, ids=[path for path, _ in REFUSED])
async def test_what_a_query_string_says_in_vain_is_refused(shop: Place, path: str, message: str) -> None:
    answer = await asked(shop, path)

    assert (answer.status_code, answer.json()["message"]) == (400, message)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/insights/shop/funnel", {"steps": STEPS, "range": ""}, "range: expected 30m, 1h"),
        ("/insights/shop/funnel", {"steps": STEPS, "startDate": ""}, "startDate: expected a date"),
        ("/insights/shop/funnel", {"steps": STEPS, "endDate": ""}, "endDate: expected a date"),
        ("/insights/shop/retention/cohort", {"range": ""}, "range: expected 30m, 1h"),
        ("/export/charts", {"series": STEPS[:1], "projectId": ""}, "You do not have access to this project"),
    ],
    ids=["range", "start", "end", "cohort", "project"],
)
async def test_what_a_body_says_with_nothing_is_refused(
    shop: Place, path: str, body: Json, message: str
) -> None:
    answer = await asked(shop, path, body=body)

    assert answer.status_code in (400, 403)
    assert answer.json()["message"].startswith(message)


async def test_the_empty_text_is_a_value_of_a_field(shop: Place) -> None:
    """Ada's second visit and the one of device 3 came from nowhere; a search for nothing finds everything."""
    direct = await asked(shop, "/insights/shop/sessions?referrerName=&search=")

    assert [session["id"][-1] for session in direct.json()] == ["4", "3"]


SCALAR = "expected a text, a number, true or false; isNull asks for what is not there"


@pytest.mark.parametrize(
    "value", [[None], None, [["KR"]], ["KR", {"a": 1}]], ids=["null", "bare", "list", "object"]
)
async def test_a_value_of_a_filter_is_a_text_a_number_or_yes_or_no(shop: Place, value: Json) -> None:
    asked_with = {"steps": STEPS, "filters": [{"name": "country", "value": value}]}

    answer = await asked(shop, "/insights/shop/funnel", body=asked_with)

    place = len(value) - 1 if value else 0
    assert answer.json()["message"] == f"filters[0].value[{place}]: {SCALAR}"


async def test_a_number_of_a_filter_is_written_as_properties_keep_it(shop: Place) -> None:
    """Events came with 10.0 and 2.5e-7, which are kept as JavaScript writes them."""
    project = make_project(shop, "numbers")
    kept = [{"properties": {"n": text}} for text in ("10", "2.5e-7", "10.0")]
    put_events(
        shop,
        [{"project_id": project, "name": "paid", "at": NOW - timedelta(minutes=1), **each} for each in kept],
    )

    for number, found in ((10.0, 1), (2.5e-7, 1), (10, 1), ("10.0", 1)):
        question = {
            "series": [{"name": "paid", "filters": [{"name": "properties.n", "value": [number]}]}],
            "chartType": "metric",
            "range": "7d",
        }
        answer = await asked(shop, "/export/charts", body=question, who=f"{project}/reader")
        assert answer.json()["series"][0]["metrics"]["count"] == found, number


async def test_routes_that_manage_refuse_it_too(shop: Place) -> None:
    twice = await asked(shop, "/manage/references?projectId=shop&projectId=shelf", who="shop/admin")
    unknown = await asked(shop, "/manage/projects/shop?colour=red", who="shop/admin")

    assert twice.json()["message"] == "projectId: is given 2 times; expected it once"
    assert unknown.json()["message"] == "colour: is not known here; expected none"


async def test_a_list_may_be_given_as_often_as_it_has_entries(shop: Place) -> None:
    answer = await asked(shop, "/export/events?event=signup&event=revenue&includes=properties&includes=meta")

    assert [event["name"] for event in answer.json()["data"]] == ["signup", "revenue", "signup"]


async def test_only_who_may_ask_is_told_of_parameters(shop: Place) -> None:
    answer = await asked(
        shop, "/insights/shop/overview?range=7d&range=7d", headers={"openpanel-client-secret": "x"}
    )

    assert answer.status_code == 401


def in_cohort(**changed: Any) -> Json:
    """A funnel of those in a cohort, asked for with a filter that is changed so."""
    given = {"name": "cohort", "operator": "inCohort", "cohortIds": ["payers"], **changed}
    return {"steps": STEPS, "cohorts": [COHORT], "filters": [given]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "nonsense"}, "filters[0].name: inCohort is asked of cohort"),
        ({"name": "path", "operator": "is", "value": ["/"]}, "filters[0].cohortIds[0]: cohortIds are the values of inCohort and notInCohort, not of is"),
        ({"type": "number"}, "filters[0].name: inCohort takes ids of cohorts, not values of type number"),
        ({"cohortIds": []}, "filters[0].name: inCohort needs the id of a cohort"),
    ],
    ids=["name", "stray-ids", "type", "no-ids"],
)  # fmt: skip
async def test_a_filter_of_cohorts_says_nothing_in_vain(shop: Place, changed: Json, message: str) -> None:
    answer = await asked(shop, "/insights/shop/funnel", body=in_cohort(**changed))

    assert (answer.status_code, answer.json()["message"]) == (400, message)


async def test_a_filter_of_cohorts_may_name_them_as_values_too(shop: Place) -> None:
    """Of the four visits with a page those two are Ada's, who paid; in one of them she signed up."""
    by_ids = await asked(shop, "/insights/shop/funnel", body=in_cohort())
    by_values = await asked(shop, "/insights/shop/funnel", body=in_cohort(value=["payers"], cohortIds=[]))
    by_id = await asked(shop, "/insights/shop/funnel", body=in_cohort(cohortId="payers", cohortIds=[]))

    assert by_ids.json() == by_values.json() == by_id.json()
    assert [step["users"] for step in by_ids.json()["rows"][0]["steps"]] == [2, 1]
