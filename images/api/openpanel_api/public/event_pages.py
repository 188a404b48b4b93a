"""All events of a selection, page after page, in constant memory; each page's query is stopped when the client leaves.

first page ─► answered as an error, if it fails
further pages ─► the stream breaks off, if one fails: a client never takes a part for the whole
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from fastapi import Request

from openpanel.analytics.asking import ask
from openpanel.analytics.event_exports import ExportedEvents, ExportedPage
from openpanel.analytics.event_rows import Event
from openpanel.analytics.events import Selection
from openpanel.analytics.limits import Priority
from openpanel.warehouse import WarehouseError
from openpanel_api.public.asking import answered, answered_within
from openpanel_api.public.services import Services

PAGE: Final = 5_000  # events that are held at once


class BrokenOff(RuntimeError):
    """What was begun cannot be ended; the server closes the connection, so that the client sees it."""


class Writer(Protocol):
    """Makes a file of events, piece by piece."""

    def head(self) -> bytes:
        """What comes first."""
        ...

    def rows(self, events: Sequence[Event]) -> bytes:
        """More events."""
        ...

    def tail(self) -> bytes:
        """What comes last."""
        ...


def first_question(selection: Selection, *, limit: int | None) -> ExportedEvents:
    """What is asked first."""
    return ExportedEvents(selection, PAGE if limit is None else min(PAGE, limit))


async def first_page(request: Request, services: Services, question: ExportedEvents) -> ExportedPage:
    """The first events. Raises what asking raises, and `Disconnected` when the client leaves."""
    return await answered(request, services, partial(_page, services, question))


async def written(
    services: Services, selection: Selection, first: ExportedPage, *, limit: int | None, writer: Writer
) -> AsyncIterator[bytes]:
    """The file with these events and all that follow them, `limit` at most."""
    yield writer.head()
    async for events in _following(services, selection, first, limit):
        yield await services.asking(partial(writer.rows, events))
    yield writer.tail()


async def _following(
    services: Services, selection: Selection, first: ExportedPage, limit: int | None
) -> AsyncIterator[tuple[Event, ...]]:
    page, left = first, limit
    question = ExportedEvents(selection, PAGE)
    while True:
        yield page.events
        left = None if left is None else left - len(page.events)
        if page.following is None or left == 0:
            return
        rows = PAGE if left is None else min(PAGE, left)
        try:
            following = replace(question, after=page.following, limit=rows)
            page = await answered_within(services, partial(_page, services, following))
        except WarehouseError as error:
            raise BrokenOff("a page of the file could not be read") from error


def _page(services: Services, question: ExportedEvents, comment: str) -> ExportedPage:
    return ask(services.warehouse, question, log_comment=comment, priority=Priority.EXPORT)
