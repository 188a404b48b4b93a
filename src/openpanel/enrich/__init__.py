"""What is added to an event: page, referrer, campaign, place, device, bot, flat properties.

Pure functions with bounded caches; the data files that ship are opened by explicit constructors. Knows no socket,
no store, no clock, no project.
"""

from openpanel.enrich.agents import Agents, Known
from openpanel.enrich.bots import Bot, BotList, Suspicion, suspicion
from openpanel.enrich.filters import Condition, EventFilter, column_name, dropped
from openpanel.enrich.geo import NOWHERE, Geo, Networks, Place, truncated
from openpanel.enrich.page import NO_PAGE, NO_UTM, Page, Utm
from openpanel.enrich.page import parse as parse_page
from openpanel.enrich.properties import event_properties, flatten, text_of
from openpanel.enrich.referrer import DIRECT, Referral, Referrers
from openpanel.enrich.text import storable
from openpanel.enrich.user_agent import OVERRIDES, SERVER_AGENT, Agent, AgentParser, override

__all__ = [
    "DIRECT",
    "NOWHERE",
    "NO_PAGE",
    "NO_UTM",
    "OVERRIDES",
    "SERVER_AGENT",
    "Agent",
    "AgentParser",
    "Agents",
    "Bot",
    "BotList",
    "Condition",
    "EventFilter",
    "Geo",
    "Known",
    "Networks",
    "Page",
    "Place",
    "Referral",
    "Referrers",
    "Suspicion",
    "Utm",
    "column_name",
    "dropped",
    "event_properties",
    "flatten",
    "override",
    "parse_page",
    "storable",
    "suspicion",
    "text_of",
    "truncated",
]
