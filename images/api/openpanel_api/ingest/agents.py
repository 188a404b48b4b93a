"""What ingest asks about a user agent: is it a declared bot, is it a program without a visitor?

The parser of agents takes 24 MB and 0.2 s to make, and ingest needs it for odd agents only: it is made for the first
one that looks neither like a visitor's browser nor like a library. The answers are the worker's.
"""

import re
from functools import cached_property, lru_cache
from typing import Final

from openpanel.enrich import agent_rules
from openpanel.enrich.bots import Bot, BotList
from openpanel.enrich.user_agent import AgentParser, clean

REMEMBERED: Final = 20_000  # agents, of at most a kilobyte each

# Agents of browsers that name their system in the usual form: the parser finds the system in all of them.
_BROWSER: Final = re.compile(
    r"Mozilla/5\.0 \((?:Windows NT \d|Macintosh; Intel Mac OS X \d|X11; Linux x86_64|X11; CrOS |Linux; Android \d"
    r"|iPhone; CPU iPhone OS \d|iPad; CPU OS \d).{0,200}?\) (?:AppleWebKit|Gecko)/\d"
)


class AgentTests:
    """The two questions, each answered once per agent. Not shared between threads."""

    def __init__(self) -> None:
        self._bots = BotList()
        self.bot = lru_cache(maxsize=REMEMBERED)(self._bot)
        self.server = lru_cache(maxsize=REMEMBERED)(self._server)

    def _bot(self, text: str) -> Bot | None:
        return self._bots.match(clean(text))

    def _server(self, text: str) -> bool:
        text = clean(text)
        if not text or agent_rules.SINGLE_TOKEN.fullmatch(text) or agent_rules.LIBRARY.match(text):
            return True
        return not _BROWSER.match(text) and self._parser.parse(text).is_server

    @cached_property
    def _parser(self) -> AgentParser:
        return AgentParser()
