"""Rows of `events` from an import: what other systems exported, in the warehouse's column names.

What a row says is what happened; what it leaves out is derived from its page and referrer. Ids of others are hashed
like foreign devices. Knows no session of the stream.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from openpanel.enrich.page import Page
from openpanel.enrich.page import parse as parse_page
from openpanel.enrich.properties import CONSUMED, flatten
from openpanel.enrich.referrer import Referral, Referrers
from openpanel.stream.drain import Message
from openpanel.stream.frames import Envelope
from openpanel.wire.messages import profile_text
from openpanel.wire.reserved import IDENTIFY
from openpanel.wire.rows import ROW
from openpanel.wire.rows import Row as Given
from openpanel_worker.batch import Row
from openpanel_worker.events import REVENUE, SESSION_END, person_of
from openpanel_worker.fragments import Fragments
from openpanel_worker.imported_sessions import ImportedSessions
from openpanel_worker.projects import Project

UTM: Final = tuple(
    f"__query.{name}" for name in ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
)
BOUNCE: Final = "__bounce"  # what the end of a session says of it


class Imports:
    """Makes rows of imported events. Not shared between threads."""

    def __init__(self, *, referrers: Referrers, fragments: Fragments, sessions: ImportedSessions) -> None:
        self._referrers = referrers
        self._fragments = fragments
        self._sessions = sessions

    def take_over(self) -> None:
        """The shard was somebody else's until now."""
        self._sessions.forget()

    def begin(self, envelopes: Sequence[Envelope]) -> None:
        """Begin a block with these calls; raises errors of a warehouse that is away."""
        self._sessions.learn(envelopes)

    def row(self, message: Message, body: bytes | msgspec.Raw, project: Project) -> tuple[Row, str]:
        """The row of one imported event and its profile, '' if it is a visitor's; raises msgspec's errors."""
        given = ROW.decode(body)
        profile = profile_text(given.profile_id)
        if profile == (given.device_id or ""):  # how exports write an anonymous visitor
            profile = ""
        return self._built(message, given, project, profile), profile

    def _built(self, message: Message, given: Given, project: Project, profile: str) -> Row:
        envelope, item, fragments = message.envelope, message.item, self._fragments
        session, started_ms = self._sessions.place(envelope.project, given)
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
            item.at_ms if started_ms is None else started_ms,
            person_of(profile) if profile else message.device,
            fragments[profile],
            fragments[item.device_ref],
            tuple(fragments[group] for group in given.groups or ()),
            fragments[page.path],
            given.origin or page.origin,
            fragments[given.title or flat.get("__title", "")],
            (fragments[referral.url], referral.name, referral.type, *(flat.get(name, "") for name in UTM)),
            given.revenue or 0 if given.name == REVENUE else 0,
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


def _properties(given: Given, page: Page) -> dict[str, str]:
    """The row's own properties, before them what the address of its page holds."""
    found: dict[str, Any] = {f"__query.{name}": value for name, value in page.query}
    own = {key: value for key, value in (given.properties or {}).items() if not _steers(key, of=given.name)}
    return flatten(found | {"__hash": page.hash} | own)


def _steers(key: str, *, of: str) -> bool:
    """Whether a property is used and never stored, under its own name or as exports flatten it."""
    if key == BOUNCE:
        return of != SESSION_END
    return key in CONSUMED or key.startswith(f"{IDENTIFY}.")


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
