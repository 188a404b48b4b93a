"""Rows of the `events` table: what visitors did, and the start and end of their sessions.

A session's rows share referrer, campaign, place and device of its first event. Exactly one event stands behind a
session's start (its `starter`), so that a repeated block makes the same rows again. Knows no table but this one.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from openpanel.enrich.filters import dropped
from openpanel.enrich.page import Page
from openpanel.enrich.properties import text_of
from openpanel.identity.ids import NO_ID, hash64, person_of_profile, to_hex
from openpanel.stream.drain import EndedSession, Message
from openpanel.stream.frames import Flag
from openpanel.wire.messages import TrackPayload, profile_text
from openpanel_worker.batch import Row, Rows
from openpanel_worker.days import QUARTER_MS
from openpanel_worker.event_fields import field_of
from openpanel_worker.fragments import EMPTY, Fragments
from openpanel_worker.layout import EVENT_ROW
from openpanel_worker.pages import PageColumns, Pages
from openpanel_worker.projects import Project
from openpanel_worker.property_columns import PropertyColumns
from openpanel_worker.signals import NONE
from openpanel_worker.surroundings import Surroundings
from openpanel_worker.tallies import Tallies, Tally
from openpanel_worker.visits import LOST, NOBODY, UNKNOWN, Shared, Visit, Visits

SESSION_START: Final = "session_start"
SESSION_END: Final = "session_end"
SCREEN_VIEW: Final = "screen_view"
REVENUE: Final = "revenue"
START_BEFORE_MS: Final = 100
END_AFTER_MS: Final = 1_000
BOUNCE_VIEWS: Final = 1  # a session with no more views of pages is a bounce
MAX_AMOUNT: Final = 2**63 - 1

_DAY, _NAME, _CREATED, _EVENT_ID, _PATH, _REVENUE_AT = (
    EVENT_ROW.index(name) for name in ("day", "name", "created_at", "event_id", "path", "revenue")
)

SERVER: Final = int(Flag.SERVER)
LATE: Final = int(Flag.LATE)

_NO_PROPERTIES: Final[Mapping[str, Any]] = {}
NO_COLUMNS: Final = NONE

person_of = lru_cache(maxsize=50_000)(person_of_profile)


class EventRows:
    """Makes rows of events. Not shared between threads."""

    def __init__(
        self, *, surroundings: Surroundings, visits: Visits, tallies: Tallies, fragments: Fragments
    ) -> None:
        self._surroundings = surroundings
        self._visits = visits
        self._tallies = tallies
        self._fragments = fragments
        self._pages = Pages(fragments)
        self._properties = PropertyColumns(fragments)
        self._bounced = {
            True: (("__bounce",), (fragments["true"],)),
            False: (("__bounce",), (fragments["false"],)),
        }

    def track(
        self, message: Message, payload: TrackPayload, project: Project, *, profile: str, rows: Rows
    ) -> None:
        """Add the row of an event, and before it the start of the session that it opens."""
        properties = payload.properties or _NO_PROPERTIES
        address = properties.get("__path")
        if type(address) is not str:
            address = text_of(properties, "__path", "path")
        page = self._pages[address]
        shared = self._visits.get(message.session) if message.session else None
        opening = None
        if shared is None or shared.starter == NOBODY:
            opening = self._opening(message, properties, project, page.page, known=shared)
            shared = self._visits.shared(opening)
        row = self._row(message, payload, project, profile=profile, page=page, shared=shared)
        if project.filters:
            if dropped(project.filters, event=payload.name, field=field_of(row)):
                self._tallies.leave_out(message)
                self.skip(message)
                return
            is_view = payload.name == SCREEN_VIEW and row[_PATH] is not EMPTY
            self._tallies.keep(message, is_view=is_view, path=page.page.path, profile=profile)
        if opening is not None and self._may_open(message, opening):
            self._visits.open(message.session, opening, shared)
        if shared.starter == message.event_id and message.session:
            rows.add(_start_of(row, message.event_id, project), message)
        if page.path is not EMPTY:
            shared.path, shared.origin = page.path, page.origin
        rows.rows.append(row)
        rows.sources.append(message)

    def skip(self, message: Message) -> None:
        """The message leaves no row; a session that it opened waits for its first event."""
        if message.opened:
            self._visits.open(message.session, Visit(NOBODY))

    def end(self, ended: EndedSession, project: Project, *, rows: Rows) -> None:
        """Add the end of a session, unless none of its events was kept."""
        shared = self._visits.get(ended.session) or UNKNOWN
        if shared.starter == NOBODY and shared is not UNKNOWN:
            return
        started_ms = ended.started_ms
        if project.filters and (tally := self._tallies.end(ended)) is not None:
            if not tally.events:
                return
            started_ms, ended = tally.first_ms, _as_kept(ended, tally)
        page = self._pages[ended.exit_path]
        at_ms = ended.ended_ms + END_AFTER_MS
        identity = (
            hash64("end", to_hex(ended.event_id)),
            ended.session,
            ended.started_ms,
            person_of(ended.profile) if ended.profile else ended.device,
            self._fragments[ended.profile],
        )
        rows.add(
            (
                *(ended.project, project.days.day(at_ms), SESSION_END, ended.device, at_ms, *identity),
                *(EMPTY, (), page.path, page.origin, EMPTY),
                shared.sources,
                *(0, max(ended.ended_ms - started_ms, 0)),
                shared.surroundings,
                *("", "", self._bounced[ended.views <= BOUNCE_VIEWS], 0, at_ms),
            ),
            ended,
        )

    def _opening(
        self,
        message: Message,
        properties: Mapping[str, Any],
        project: Project,
        page: Page,
        *,
        known: Shared | None,
    ) -> Visit:
        starter = message.event_id if message.opened or known is not None else LOST
        return self._surroundings.visit(message, properties, project, page=page, starter=starter)

    def _may_open(self, message: Message, visit: Visit) -> bool:
        """Late events and servers belong to sessions, but say nothing about them."""
        if not message.session:
            return False
        return message.opened or not (message.item.flags & LATE or visit.agent.is_server)

    def _row(
        self,
        message: Message,
        payload: TrackPayload,
        project: Project,
        *,
        profile: str,
        page: PageColumns,
        shared: Shared,
    ) -> Row:
        envelope, item, fragments = message.envelope, message.item, self._fragments
        at_ms, flags, started_ms, device = item.at_ms, item.flags, message.session_started_ms, message.device
        path, origin, title = page.path, page.origin, EMPTY
        if path is EMPTY and flags & SERVER and started_ms:
            path, origin = shared.path, shared.origin
        properties = self._properties.of(payload.properties) if payload.properties else NO_COLUMNS
        if "__title" in properties[0]:
            title = properties[1][properties[0].index("__title")]
        suspicion = NONE if flags & SERVER else self._surroundings.suspicion(message)
        if page.keys or suspicion is not NONE:
            properties = (
                page.keys + properties[0] + suspicion[0],
                page.values + properties[1] + suspicion[1],
            )
        return (
            envelope.project,
            project.days[at_ms // QUARTER_MS],
            payload.name,
            device,
            at_ms,
            message.event_id,
            message.session if started_ms else NO_ID,
            started_ms,
            person_of(profile) if profile else device,
            fragments[profile] if profile else EMPTY,
            fragments[item.device_ref] if item.device_ref else EMPTY,
            tuple([fragments[group] for group in payload.groups]) if payload.groups else (),
            path,
            origin,
            title,
            shared.sources,
            _amount(payload) if payload.name == REVENUE else 0,
            0,
            shared.surroundings,
            envelope.sdk_name,
            envelope.sdk_version,
            properties,
            0,
            envelope.received_ms,
        )


def profile_of(payload: TrackPayload) -> str:
    """The profile that an event names itself or in its `__identify`."""
    named = payload.profile_id
    if named is not None:
        return named if type(named) is str else profile_text(named)
    identify = payload.properties.get("__identify") if payload.properties else None
    if type(identify) is dict and isinstance(profile := identify.get("profileId"), str | int | float):
        return profile_text(profile)
    return ""


def _as_kept(ended: EndedSession, tally: Tally) -> EndedSession:
    """The end of a session as it is without the events that were dropped."""
    return msgspec.structs.replace(
        ended, ended_ms=tally.last_ms, views=tally.views, exit_path=tally.path, profile=tally.profile
    )


def _start_of(row: Row, event_id: int, project: Project) -> Row:
    """The row of the session's start: the opening event a moment earlier, without its amount."""
    start = list(row)
    start[_CREATED] = created = row[_CREATED] - START_BEFORE_MS
    start[_DAY] = project.days.day(created)
    start[_NAME] = SESSION_START
    start[_EVENT_ID] = hash64("start", to_hex(event_id))
    start[_REVENUE_AT] = 0
    return tuple(start)


def _amount(payload: TrackPayload) -> int:
    amount = payload.properties.get("__revenue") if payload.properties else None
    if isinstance(amount, float) and amount.is_integer():  # 4900.0, as some languages write a whole number
        amount = int(amount)
    if isinstance(amount, bool) or not isinstance(amount, int):
        return 0
    return min(max(amount, 0), MAX_AMOUNT)
