"""What becomes of the bytes of one message: accepted, or refused with this status and these words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpanel.wire import limits, refusals
from openpanel.wire.decode import decode
from openpanel.wire.messages import Track, profile_of, profiles_named
from openpanel.wire.refusals import Refusal


def body(kind: str = "track", /, **payload: Any) -> bytes:
    return json.dumps({"type": kind, "payload": payload}).encode()


def event(properties: str, *, name: str = '"signup"') -> bytes:
    """A track message whose properties are this JSON text."""
    return f'{{"type":"track","payload":{{"name":{name},"properties":{properties}}}}}'.encode()


CHUNK = {
    "chunk_index": 0,
    "events_count": 1,
    "is_full_snapshot": True,
    "started_at": "2026-01-01T00:00:00.000Z",
    "ended_at": "2026-01-01T00:00:01.000Z",
    "payload": "[]",
}

ACCEPTED = [
    pytest.param(body(name="signup"), id="least track"),
    pytest.param(
        body(name="signup", properties=None, profileId=None, groups=None), id="null means not given"
    ),
    pytest.param(body(name="signup", profileId=7, groups=["acme"]), id="profile id as number"),
    pytest.param(body(name="signup", extra={"a": 1}), id="unknown keys are ignored"),
    pytest.param(b'{"payload":{"name":"signup"},"type":"track"}', id="type behind the payload"),
    pytest.param(b'\xef\xbb\xbf{"type":"track","payload":{"name":"a"}}', id="byte order mark"),
    pytest.param(body(name="x" * 80), id="longest name"),
    pytest.param(body(name="페이지 조회"), id="name in another script"),
    pytest.param(body(name="revenue", properties={"__revenue": 0}), id="no revenue"),
    pytest.param(body(name="revenue", properties={"__revenue": 4900.0}), id="whole number written as float"),
    pytest.param(body(name="revenue", properties={"__revenue": None}), id="null revenue is none"),
    pytest.param(
        body(name="other", properties={"__revenue": "many"}), id="revenue of another event is a property"
    ),
    pytest.param(body(name="a", properties={"__deviceId": "  " + "d" * 64 + " "}), id="longest device id"),
    pytest.param(
        body(name="a", properties={"__identify": {"profileId": "u", "email": "a@b.co"}}), id="inner identify"
    ),
    pytest.param(body(name="a", properties={"__identify": None}), id="null identify"),
    pytest.param(event('{"a":' + "[" * 60 + "]" * 60 + "}"), id="nested as deep as allowed"),
    pytest.param(event('{"n":12345678901234567890123456789012345678901234567890}'), id="number of 50 digits"),
    pytest.param(event('{"s":"\\u0000"}'), id="NUL in a property"),
    pytest.param(body("identify", profileId="u1"), id="least identify"),
    pytest.param(
        body(
            "identify",
            profileId=1.5,
            firstName="A",
            lastName="B",
            email="a.b+c@x.example",
            avatar="https://x.example/a.png",
        ),
        id="whole identify",
    ),
    pytest.param(body("identify", profileId="u1", email="", avatar=""), id="empty text says nothing"),
    pytest.param(body("increment", profileId="u1", property="visits.total"), id="increment by one"),
    pytest.param(body("decrement", profileId="u1", property="credits", value=2.5), id="decrement"),
    pytest.param(body("alias", profileId="u1", alias="u2"), id="alias"),
    pytest.param(
        body("group", id="acme", type="company", name="Acme", properties={"plan": "pro"}), id="group"
    ),
    pytest.param(body("assign_group", groupIds=["acme"], profileId="u1"), id="assign group"),
    pytest.param(body("assign_group", groupIds=["acme"]), id="assign group to the device"),
    pytest.param(body("replay", **CHUNK), id="replay without session"),
    pytest.param(body("replay", **CHUNK, sessionId="s" * 64), id="replay with session"),
    pytest.param(
        body("replay", **(CHUNK | {"payload": "x" * limits.REPLAY_CHARACTERS})), id="replay of 2 MiB"
    ),
]


@pytest.mark.parametrize("sent", ACCEPTED)
def test_message_is_accepted(sent: bytes) -> None:
    decode(sent)


REFUSED = [
    pytest.param(b"", 400, "not valid JSON", id="nothing"),
    pytest.param(b"   ", 400, "not valid JSON", id="blanks"),
    pytest.param(b"{", 400, "not valid JSON", id="cut off"),
    pytest.param(
        b'{"type":"track","payload":{"name":"a"}} x', 400, "trailing characters", id="more behind it"
    ),
    pytest.param(b"[]", 400, "Expected `object`, got `array`", id="array"),
    pytest.param(b"null", 400, "Expected `object`, got `null`", id="null"),
    pytest.param(b'"track"', 400, "Expected `object`, got `str`", id="text"),
    pytest.param(b"name=signup&a=b", 400, "not valid JSON", id="form"),
    pytest.param(b'{"payload":{"name":"a"}}', 400, "missing required field `type`", id="no type"),
    pytest.param(
        b'{"type":"screen","payload":{}}', 400, "Invalid value 'screen' - at `$.type`", id="unknown type"
    ),
    pytest.param(b'{"type":1,"payload":{}}', 400, "Expected `str` - at `$.type`", id="type is a number"),
    pytest.param(b'{"type":"track"}', 400, "missing required field `payload`", id="no payload"),
    pytest.param(b'{"type":"track","payload":[]}', 400, "at `$.payload`", id="payload is an array"),
    pytest.param(body(properties={}), 400, "missing required field `name` - at `$.payload`", id="no name"),
    pytest.param(body(name=""), 400, "at `$.payload.name`", id="empty name"),
    pytest.param(body(name=1), 400, "Expected `str`, got `int` - at `$.payload.name`", id="name is a number"),
    pytest.param(
        body(name="session_start"), 400, "Event name is reserved - at `$.payload.name`", id="reserved start"
    ),
    pytest.param(body(name="session_end"), 400, "Event name is reserved", id="reserved end"),
    pytest.param(body(name="x" * 81), 400, "longer than 80 characters", id="name too long"),
    pytest.param(body(name="a\nb"), 400, "line break", id="line feed in name"),
    pytest.param(body(name="a\r"), 400, "line break", id="carriage return in name"),
    pytest.param(body(name="a\x00b"), 400, "NUL", id="NUL in name"),
    pytest.param(body(name="1 UNION SELECT pass"), 400, "looks like an attack", id="attack"),
    pytest.param(
        body(name="a", properties=[]), 400, "at `$.payload.properties`", id="properties are an array"
    ),
    pytest.param(body(name="a", profileId=""), 400, "at `$.payload.profileId`", id="empty profile id"),
    pytest.param(body(name="a", profileId=True), 400, "at `$.payload.profileId`", id="profile id is a bool"),
    pytest.param(
        body(name="a", profileId="u\x00"),
        400,
        "without NUL - at `$.payload.profileId`",
        id="NUL in profile id",
    ),
    pytest.param(body(name="a", profileId="u" * 1025), 400, "length <= 1024", id="profile id too long"),
    pytest.param(body(name="a", groups="acme"), 400, "at `$.payload.groups`", id="groups are text"),
    pytest.param(body(name="a", groups=[1]), 400, "at `$.payload.groups[0]`", id="group is a number"),
    pytest.param(
        body(name="revenue", properties={"__revenue": "100"}),
        400,
        "Expected a non-negative integer - at `$.payload.properties.__revenue`",
        id="revenue is text",
    ),
    pytest.param(
        body(name="revenue", properties={"__revenue": -1}), 400, "non-negative", id="negative revenue"
    ),
    pytest.param(
        body(name="revenue", properties={"__revenue": 9.5}), 400, "non-negative integer", id="broken revenue"
    ),
    pytest.param(
        body(name="revenue", properties={"__revenue": True}), 400, "non-negative integer", id="true revenue"
    ),
    pytest.param(
        body(name="revenue", properties={"__revenue": 2**53}), 400, "non-negative", id="huge revenue"
    ),
    pytest.param(
        event('{"\\u005f_revenue":-5}', name='"revenue"'), 400, "non-negative", id="revenue by escapes"
    ),
    pytest.param(
        body(name="a", properties={"__deviceId": "d" * 65}), 400, "length <= 64", id="device id too long"
    ),
    pytest.param(
        body(name="a", properties={"__deviceId": 5}),
        400,
        "`$.payload.properties.__deviceId`",
        id="device number",
    ),
    pytest.param(
        body(name="a", properties={"__identify": {"profileId": ""}}),
        400,
        "`$.payload.properties.__identify.profileId`",
        id="inner identify without id",
    ),
    pytest.param(
        body(name="a", properties={"__identify": {"profileId": "u", "email": "no"}}),
        400,
        "Expected an e-mail address - at `$.payload.properties.__identify.email`",
        id="inner identify with bad email",
    ),
    pytest.param(
        body(name="a", properties={"__identify": "u"}), 400, "__identify`", id="inner identify is text"
    ),
    pytest.param(body("identify"), 400, "missing required field `profileId`", id="identify nobody"),
    pytest.param(
        body("identify", profileId="u", email="a@b"),
        400,
        "e-mail address - at `$.payload.email`",
        id="bad email",
    ),
    pytest.param(
        body("identify", profileId="u", avatar="me"),
        400,
        "Expected a URL - at `$.payload.avatar`",
        id="bad avatar",
    ),
    pytest.param(
        body("identify", profileId="u", avatar="http://["), 400, "Expected a URL", id="broken avatar"
    ),
    pytest.param(body("increment", profileId="u"), 400, "`property`", id="increment nothing"),
    pytest.param(
        body("increment", profileId="u", property="p", value=0),
        400,
        "`$.payload.value`",
        id="increment by zero",
    ),
    pytest.param(
        body("increment", profileId="u", property="p", value=-1),
        400,
        "`$.payload.value`",
        id="increment down",
    ),
    pytest.param(
        body("increment", profileId="u", property="p", value="1"),
        400,
        "`$.payload.value`",
        id="increment by text",
    ),
    pytest.param(body("alias", profileId="u"), 400, "missing required field `alias`", id="alias of nothing"),
    pytest.param(body("group", id="a", type="", name="n"), 400, "`$.payload.type`", id="group without type"),
    pytest.param(body("assign_group", groupIds=[]), 400, "`$.payload.groupIds`", id="no groups"),
    pytest.param(
        body("replay", **(CHUNK | {"chunk_index": 65_536})), 400, "<= 65535", id="chunk index too big"
    ),
    pytest.param(
        body("replay", **(CHUNK | {"chunk_index": -1})), 400, "`$.payload.chunk_index`", id="negative chunk"
    ),
    pytest.param(body("replay", **(CHUNK | {"events_count": 0})), 400, ">= 1", id="chunk without events"),
    pytest.param(
        body("replay", **(CHUNK | {"is_full_snapshot": 1})),
        400,
        "is_full_snapshot",
        id="snapshot is a number",
    ),
    pytest.param(
        body("replay", **(CHUNK | {"started_at": "today"})), 400, "`$.payload.started_at`", id="no time"
    ),
    pytest.param(
        body("replay", **(CHUNK | {"ended_at": "2026-01-01T00:00:00"})),
        400,
        "ended_at",
        id="time without zone",
    ),
    pytest.param(
        body("replay", **(CHUNK | {"ended_at": "1812-01-01T00:00:00Z"})),
        400,
        "1970 and 2199",
        id="time of old",
    ),
    pytest.param(
        body("replay", **CHUNK, sessionId="s" * 65), 400, "`$.payload.sessionId`", id="session id too long"
    ),
    pytest.param(
        body("replay", **(CHUNK | {"payload": "x" * (limits.REPLAY_CHARACTERS + 1)})),
        400,
        "payload",
        id="replay too long",
    ),
    pytest.param(event('{"a":"\xff"}').replace(b"\xc3\xbf", b"\xff"), 400, "not valid UTF-8", id="no UTF-8"),
    pytest.param(event('{"a":"\x00"}'), 400, "not valid JSON", id="raw NUL"),
    pytest.param(event('{"a":NaN}'), 400, "not valid JSON", id="NaN"),
    pytest.param(event('{"a":1e999}'), 400, "out of range", id="number beyond all bounds"),
    pytest.param(event('{"a":1' + "0" * 5_000 + "}"), 400, "out of range", id="number of 5000 digits"),
    pytest.param(event('{"a":' + "[" * 62 + "]" * 62 + "}"), 400, "deeper than 64", id="nested too deep"),
    pytest.param(
        event('{"a":' + '{"b":' * 90 + "1" + "}" * 90 + "}"), 400, "deeper than 64", id="objects too deep"
    ),
    pytest.param(event('{"a":' + "[" * 100_000), 400, "deeper than 64", id="brackets without end"),
    pytest.param(
        event('{"a":"' + "x" * limits.MESSAGE_BYTES + '"}'),
        413,
        "larger than 1048576",
        id="message too large",
    ),
    pytest.param(b" " * (limits.BODY_BYTES + 1), 413, "larger than 10485760", id="body too large"),
]


@pytest.mark.parametrize(("sent", "status", "words"), REFUSED)
def test_message_is_refused(sent: bytes, status: int, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        decode(sent)

    assert refused.value.status == status
    assert words in refused.value.message


def test_lone_surrogates_are_taken_out() -> None:
    message, kept = decode(event('{"title":"cut \\ud83d","pair":"\\ud83d\\ude00","text":"\\\\ud800"}'))

    assert isinstance(message, Track)
    assert message.payload.properties == {"title": "cut ", "pair": "😀", "text": "\\ud800"}
    assert decode(kept)[0] == message


def test_body_is_kept_as_it_was_sent() -> None:
    sent = b'{ "type":"track", "payload":{"name":"a","properties":{"z":1.50}} }'

    assert decode(sent)[1] == sent


def test_secret_in_the_body_is_not_kept() -> None:
    sent = b'{"type":"track","payload":{"name":"a","properties":{"b":1.0}},"clientId":"c","clientSecret":"sec_x","messageId":"m"}'

    message, kept = decode(sent)

    assert (message.client_id, message.client_secret, message.message_id) == ("c", "sec_x", "m")
    assert kept == sent.replace(b'"clientSecret":"sec_x",', b"")


def test_profile_of_an_event_may_stand_in_its_identify() -> None:
    inside, _ = decode(body(name="a", properties={"__identify": {"profileId": 7}}))
    both, _ = decode(body(name="a", profileId="u", properties={"__identify": {"profileId": 7}}))

    assert profile_of(inside) == "7"
    assert profile_of(both) == "u"
    assert set(profiles_named(both)) == {"u", "7"}


def test_alias_names_two_profiles() -> None:
    message, _ = decode(body("alias", profileId="u", alias=2))

    assert profiles_named(message) == ("u", "2")


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_are_accepted_or_refused(sent: bytes) -> None:
    _decode(sent)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=20,
)
NAMES = (
    "name",
    "properties",
    "profileId",
    "groups",
    "property",
    "value",
    "alias",
    "id",
    "type",
    "groupIds",
    "payload",
)
RESERVED = ("__revenue", "__deviceId", "__identify", "__timestamp", "__path", "__ip")


@settings(max_examples=300)
@given(
    kind=st.sampled_from(
        ["track", "identify", "increment", "alias", "group", "assign_group", "replay", "other"]
    ),
    payload=st.dictionaries(st.sampled_from(NAMES), JSON_VALUES),
    properties=st.dictionaries(st.sampled_from(RESERVED) | st.text(max_size=10), JSON_VALUES),
)
def test_any_payload_is_accepted_or_refused(
    kind: str, payload: dict[str, Any], properties: dict[str, Any]
) -> None:
    _decode(
        json.dumps(
            {"type": kind, "payload": {"name": "revenue", "properties": properties} | payload}
        ).encode()
    )


def _decode(sent: bytes) -> None:
    kept = refusal = None
    try:
        _, kept = decode(sent)
    except Refusal as raised:
        refusal = raised
    if refusal is not None:
        assert refusal.status in (400, 413)
        assert refusal.message
    elif kept is not None:
        assert decode(kept)[1] == kept


def test_every_refusal_says_something() -> None:
    """A refusal with no text of its own must be raised with one; these are the bases and the ones with facts."""
    silent = {one.__name__ for one in _below(refusals.Refusal) if not one.text}

    assert silent == {
        "BadEncoding", "BadRequest", "Denied", "Invalid", "NotFound", "NotJson", "RowsRefused", "TooLarge", "TryLater",
        "Unauthorized", "UnsupportedMedia",
    }  # fmt: skip


def _below(kind: type[Refusal]) -> set[type[Refusal]]:
    found = {one for one in kind.__subclasses__() if one.__module__.startswith("openpanel.wire")}
    return found.union(*(_below(one) for one in found)) if found else set()
