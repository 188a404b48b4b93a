"""Which requests come from programs: a hard list by user agent, and soft signals that only raise a suspicion.

The hard list is that of crawler-user-agents (MIT) less the plain HTTP libraries, which are what servers of
customers send events with, plus the additions of `bot_rules`. Patterns start at a word, so that a CUBOT phone
is no bot. Knows no request: signals arrive as plain booleans.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple, TypedDict

import ua_parser_rs

from openpanel.enrich import bot_rules as rules

DATACENTER: Final = "datacenter_ip"
NO_CLIENT_HINTS: Final = "missing_sec_ch_ua"
NO_FETCH_METADATA: Final = "missing_sec_fetch"
NO_LANGUAGE: Final = "missing_accept_language"


class Bot(NamedTuple):
    """A declared program."""

    name: str
    type: str


class Suspicion(NamedTuple):
    """What speaks for a program behind a browser's agent; `certain` when two categories fire."""

    reasons: str
    certain: bool


class Entry(TypedDict):
    """One entry of crawler-user-agents' list, as far as it is used."""

    pattern: str
    instances: list[str]
    tags: list[str]


class BotList:
    """The hard list, compiled into one matcher that costs 2 µs an agent.

    Compiling the list that is shipped takes 20 MB and half a second: it is done once in a process.
    """

    def __init__(self, entries: Iterable[Entry] | None = None) -> None:
        """Take `entries`, or the list that crawler-user-agents ships."""
        self._bots, self._matcher = _shipped() if entries is None else _compiled(entries)

    def match(self, agent: str) -> Bot | None:
        """Name the bot that sends `agent`; the text must be clean (`user_agent.clean`)."""
        found = self._matcher.extract(agent)
        return None if found is None else self._bots[int(found.family)]


def load_entries() -> list[Entry]:
    """Read the list out of the installed package, without running the package's own code."""
    text = files("crawleruseragents").joinpath("crawler-user-agents.json").read_text(encoding="utf-8")
    entries: list[Entry] = json.loads(text)
    return entries


def anchored(pattern: str) -> str:
    """Let a pattern that starts with a letter or digit match only where a word starts."""
    if not re.match(r"[A-Za-z0-9\[(]", pattern) or pattern.startswith(("(^", "(?")):
        return pattern
    return rf"(?:^|[^A-Za-z0-9])(?:{pattern})"


def suspicion(
    *,
    chromium: bool,
    no_client_hints: bool,
    no_fetch_metadata: bool,
    no_language: bool,
    datacenter: bool,
) -> Suspicion | None:
    """Weigh the soft signals; `None` when nothing speaks for a program."""
    header = [
        reason
        for reason, fires in (
            (NO_CLIENT_HINTS, chromium and no_client_hints),
            (NO_FETCH_METADATA, no_fetch_metadata),
            (NO_LANGUAGE, no_language),
        )
        if fires
    ]
    if not header and not datacenter:
        return None
    return Suspicion(",".join([*header, DATACENTER] if datacenter else header), datacenter and bool(header))


@cache
def _shipped() -> tuple[list[Bot], ua_parser_rs.UserAgentExtractor]:
    return _compiled(load_entries())


def _compiled(entries: Iterable[Entry]) -> tuple[list[Bot], ua_parser_rs.UserAgentExtractor]:
    listed = [*rules.NAMED, *_listed(entries), *rules.GENERIC]
    # The family of a pattern is its place in the list: no text of the agent gets into a name.
    matcher = ua_parser_rs.UserAgentExtractor(
        (anchored(pattern), str(place), None, None, None, None)
        for place, (pattern, _, _) in enumerate(listed)
    )
    return [Bot(name, kind) for _, name, kind in listed], matcher


def _listed(entries: Iterable[Entry]) -> list[tuple[str, str, str]]:
    """Turn the package's entries into (pattern, name, type), without libraries and false friends."""
    return [
        (_pattern(entry["pattern"]), _name(entry), _type(entry["tags"]))
        for entry in entries
        if entry["pattern"] not in rules.NOT_BOTS
        and ("http-library" not in entry["tags"] or entry["pattern"] in rules.CRAWLING_LIBRARIES)
    ]


def _pattern(pattern: str) -> str:
    return f"^{pattern}" if pattern in rules.ONLY_FIRST_WORD else pattern


def _name(entry: Entry) -> str:
    """Name a bot by what its pattern finds in its own first sample, else by the pattern without its escapes."""
    for sample in entry["instances"]:
        if found := re.search(entry["pattern"], sample):
            return _tidy(found[0])
    return _tidy(re.sub(r"\\|\[\w(\w)\]|[\^$]", r"\1", entry["pattern"]))


def _tidy(name: str) -> str:
    return name.strip(" /;()+")[:64] or "Bot"


def _type(tags: Sequence[str]) -> str:
    return next((rules.TYPES[tag] for tag in tags if tag in rules.TYPES), "Crawler")
