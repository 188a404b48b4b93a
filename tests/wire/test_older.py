"""Bodies of the older routes are messages of /track, with all their rules."""

import json

import pytest

from openpanel.wire.older import decode_older
from openpanel.wire.refusals import Refusal


@pytest.mark.parametrize(
    ("route", "payload", "kind"),
    [
        ("/event", {"name": "a", "timestamp": "2026-01-01", "properties": {"x": 1}}, "track"),
        ("/profile", {"profileId": "u", "firstName": "A"}, "identify"),
        ("/profile/increment", {"profileId": "u", "property": "p", "value": 1}, "increment"),
        ("/profile/decrement", {"profileId": "u", "property": "p", "value": 1}, "decrement"),
    ],
)
def test_payload_is_put_into_a_message(route: str, payload: dict[str, object], kind: str) -> None:
    message, kept = decode_older(route, json.dumps(payload).encode())

    assert json.loads(kept) == {"type": kind, "payload": payload}
    assert message.client_id is None


def test_credentials_are_found_and_the_secret_is_not_kept() -> None:
    message, kept = decode_older("/event", b'{"name":"a","clientId":"c","clientSecret":"sec_x"}')

    assert (message.client_id, message.client_secret) == ("c", "sec_x")
    assert b"sec_x" not in kept


@pytest.mark.parametrize(
    ("route", "sent", "words"),
    [
        ("/event", b'{"name":"session_start"}', "reserved"),
        ("/event", b'{"name":""}', "`$.payload.name`"),
        ("/event", b"[]", "Expected `object`"),
        ("/event", b"{", "not valid JSON"),
        ("/profile", b"{}", "profileId"),
        ("/profile/increment", b'{"profileId":"u"}', "property"),
    ],
)
def test_same_rules_hold(route: str, sent: bytes, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        decode_older(route, sent)

    assert refused.value.status == 400
    assert words in refused.value.message
