"""Visits as rows for `/import/events`: the columns that the worker would have found, found with the same code."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from openpanel.enrich.page import parse
from openpanel.enrich.referrer import DIRECT, Referral, Referrers
from openpanel.enrich.user_agent import AgentParser
from openpanel.identity.ids import SESSION_TIMEOUT_MS, session_id, to_hex
from openpanel_local.demo import shop
from openpanel_local.demo.visits import Event, Visit

START_BEFORE_MS: Final = 100  # session_start is stamped this much before the first event
END_AFTER_MS: Final = 1_000  # session_end this much after the last one
SDK: Final = ("web", "1.4.1")

Row = dict[str, Any]


class Rows:
    """Makes rows for one project whose pages are at `origin`."""

    def __init__(self, *, project: str, origin: str) -> None:
        self._project = project
        self._origin = origin
        self._agents = lru_cache(maxsize=256)(AgentParser().parse)
        self._referrers = Referrers.shipped()

    def of(self, visit: Visit, events: Sequence[Event], *, until_ms: int) -> list[Row]:
        """The rows of a visit with its beginning, and with its end if it is over by `until_ms`."""
        if not events:
            return []
        shared = self._shared(visit, events[0])
        rows = [self._row(event, shared) for event in events]
        first, last = events[0].at_ms, events[-1].at_ms
        start = {**rows[0], "name": "session_start", "created_at": first - START_BEFORE_MS}
        start.pop("revenue", None)
        if last + SESSION_TIMEOUT_MS >= until_ms:
            return [start, *rows]
        return [start, *rows, self._end(rows[-1], events, duration=last - first)]

    def _end(self, last: Row, events: Sequence[Event], *, duration: int) -> Row:
        bounced = sum(event.name == "screen_view" for event in events) <= 1
        end = {
            **last,
            "name": "session_end",
            "created_at": events[-1].at_ms + END_AFTER_MS,
            "duration": duration,
            "properties": {"__bounce": str(bounced).lower()},
        }
        end.pop("revenue", None)
        return end

    def _row(self, event: Event, shared: Row) -> Row:
        row: Row = {
            **shared,
            "name": event.name,
            "created_at": event.at_ms,
            "path": event.page.path,
            "title": shop.titled(event.page),
            "properties": {**event.properties, **self._query(event)},
        }
        if event.revenue is not None:
            row["revenue"] = event.revenue
        if event.account is not None:
            row["profile_id"] = event.account.profile_id
            row["groups"] = [event.account.company] if event.account.company else []
        return row

    @staticmethod
    def _query(event: Event) -> dict[str, str]:
        return (
            {f"__query.{name}": value for name, value in parse(f"/?{event.query}").query}
            if event.query
            else {}
        )

    def _shared(self, visit: Visit, first: Event) -> Row:
        """What all rows of a visit say."""
        who = visit.person
        city = who.place.city
        referral = self._referral(first)
        return {
            "device_id": who.device_hex,
            "session_id": to_hex(session_id(project=self._project, device=who.device, at_ms=visit.start_ms)),
            "origin": self._origin,
            "referrer": referral.url,
            "referrer_name": referral.name,
            "referrer_type": referral.type,
            "country": who.place.country,
            "region": city.region,
            "city": city.name,
            "longitude": city.longitude,
            "latitude": city.latitude,
            "sdk_name": SDK[0],
            "sdk_version": SDK[1],
            **self._agents(who.machine.user_agent)._asdict(),
        }

    def _referral(self, first: Event) -> Referral:
        if not first.referrer and not first.query:
            return DIRECT
        return self._referrers.referral(
            first.referrer, parse(f"{self._origin}{first.page.path}?{first.query}")
        )
