"""Rows of `events` from an import: what other systems exported, in the warehouse's column names.

What a row says is what happened; what it leaves out is derived from its page and referrer. Ids of others are hashed
like foreign devices; a session starts with its first row within the request. Knows no session of the stream.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openpanel.enrich.page import Page
from openpanel.enrich.page import parse as parse_page
from openpanel.enrich.properties import flatten
from openpanel.enrich.referrer import Referral, Referrers
from openpanel.identity.ids import NO_ID, from_hex, hash64
from openpanel.stream.drain import Message
from openpanel.stream.frames import Envelope
from openpanel.wire.messages import profile_text
from openpanel.wire.rows import ROW, created_ms
from openpanel.wire.rows import Row as Given
from openpanel_worker.batch import Row
from openpanel_worker.events import SESSION_END, SESSION_START, person_of
from openpanel_worker.fragments import Fragments
from openpanel_worker.projects import Project

UTM: Final = tuple(
    f"__query.{name}" for name in ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
)

_cut: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Imports:
    """Makes rows of imported events. Not shared between threads."""

    def __init__(self, *, referrers: Referrers, fragments: Fragments) -> None:
        self._referrers = referrers
        self._fragments = fragments
        self._envelope: Envelope | None = None
        self._starts: Mapping[int, int] = {}

    def row(self, message: Message, body: bytes | msgspec.Raw, project: Project) -> tuple[Row, str]:
        """The row of one imported event and its profile, '' if it is a visitor's; raises msgspec's errors."""
        if message.envelope is not self._envelope:
            self._starts = session_starts(message.envelope)
            self._envelope = message.envelope
        given = ROW.decode(body)
        profile = profile_text(given.profile_id)
        if profile == (given.device_id or ""):  # how exports write an anonymous visitor
            profile = ""
        return self._built(message, given, project, profile), profile

    def _built(self, message: Message, given: Given, project: Project, profile: str) -> Row:
        envelope, item, fragments = message.envelope, message.item, self._fragments
        session = _session(envelope.project, given)
        page = parse_page(given.path or "")
        flat = _properties(given, page)
        referral = self._referral(given, page)
        return (
            envelope.project,
            project.days.day(item.at_ms),
            given.name,
            message.device,
            item.at_ms,
            message.event_id,
            session,
            self._starts.get(session, item.at_ms) if session else 0,
            person_of(profile) if profile else message.device,
            fragments[profile],
            fragments[item.device_ref],
            tuple(fragments[group] for group in given.groups or ()),
            fragments[page.path],
            given.origin or page.origin,
            fragments[given.title or flat.get("__title", "")],
            (fragments[referral.url], referral.name, referral.type, *(flat.get(name, "") for name in UTM)),
            given.revenue or 0,
            given.duration or 0,
            (
                *(given.country or "", given.region or "", fragments[given.city or ""]),
                *(given.longitude or 0.0, given.latitude or 0.0),
                *_agent(given),
            ),
            given.sdk_name or "",
            given.sdk_version or "",
            (tuple(flat), tuple(map(fragments.__getitem__, flat.values()))),
            envelope.received_ms // 1000,
            envelope.received_ms,
        )

    def _referral(self, given: Given, page: Page) -> Referral:
        derived = self._referrers.referral(given.referrer or "", page)
        url = given.referrer if given.referrer is not None else derived.url
        if given.referrer_name is None and given.referrer_type is None:
            return derived._replace(url=url)
        return Referral(url, given.referrer_name or "", given.referrer_type or "")


def session_starts(envelope: Envelope) -> dict[int, int]:
    """When the sessions of a request begin: with their first row that is no session's start or end, if there is one."""
    starts: dict[int, int] = {}
    synthetic: dict[int, int] = {}
    for part in _cut(envelope.body):
        try:
            given = ROW.decode(part)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue  # becomes a dead letter when its turn comes
        session, at_ms = _session(envelope.project, given), created_ms(given)
        if session:
            of = synthetic if given.name in (SESSION_START, SESSION_END) else starts
            of[session] = min(at_ms, of.get(session, at_ms))
    return synthetic | starts


def _session(project: str, given: Given) -> int:
    if not given.session_id:
        return NO_ID
    own = from_hex(given.session_id)
    return hash64("session", project, given.session_id) if own is None else own


def _properties(given: Given, page: Page) -> dict[str, str]:
    """The row's own properties, before them what the address of its page holds."""
    found: dict[str, Any] = {f"__query.{name}": value for name, value in page.query}
    return flatten(found | {"__hash": page.hash} | (given.properties or {}))


def _agent(given: Given) -> tuple[str, ...]:
    """Columns os … model."""
    values = (
        given.os,
        given.os_version,
        given.browser,
        given.browser_version,
        given.device,
        given.brand,
        given.model,
    )
    return tuple(value or "" for value in values)
