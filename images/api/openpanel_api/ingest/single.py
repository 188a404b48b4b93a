"""A call with one message: `/track` and the older routes. What `plain` does for most calls of `/track`, for all.

One await for the body, which is there already in most cases, and one for the group commit; everything else is
looked up or computed on the spot.
"""

from typing import NamedTuple

from openpanel.stream.errors import Overloaded
from openpanel.stream.frames import Flag
from openpanel.wire import answers, reserved
from openpanel.wire.decode import decode
from openpanel.wire.messages import Message, Track, profile_of
from openpanel.wire.older import decode_older
from openpanel.wire.refusals import RateLimited, TryLater
from openpanel_api.ingest.asgi import TEXT, Receive, Scope, Send, send_answer
from openpanel_api.ingest.describing import Describing, tell_first
from openpanel_api.ingest.heads import Head
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.placing import WHOLE_BODY, Place, append_bots, append_single, place
from openpanel_api.ingest.senders import Sender


class Accepted(NamedTuple):
    """What a client is answered: its device (as it named it itself, if it did) and the session."""

    device: int
    device_ref: str
    session: int


async def track(parts: Parts, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /track`: 200 with both ids, whatever the type of the message."""
    head = head_of(parts, scope)
    message, body = decode(await parts.bodies.read(receive, encoding=head.encoding))
    now_ms = parts.now_ms()
    sender = known_sender(head, now_ms, message.client_secret)
    if sender is None:
        sender = await parts.admission.admit(head, client_id=message.client_id, secret=message.client_secret)
    parts.admission.judge(sender, message)
    if sender.bot is not None:
        await _answer_bot(parts, sender, message, body, send)
        return
    accepted = await take(parts, sender, message, body, now_ms=now_ms)
    if accepted.device_ref:
        await send_answer(send, 200, answers.accepted_as(accepted.device_ref, accepted.session))
    else:
        await parts.send_accepted(send, answers.accepted(accepted.device, accepted.session))


async def older(parts: Parts, scope: Scope, receive: Receive, send: Send, *, route: str) -> None:
    """The older routes: 202 with text, the profile's id or `ok`."""
    head = head_of(parts, scope)
    message, body = decode_older(route, await parts.bodies.read(receive, encoding=head.encoding))
    sender = await parts.admission.admit(head, client_id=message.client_id, secret=message.client_secret)
    parts.admission.judge(sender, message)
    if sender.bot is not None:
        await _answer_bot(parts, sender, message, body, send)
        return
    await take(parts, sender, message, body, now_ms=parts.now_ms())
    text = "ok" if type(message) is Track else profile_of(message)
    await send_answer(send, 202, text.encode(), (TEXT,))


def head_of(parts: Parts, scope: Scope) -> Head:
    """The head of a call that has a body."""
    head = parts.heads.of(scope)
    if head.refusal is not None:
        raise head.refusal
    return head


def known_sender(head: Head, now_ms: int, secret: str | None) -> Sender | None:
    """Who sends, as it was found before; None when that is too old or the body brings credentials."""
    sender = head.sender
    if sender is None or sender.entry.stale or now_ms >= sender.until_ms:
        return None
    return None if secret is not None and not head.secret else sender


async def take(parts: Parts, sender: Sender, message: Message, body: bytes, *, now_ms: int) -> Accepted:
    """Put a message that was let in into the stream."""
    limit_rate(sender, 1, now_ms)
    placed = place(message, sender=sender, now_ms=now_ms)
    if sender.dropped:
        parts.counts.dropped += 1
        return answer_of(placed, sender, device=placed.device, session=0, now_ms=now_ms)
    key = sender.head.idempotency_key or message.message_id or ""
    if placed.describes and sender.lane.pool.shards > 1:
        body = await _described(placed, sender, body, key=key, now_ms=now_ms)
    append = append_single(placed, sender=sender, body=body, now_ms=now_ms, key=key)
    try:
        resolved = await sender.lane.commits.append(append)
    except Overloaded as overloaded:
        raise later(overloaded) from None
    counts = parts.counts
    counts.accepted[placed.kind] += 1
    counts.bytes += len(body)
    if resolved:
        run = resolved[0]
        return answer_of(placed, sender, device=run.device, session=run.session, now_ms=now_ms)
    return answer_of(placed, sender, device=0, session=0, now_ms=now_ms)


async def _described(placed: Place, sender: Sender, body: bytes, *, key: str, now_ms: int) -> bytes:
    """Tell what the event says about a person; gives the event without it."""
    one = Describing(WHOLE_BODY, placed, body, key)
    told = await tell_first([one], sender=sender, now_ms=now_ms)
    if one.position in told.late:
        raise later(told.late[one.position])
    return told.bodies[one.position]


def answer_of(place: Place, sender: Sender, *, device: int, session: int, now_ms: int) -> Accepted:
    """The ids to answer. SDKs keep what they are answered, so there always are some, also where none were stored."""
    if not session and place.flags & Flag.LATE and not place.answered_ref:
        device = sender.devices_at(place.ip)[0]  # whatever day it was done on: what follows is done today
    device = device or place.device or sender.device
    return Accepted(device, place.answered_ref, session or sender.candidate(device, now_ms))


def limit_rate(sender: Sender, messages: int, now_ms: int) -> None:
    bucket = sender.entry.bucket
    if not bucket.take(messages, now_ms):
        raise RateLimited(retry_after_s=bucket.wait_s(messages))
    if sender.lane.quotas is not None:
        sender.lane.quotas.check(sender.project, pool=sender.lane.pool, now_ms=now_ms)


def is_page_view(message: Message) -> bool:
    """What is kept of a bot's messages: events that name a page."""
    if type(message) is not Track or not message.payload.properties:
        return False
    return bool(reserved.path_of(message.payload.properties))


def later(overloaded: Overloaded) -> TryLater:
    """The refusal for a stream that takes nothing more."""
    return TryLater(str(overloaded), retry_after_s=overloaded.retry_after_s)


async def _answer_bot(parts: Parts, sender: Sender, message: Message, body: bytes, send: Send) -> None:
    now_ms = parts.now_ms()
    limit_rate(sender, 1, now_ms)
    parts.counts.bots += 1
    if is_page_view(message) and not sender.dropped:
        append = append_bots(sender, indexes=[WHOLE_BODY], body=body, now_ms=now_ms)
        try:
            await sender.lane.commits.append(append)
        except Overloaded as overloaded:
            raise later(overloaded) from None
    assert sender.bot is not None
    await send_answer(send, 202, answers.bot(*sender.bot))
