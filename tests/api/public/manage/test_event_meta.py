"""How events of a name are shown: set, read and taken back; what a manifest says stays."""

import pytest

from openpanel.metadata import EventMeta, event_meta
from tests.api.public.manage.conftest import Asking


@pytest.mark.parametrize("name", ["checkout", "sign up", "cart/add", "결제 💳", 'it\'s "so"', "50%25"])
async def test_a_description_is_read_as_it_was_set(ask: Asking, name: str) -> None:
    project = (await ask.project())["id"]
    path = f"/projects/{project}/events/{name}"

    set_to = await ask.data("PUT", path, {"conversion": True, "icon": "shopping-cart", "color": "#00aa00"})
    listed = await ask.data("GET", f"/projects/{project}/events")

    assert listed == [set_to]
    assert (set_to["conversion"], set_to["icon"], set_to["color"], set_to["managed"]) == (
        True, "shopping-cart", "#00aa00", False,
    )  # fmt: skip
    assert set_to["name"] == name.replace("%25", "%")


async def test_what_is_left_out_is_taken_back(ask: Asking) -> None:
    project = (await ask.project())["id"]
    await ask.data("PUT", f"/projects/{project}/events/paid", {"conversion": True, "icon": "coin"})

    said = await ask.data("PUT", f"/projects/{project}/events/paid", {"icon": "coin"})
    gone = await ask("DELETE", f"/projects/{project}/events/paid")

    assert (said["conversion"], said["icon"]) == (False, "coin")
    assert gone.json() == {"success": True}
    assert await ask.data("GET", f"/projects/{project}/events") == []
    assert (await ask("DELETE", f"/projects/{project}/events/paid")).status_code == 404


async def test_a_manifest_keeps_the_events_it_names_and_no_others(ask: Asking) -> None:
    refused = [
        await ask("PUT", "/projects/described/events/paid", {"conversion": False}),
        await ask("DELETE", "/projects/described/events/paid"),
    ]
    other = await ask.data("PUT", "/projects/described/events/mine", {"icon": "star"})

    assert [answer.status_code for answer in refused] == [409, 409]
    assert other["managed"] is False
    listed = {each["name"]: each for each in await ask.data("GET", "/projects/described/events")}
    assert (listed["paid"]["managed"], listed["paid"]["conversion"]) == (True, True)


async def test_more_names_than_questions_take_are_refused_and_nothing_of_the_others_changes(
    ask: Asking,
) -> None:
    project = (await ask.project())["id"]
    for number in range(event_meta.MAX_OF_PEOPLE):
        event_meta.put(ask.place.database, project=project, event=EventMeta(f"event {number}"))

    one_more = await ask("PUT", f"/projects/{project}/events/paid", {"conversion": True})
    known = await ask("PUT", f"/projects/{project}/events/event 7", {"conversion": True})
    await ask("DELETE", f"/projects/{project}/events/event 8")
    in_its_place = await ask("PUT", f"/projects/{project}/events/paid", {"conversion": True})

    assert one_more.status_code == 409
    assert one_more.json()["message"] == (
        "500 event names are described already, as many as may be: forget one of them first"
    )
    assert [known.status_code, in_its_place.status_code] == [200, 200]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"color": "green"}, "color: "),
        ({"icon": "Not An Icon"}, "icon: "),
        ({"conversion": "maybe"}, "conversion: "),
        ({"name": "other"}, "name: "),
    ],
)
async def test_wrong_values_are_refused_with_their_path(
    ask: Asking, body: dict[str, object], message: str
) -> None:
    answer = await ask("PUT", "/projects/described/events/x", body)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
