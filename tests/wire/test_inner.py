"""A person described inside an event, taken out as a message of its own."""

import json

import pytest

from openpanel.wire.decode import decode
from openpanel.wire.inner import split_identify
from openpanel.wire.messages import Identify, Track

DESCRIBED = {"profileId": 7, "firstName": "Zoë", "properties": {"plan": "pro", "n": 1.50}}


def an_event(**payload: object) -> bytes:
    properties = {"__path": "/a", "__identify": DESCRIBED, "deep": {"a": [1]}}
    return json.dumps(
        {"type": "track", "payload": {"name": "signup", "properties": properties} | payload}
    ).encode()


def test_both_halves_are_messages_that_are_accepted() -> None:
    event, described = (decode(half)[0] for half in split_identify(an_event()))

    assert isinstance(event, Track)
    assert event.payload.properties == {"__path": "/a", "deep": {"a": [1]}}
    assert isinstance(described, Identify)
    assert (described.payload.profile_id, described.payload.first_name) == (7, "Zoë")
    assert described.payload.properties == DESCRIBED["properties"]


@pytest.mark.parametrize(
    ("payload", "profile"),
    [({}, 7), ({"profileId": None}, 7), ({"profileId": "someone else"}, "someone else")],
)
def test_event_keeps_the_person_it_belongs_to(payload: dict[str, object], profile: object) -> None:
    event, _ = split_identify(an_event(**payload))

    assert json.loads(event)["payload"]["profileId"] == profile


def test_what_stands_beside_the_payload_stays() -> None:
    body = json.loads(an_event()) | {"messageId": "m1", "other": [1]}

    event, _ = split_identify(json.dumps(body).encode())

    assert json.loads(event) == body | {
        "payload": {"name": "signup", "properties": {"__path": "/a", "deep": {"a": [1]}}, "profileId": 7}
    }


def test_key_may_be_written_with_escapes() -> None:
    event, described = split_identify(an_event().replace(b'"__identify"', b'"\\u005f_identify"'))

    assert b"identify" not in event
    assert json.loads(described)["payload"] == DESCRIBED
