"""What the request of an event says about the visitor: referrer, campaign, place, device, suspicion.

Puts the parts of `enrich` together for one message. Knows no session and no row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openpanel.enrich.agents import Agents
from openpanel.enrich.geo import Geo, Networks, Place, truncated
from openpanel.enrich.page import Page
from openpanel.enrich.properties import text_of
from openpanel.enrich.referrer import Referrers
from openpanel.enrich.user_agent import Agent, override
from openpanel.stream.drain import Message
from openpanel_worker.fragments import Fragments
from openpanel_worker.projects import Project
from openpanel_worker.signals import NONE, SIGNALS, Properties, signal_properties
from openpanel_worker.visits import Visit


@dataclass(frozen=True, slots=True)
class Enrichers:
    """The opened data files and caches of `enrich`, made once per process."""

    agents: Agents
    geo: Geo
    referrers: Referrers
    networks: Networks | None = None


class Surroundings:
    """Tells what surrounds a message. Not shared between threads."""

    def __init__(self, enrichers: Enrichers, *, fragments: Fragments) -> None:
        self._enrichers = enrichers
        self._signals = signal_properties(fragments)

    def agent(self, message: Message, properties: Mapping[str, Any]) -> Agent:
        """The visitor's device; what the client states itself wins."""
        return override(self._enrichers.agents.lookup(message.envelope.user_agent).agent, properties)

    def place(self, message: Message, project: Project) -> Place:
        """Where the visitor is, as closely as the project wants to know.

        The API has decided whose word counts for the address (`__ip` included); the envelope has the result.
        """
        address = message.envelope.ip
        return self._enrichers.geo.lookup(truncated(address) if project.truncate_ip else address)

    def visit(
        self, message: Message, properties: Mapping[str, Any], project: Project, *, page: Page, starter: int
    ) -> Visit:
        """What a session keeps of this message, were it the first one."""
        referral = self._enrichers.referrers.referral(text_of(properties, "__referrer", "referrer"), page)
        place = self.place(message, project)
        return Visit(starter, referral, page.utm, place, self.agent(message, properties))

    def suspicion(self, message: Message) -> Properties:
        """The properties that say what speaks for a program; not to be asked about servers."""
        signals = message.item.flags & SIGNALS
        networks = self._enrichers.networks
        if not signals and networks is None:
            return NONE
        datacenter = networks is not None and networks.hosting(message.envelope.ip)
        chromium = self._enrichers.agents.lookup(message.envelope.user_agent).chromium
        return self._signals[signals, chromium, datacenter]
