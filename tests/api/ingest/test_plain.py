"""Which bytes are one plain call, and by what they are known again."""

import pytest

from openpanel_api.ingest.plain import whole_call

START = b"POST /track HTTP/1.1\r\n"
CALL = START + b"host: a\r\ncontent-length: 2\r\norigin: b\r\n\r\n{}"
PEER = b"203.0.113.9"


def key_of(data: bytes, peer: bytes = PEER) -> bytes:
    call = whole_call(data, peer=peer)
    assert call is not None
    return call[0]


@pytest.mark.parametrize("route", [b"/track", b"/track/batch"])
def test_call_in_one_piece_is_head_and_body(route: bytes) -> None:
    call = whole_call(CALL.replace(b"/track", route), peer=PEER)

    assert call is not None
    assert call[1] == b"{}"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(CALL[:-1], id="body too short"),
        pytest.param(CALL + b" ", id="more than the body"),
        pytest.param(CALL + CALL, id="two calls"),
        pytest.param(b"\r\n" + CALL, id="a blank line first"),
        pytest.param(START + b"content-length: 2\r\n", id="head without end"),
        pytest.param(START + b"content-length: 2\r\nhost: a\r\n\r", id="head with half an end"),
        pytest.param(START + b"host: a\r\n\r\n", id="no length"),
        pytest.param(START + b"host: a\r\n\r\n\r\ncontent-length: 20\r\n\r\n", id="length in the body"),
        pytest.param(CALL.replace(b": 2", b": +2"), id="signed length"),
        pytest.param(CALL.replace(b": 2", b": 0x2"), id="hexadecimal length"),
        pytest.param(CALL.replace(b": 2", b":  2"), id="length with blanks"),
        pytest.param(CALL.replace(b": 2", b": \xb2"), id="another digit"),
        pytest.param(CALL.replace(b": 2", b": 00000002"), id="very long length"),
        pytest.param(CALL.replace(b": 2", b": "), id="empty length"),
        pytest.param(CALL.replace(b"/track", b"/track/device-id"), id="another route"),
        pytest.param(CALL.replace(b"/track", b"/track?x=1"), id="a query"),
        pytest.param(CALL.replace(b"POST", b"GET"), id="another method"),
        pytest.param(CALL.replace(b"HTTP/1.1", b"HTTP/1.0"), id="an older protocol"),
    ],
)
def test_anything_else_is_no_whole_call(data: bytes) -> None:
    assert whole_call(data, peer=PEER) is None


def test_key_does_not_depend_on_the_body() -> None:
    assert key_of(CALL) == key_of(CALL.replace(b": 2", b": 10").replace(b"{}", b'{"a":"bc"}'))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(CALL.replace(b"/track", b"/track/batch"), id="another route"),
        pytest.param(CALL.replace(b"host: a", b"host: A"), id="another value"),
        pytest.param(CALL.replace(b"host: a\r\n", b"host: a\r\ndnt: 1\r\n"), id="one more header"),
        pytest.param(CALL.replace(b"content-length", b"Content-Length"), id="another spelling"),
        pytest.param(
            START + b"content-length: 2\r\nhost: a\r\norigin: b\r\n\r\n{}", id="the length somewhere else"
        ),
        pytest.param(CALL.replace(b"origin: b", b"content-length: 2\r\norigin: b"), id="a second length"),
        pytest.param(CALL.replace(b"origin: b", b" 2\r\norigin: b"), id="a folded line behind the length"),
    ],
)
def test_key_depends_on_all_of_the_head(other: bytes) -> None:
    assert key_of(CALL) != key_of(other)


def test_key_depends_on_who_sent_it() -> None:
    ends_in_1 = CALL.replace(b"origin: b", b"origin: 1")

    assert key_of(CALL) != key_of(CALL, peer=b"203.0.113.8")
    assert key_of(CALL.replace(b"origin: b", b"origin: "), peer=b"11.2.3.4") != key_of(
        ends_in_1, peer=b"1.2.3.4"
    )
