"""`GET /track/device-id`: which device the caller is, and whether it has a session now. Older SDKs ask it."""

from openpanel.identity.ids import NO_ID
from openpanel.stream.errors import Overloaded
from openpanel.stream.frames import Append, Run, RunMode
from openpanel.wire import answers
from openpanel.wire.refusals import MissingAddress, MissingUserAgent
from openpanel_api.ingest.asgi import Scope, Send, send_answer
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.senders import Sender
from openpanel_api.ingest.single import later


async def device_id(parts: Parts, scope: Scope, send: Send) -> None:
    """The ids as they are; nothing is opened or extended."""
    head = parts.heads.of(scope)
    sender = await parts.admission.admit(head)
    parts.admission.judge_sender(sender)
    if not sender.ip:
        raise MissingAddress
    if not head.user_agent:
        raise MissingUserAgent
    try:
        (found,) = await sender.lane.commits.append(_peek(sender, now_ms=parts.now_ms()))
    except Overloaded as overloaded:
        raise later(overloaded) from None
    if not found.started_ms:
        body = answers.known_device(sender.device, NO_ID, message=answers.NO_SESSION)
    elif found.device == sender.device:
        body = answers.known_device(found.device, found.session, message=answers.CURRENT_SESSION)
    else:
        body = answers.known_device(found.device, found.session, message=answers.PREVIOUS_SESSION)
    await send_answer(send, 200, body)


def _peek(sender: Sender, *, now_ms: int) -> Append:
    candidate = sender.candidate(sender.device, now_ms)
    run = Run(
        sender.project_id, sender.device, sender.previous, now_ms, now_ms, 0, 0, candidate, RunMode.PEEK
    )
    return Append(sender.shard_key, "", (run,), None)
