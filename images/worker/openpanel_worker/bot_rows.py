"""Rows of `bots`: visits of declared programs, kept apart from people's."""

from openpanel.enrich.page import parse as parse_page
from openpanel.enrich.properties import text_of
from openpanel.enrich.text import storable
from openpanel.stream.drain import Message
from openpanel.warehouse.native import string_fragment
from openpanel.wire.messages import TrackPayload
from openpanel_worker.batch import Row


def bot_row(message: Message, payload: TrackPayload) -> Row:
    """The row of one visit; the API has put the bot's name and type where a device's name stands."""
    name, _, kind = message.item.device_ref.partition("|")
    page = parse_page(text_of(payload.properties or {}, "__path", "path"))
    return (
        message.envelope.project,
        message.item.at_ms,
        storable(name),
        storable(kind),
        string_fragment(page.path),
        message.event_id,
    )
