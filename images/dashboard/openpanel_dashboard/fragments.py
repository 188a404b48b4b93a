"""Panels: asked in a thread, given up when nobody waits any more, kept for a moment, failing alone.

A kept fragment is given only while it would come out the same: nothing was counted since, and for ranges that
run the moment is the same, in steps of ten seconds. People who turn out to be one change numbers without a new
event, so nothing is given for more than a minute; after that only while the store is away, and then it says so.

A panel that shows nothing yet may take an answer that is older than what was counted, at most ten minutes, rather
than wait (`Cache-Control: max-stale`). It says of when it is, and the browser asks again at once for the right one.
"""

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from threading import Event, Lock
from typing import Final, TypeVar

import structlog
from fastapi import Request
from starlette.responses import HTMLResponse, Response

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.flights import Caller, HungUp
from openpanel.analytics.limits import TIME, TooMuch
from openpanel.analytics.periods import BadRange
from openpanel.warehouse import WarehouseError
from openpanel_dashboard.components import Notice
from openpanel_dashboard.languages import Say
from openpanel_dashboard.questions import BusyError, Questions

MOST_KEPT: Final = 512  # fragments
KEPT_FOR: Final = timedelta(minutes=1)
STALE_WARNS_AFTER: Final = timedelta(minutes=5)
STALEST: Final = timedelta(minutes=10)  # that a panel may show until the right one is there
RUNNING_STEP_S: Final = 10
CLIENT_GONE: Final = 499  # nobody reads it; for the log

log = structlog.get_logger(__name__)
T = TypeVar("T")


class ClientGoneError(Exception):
    """Whoever asked has left, and the query was stopped."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which fragment: of what project, by the days of what time zone, at what address, in what language."""

    project: str
    timezone: str
    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Version:
    """What the numbers of a fragment depend on."""

    counted: int  # events of the project
    step: int  # of the clock; 0 for ranges that are over


@dataclass(frozen=True, slots=True)
class Kept:
    """A fragment as it was made."""

    html: str
    version: Version
    made: datetime


class FragmentCache:
    """The newest fragment of each place in this process; the least used ones are dropped first."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[Place, Kept] = OrderedDict()

    def get(self, place: Place, version: Version) -> str | None:
        """The fragment, when it would come out the same now."""
        kept = self.last(place)
        fresh = kept is not None and kept.version == version and self._clock() - kept.made <= KEPT_FOR
        return kept.html if kept is not None and fresh else None

    def last(self, place: Place) -> Kept | None:
        """The newest fragment there was, however old."""
        with self._lock:
            kept = self._kept.get(place)
            if kept is not None:
                self._kept.move_to_end(place)
            return kept

    def put(self, place: Place, version: Version, html: str) -> None:
        """Keep a fragment instead of the one before."""
        with self._lock:
            self._kept[place] = Kept(html, version, self._clock())
            self._kept.move_to_end(place)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


def answered(request: Request, html: str) -> Response:
    """The fragment; only the news that it is still the same when the browser has just that."""
    tag = f'"{blake2b(html.encode(), digest_size=12).hexdigest()}"'
    # Compression makes other bytes of the same fragment, so the comparison is the weak one.
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    headers = {"ETag": f"W/{tag}"}
    return Response(status_code=304, headers=headers) if tag in known else HTMLResponse(html, headers=headers)


def stale_for(request: Request) -> timedelta:
    """How much older than the data an answer may be, in the words of RFC 9111."""
    for part in request.headers.get("cache-control", "").split(","):
        name, _, seconds = part.strip().lower().partition("=")
        if name == "max-stale" and re.fullmatch("[0-9]{1,9}", seconds):
            return min(timedelta(seconds=int(seconds)), STALEST)
    return timedelta(0)


async def while_asked(request: Request, questions: Questions, work: Callable[[Caller], T]) -> T:
    """What `work` returns; it is given somebody to ask for, who hangs up when the client leaves. Raises `BusyError`."""
    caller, has_left = Caller(), Event()

    def begin() -> T:
        if has_left.is_set():  # while it waited for its place
            raise HungUp
        return work(caller)

    working = asyncio.create_task(questions.ask(begin), name="panel")
    leaving = asyncio.create_task(_left(request), name="panel-client")
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        has_left.set()
        await questions.stop(caller.hang_up)
        await asyncio.wait({working})
        working.exception()  # looked at, so that it is not reported as lost
        raise ClientGoneError
    finally:
        leaving.cancel()


def failure(error: Exception, say: Say) -> tuple[Notice, int]:
    """What a panel says when its question could not be answered, and the status of that answer."""
    if isinstance(error, BadFilter):
        return Notice(state="filtered", text=say("This panel cannot use a filter."), detail=str(error)), 200
    if isinstance(error, BadRange):
        return Notice(
            state="filtered", text=say("This panel cannot show this range."), detail=str(error)
        ), 200
    if isinstance(error, TooMuch):
        return _too_much(error, say), 503
    if isinstance(error, BusyError):
        log.warning("a panel was not asked for", error=str(error))
        return Notice(
            state="error", text=say("Too much is being counted right now. Try again in a moment.")
        ), 503
    number = secrets.token_hex(4)
    log.warning("a panel failed", id=number, error=str(error), kind=type(error).__name__)
    detail = say("Error %(id)s", id=number)
    if isinstance(error, WarehouseError):
        return Notice(
            state="error", text=say("The numbers cannot be read at the moment."), detail=detail
        ), 503
    return Notice(state="error", text=say("Something went wrong."), detail=detail), 500


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _too_much(error: TooMuch, say: Say) -> Notice:
    """What to narrow, in the words of the limit."""
    text = (
        say("Counting this took too long. A shorter range may help.")
        if error.limit is TIME
        else say("This is too much to count at once. A shorter range or a filter may help.")
    )
    return Notice(state="error", text=text, detail=error.advice, stays=True)
