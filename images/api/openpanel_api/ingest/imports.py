"""`POST /import/events`: rows of the past for a read or root client with its secret.

All rows or none: 200 `OK`, or 400 with every refused row (up to a hundred) and why, and nothing imported. So a caller
can repair the rows and send the same body again. With an `Idempotency-Key` a repeated call imports nothing twice.
"""

from openpanel.identity.ids import NO_ID, foreign_device, from_hex
from openpanel.stream.errors import Overloaded
from openpanel.stream.frames import Append, Item, Kind
from openpanel.wire.rows import Row, created_ms, decode_rows
from openpanel_api.ingest.asgi import TEXT, Receive, Scope, Send, send_answer
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.placing import NO_RUN, envelope_of, message_key
from openpanel_api.ingest.senders import Sender
from openpanel_api.ingest.single import head_of, later, limit_rate


async def import_events(parts: Parts, scope: Scope, receive: Receive, send: Send) -> None:
    """Keep the rows for the worker, which writes them without opening sessions."""
    head = head_of(parts, scope)
    body = await parts.bodies.read(receive, encoding=head.encoding)
    sender = await parts.admission.importer(head)  # first: to read ten megabytes takes seconds of everybody's
    now_ms = parts.now_ms()
    rows, body = decode_rows(body, now_ms=now_ms)
    limit_rate(sender, len(rows), now_ms)
    if rows:
        try:
            await sender.lane.commits.append(_append(rows, sender=sender, body=body, now_ms=now_ms))
        except Overloaded as overloaded:
            raise later(overloaded) from None
        parts.counts.accepted[Kind.IMPORT] += len(rows)
    await send_answer(send, 200, b"OK", (TEXT,))


def _append(rows: list[Row], *, sender: Sender, body: bytes, now_ms: int) -> Append:
    items = [_item(row, index=index, project=sender.project_id) for index, row in enumerate(rows)]
    envelope = envelope_of(sender, ip=sender.ip, body=body, items=items, now_ms=now_ms)
    name = sender.head.idempotency_key
    keys = (
        tuple(message_key(sender.project_id, f"{name}#{index}") for index in range(len(rows))) if name else ()
    )
    # One stream for all calls of a project, wherever they come from: its worker knows which sessions began before.
    return Append(f"{sender.project_id}|import", "", (), envelope, keys)


def _item(row: Row, *, index: int, project: str) -> Item:
    """A row's device is the one it names; of a row with nothing but a profile it is none."""
    ref = row.device_id or ""
    device = foreign_device(project, ref) if ref else NO_ID
    return Item(Kind.IMPORT, index, created_ms(row), 0, NO_RUN, device, "" if from_hex(ref) else ref)
