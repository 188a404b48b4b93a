"""A batch: every message for itself, the bytes whole, bombs small."""

import json
import tracemalloc
from typing import Any

import pytest

from openpanel.wire import limits
from openpanel.wire.batch import Batch, decode_batch, split
from openpanel.wire.messages import Track
from openpanel.wire.refusals import Refusal

GOOD = {"type": "track", "payload": {"name": "a"}}
BAD = {"type": "track", "payload": {"name": ""}}


def codes(batch: Batch) -> list[str]:
    told = dict.fromkeys((place for place, _ in batch.good), "ok")
    told |= {place: refusal.code for place, refusal in batch.refused.items()}
    return [told[place] for place in range(batch.size)]


@pytest.mark.parametrize("key", ["messages", "events"])
def test_messages_may_be_wrapped(key: str) -> None:
    batch = decode_batch(json.dumps({key: [GOOD], "clientId": "c", "clientSecret": "s"}).encode())

    assert codes(batch) == ["ok"]
    assert json.loads(batch.body) == [GOOD]
    assert (batch.client_id, batch.client_secret) == ("c", "s")


def test_plain_array_is_kept_as_it_was_sent() -> None:
    sent = b' [ {"type":"track","payload":{"name":"a"}} ] '

    assert decode_batch(sent).body == sent


def test_good_messages_survive_bad_ones() -> None:
    batch = decode_batch(json.dumps([GOOD, BAD, 7, {"type": "nope", "payload": {}}, GOOD]).encode())

    assert codes(batch) == ["ok", "invalid", "invalid", "invalid", "ok"]


def test_rules_hold_inside_of_batches() -> None:
    batch = decode_batch(json.dumps([GOOD, {"type": "track", "payload": {"name": "session_end"}}]).encode())

    assert codes(batch) == ["ok", "invalid"]


def test_message_id_is_read() -> None:
    ((_, message),) = decode_batch(json.dumps([GOOD | {"messageId": "m1"}]).encode()).good

    assert isinstance(message, Track)
    assert message.message_id == "m1"


def test_lone_surrogate_spoils_no_batch() -> None:
    batch = decode_batch(b'[{"type":"track","payload":{"name":"a","properties":{"t":"x\\ud83d"}}}]')

    ((_, message),) = batch.good
    assert isinstance(message, Track)
    assert message.payload.properties == {"t": "x"}


def test_empty_batch_is_fine() -> None:
    assert decode_batch(b"[]").size == 0


def test_full_batch_is_fine() -> None:
    assert len(decode_batch(json.dumps([GOOD] * limits.BATCH_MESSAGES).encode()).good) == 1_000


def large(size: int) -> dict[str, Any]:
    return {"type": "track", "payload": {"name": "a", "properties": {"x": "y" * size}}}


def test_message_that_is_too_large_is_refused_alone() -> None:
    batch = decode_batch(json.dumps([GOOD, large(limits.MESSAGE_BYTES), GOOD]).encode())

    assert codes(batch) == ["ok", "message_too_large", "ok"]


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        pytest.param(json.dumps([GOOD] * 1_001).encode(), 413, "more than 1000 messages", id="one too many"),
        pytest.param(
            json.dumps([GOOD] * 1_001 + [BAD]).encode(), 413, "more than 1000", id="too many, one bad"
        ),
        pytest.param(
            json.dumps([large(1_500)] * 1_001).encode(), 413, "more than 1000", id="too many, large"
        ),
        pytest.param(b"[" + b" " * limits.BODY_BYTES + b"]", 413, "larger than", id="too large"),
        pytest.param(b"[", 400, "not valid JSON", id="cut off"),
        pytest.param(b"", 400, "not valid JSON", id="nothing"),
        pytest.param(b"7", 400, "Expected `array`", id="number"),
        pytest.param(b"{}", 400, "missing required field `messages`", id="object without messages"),
        pytest.param(b'{"messages":7}', 400, "Expected `array`", id="messages are a number"),
        pytest.param(b'["\xff"]', 400, "not valid UTF-8", id="no UTF-8"),
        pytest.param(b"[" * 50_000, 400, "deeper than 64", id="brackets without end"),
    ],
)
def test_batch_is_refused_as_a_whole(sent: bytes, status: int, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        decode_batch(sent)

    assert refused.value.status == status
    assert words in refused.value.message


def test_array_of_millions_costs_no_memory() -> None:
    sent = b"[" + b"0," * 4_000_000 + b"0]"

    tracemalloc.start()
    with pytest.raises(Refusal, match="more than 1000"):
        decode_batch(sent)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20_000_000


def test_parts_are_the_bytes_that_were_sent() -> None:
    assert split(b'[ {"a": 1.0} , {"b":"\xc3\xa9"} ]') == [b'{"a": 1.0}', b'{"b":"\xc3\xa9"}']
