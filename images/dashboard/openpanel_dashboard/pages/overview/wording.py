"""What the overview calls things: ranges, comparisons, intervals, dimensions, operators, cards and their tabs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from babel import Locale

from openpanel_dashboard.address import BARE, Condition
from openpanel_dashboard.languages import N_, Language

_ENGLISH: Final = Locale("en")

# Preset, name, physical key, what the key is called; in the two columns of the menu.
RANGES: Final = (
    (
        ("today", N_("Today"), "KeyD", "D"),
        ("yesterday", N_("Yesterday"), "KeyE", "E"),
        ("24h", N_("Last 24 hours"), "KeyH", "H"),
        ("7d", N_("Last 7 days"), "KeyW", "W"),
        ("28d", N_("Last 28 days"), "KeyF", "F"),
        ("30d", N_("Last 30 days"), "KeyT", "T"),
        ("90d", N_("Last 90 days"), "KeyN", "N"),
        ("12m", N_("Last 12 months"), "KeyL", "L"),
    ),
    (
        ("30m", N_("Last 30 minutes"), "", ""),
        ("1h", N_("Last hour"), "", ""),
        ("last-week", N_("Last week"), "", ""),
        ("last-month", N_("Last month"), "KeyP", "P"),
        ("mtd", N_("Month to date"), "KeyM", "M"),
        ("qtd", N_("Quarter to date"), "", ""),
        ("ytd", N_("Year to date"), "KeyY", "Y"),
        ("all", N_("All time"), "KeyA", "A"),
    ),
)
RANGE_NAMES: Final[Mapping[str, str]] = {
    **{preset: name for column in RANGES for preset, name, *_ in column},
    "last-year": N_("Last year"),
}

COMPARISONS: Final[Mapping[str, str]] = {
    "": N_("Change only"),
    "prev": N_("Previous period"),
    "prev-weekday": N_("Previous period, same weekdays"),
    "year": N_("Year before"),
    "year-weekday": N_("Year before, same weekdays"),
    "off": N_("No comparison"),
}
INTERVALS: Final[Mapping[str, str]] = {
    "minute": N_("Minute"),
    "hour": N_("Hour"),
    "day": N_("Day"),
    "week": N_("Week"),
    "month": N_("Month"),
}

DIMENSIONS: Final[Mapping[str, str]] = {
    "path": N_("Page"),
    "entry": N_("Entry page"),
    "exit": N_("Exit page"),
    "host": N_("Host"),
    "title": N_("Title"),
    "referrer": N_("Referrer"),
    "channel": N_("Channel"),
    "utm.source": N_("UTM source"),
    "utm.medium": N_("UTM medium"),
    "utm.campaign": N_("UTM campaign"),
    "utm.term": N_("UTM term"),
    "utm.content": N_("UTM content"),
    "country": N_("Country"),
    "region": N_("Region"),
    "city": N_("City"),
    "device": N_("Device"),
    "browser": N_("Browser"),
    "os": N_("System"),
    "event": N_("Event"),
    "cohort": N_("Cohort"),
}
# Groups of the filter editor, in its order.
DIMENSION_GROUPS: Final = (
    (N_("Pages"), ("path", "entry", "exit")),
    (
        N_("Sources"),
        ("referrer", "channel", "utm.source", "utm.medium", "utm.campaign", "utm.term", "utm.content"),
    ),
    (N_("Places"), ("country", "region", "city")),
    (N_("Devices"), ("device", "browser", "os")),
    (N_("Events"), ("event",)),
)

# One sentence per operator, so that other languages can turn it around.
SENTENCES: Final[Mapping[str, str]] = {
    "is": N_("%(dimension)s is %(values)s"),
    "not": N_("%(dimension)s is not %(values)s"),
    "has": N_("%(dimension)s contains %(values)s"),
    "hasnt": N_("%(dimension)s does not contain %(values)s"),
    "starts": N_("%(dimension)s starts with %(values)s"),
    "ends": N_("%(dimension)s ends with %(values)s"),
    "re": N_("%(dimension)s matches %(values)s"),
    "gt": N_("%(dimension)s is more than %(values)s"),
    "gte": N_("%(dimension)s is at least %(values)s"),
    "lt": N_("%(dimension)s is less than %(values)s"),
    "lte": N_("%(dimension)s is at most %(values)s"),
    "set": N_("%(dimension)s is set"),
    "unset": N_("%(dimension)s is not set"),
    "in": N_("%(dimension)s is in %(values)s"),
    "notin": N_("%(dimension)s is not in %(values)s"),
}
OPERATORS: Final[Mapping[str, str]] = {
    "is": N_("is"),
    "not": N_("is not"),
    "has": N_("contains"),
    "hasnt": N_("does not contain"),
    "starts": N_("starts with"),
    "ends": N_("ends with"),
    "re": N_("matches the expression"),
    "set": N_("is set"),
    "unset": N_("is not set"),
}

# What stands for the empty value of a dimension; anything else is "not set".
NAMELESS: Final[Mapping[str, str]] = {
    "referrer": N_("Direct"),
    "channel": N_("Direct"),
    "country": N_("Unknown place"),
    "region": N_("Unknown place"),
    "city": N_("Unknown place"),
    "path": N_("No page"),
    "entry": N_("No page"),
    "exit": N_("No page"),
}
NOT_SET: Final = N_("Not set")
DEVICES: Final[Mapping[str, str]] = {
    "desktop": N_("Desktop"),
    "mobile": N_("Mobile"),
    "smartphone": N_("Mobile"),
    "tablet": N_("Tablet"),
    "console": N_("Console"),
    "smarttv": N_("TV"),
    "wearable": N_("Wearable"),
    "server": N_("Server"),
}
CHANNELS: Final[Mapping[str, str]] = {
    "search": N_("Search"),
    "social": N_("Social"),
    "email": N_("Mail"),
    "ad": N_("Advertising"),
    "ads": N_("Advertising"),
    "paid": N_("Advertising"),
    "ai": N_("AI assistant"),
    "tech": N_("Tech"),
    "video": N_("Video"),
    "commerce": N_("Shops"),
    "content": N_("News and content"),
    "unknown": N_("Other sites"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One list of a card: the dimension it ranks."""

    key: str  # in the address
    label: str
    dimension: str
    heading: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card of the overview with its tabs, the first of which is shown unless the address says otherwise."""

    name: str
    title: str
    tabs: tuple[Tab, ...]

    def tab(self, key: str) -> Tab:
        return next((tab for tab in self.tabs if tab.key == key), self.tabs[0])


CARDS: Final = (
    Card(
        "sources",
        N_("Sources"),
        (
            Tab("referrer", N_("Referrer"), "referrer", N_("Referrer")),
            Tab("channel", N_("Channel"), "channel", N_("Channel")),
            Tab("campaign", N_("Campaign"), "utm.campaign", N_("UTM campaign")),
            Tab("source", N_("Source"), "utm.source", N_("UTM source")),
            Tab("medium", N_("Medium"), "utm.medium", N_("UTM medium")),
        ),
    ),
    Card(
        "pages",
        N_("Pages"),
        (
            Tab("top", N_("Top"), "path", N_("Page")),
            Tab("entry", N_("Entry"), "entry", N_("Entry page")),
            Tab("exit", N_("Exit"), "exit", N_("Exit page")),
        ),
    ),
    Card(
        "places",
        N_("Places"),
        (
            Tab("country", N_("Country"), "country", N_("Country")),
            Tab("region", N_("Region"), "region", N_("Region")),
            Tab("city", N_("City"), "city", N_("City")),
        ),
    ),
    Card(
        "devices",
        N_("Devices"),
        (
            Tab("browser", N_("Browser"), "browser", N_("Browser")),
            Tab("os", N_("System"), "os", N_("System")),
            Tab("type", N_("Type"), "device", N_("Device")),
        ),
    ),
)
PANELS: Final[Mapping[str, str]] = {"kpis": N_("Key figures"), "chart": N_("Over time")}
CARD_BY_NAME: Final = {card.name: card for card in CARDS}


def has_tab(card: str, tab: str) -> bool:
    """Whether there is such a card with such a list."""
    return card in CARD_BY_NAME and tab in {one.key for one in CARD_BY_NAME[card].tabs}


def value_name(dimension: str, value: str, language: Language) -> str:
    """How a stored value is called; an empty one gets a word that stands for it."""
    if not value:
        return language.say(NAMELESS.get(dimension, NOT_SET))
    if dimension == "country":
        return language.country(value)
    if dimension == "device":
        return language.say(DEVICES[value]) if value in DEVICES else value
    if dimension == "channel":
        return language.say(CHANNELS[value]) if value in CHANNELS else value
    return value


def stored(dimension: str, word: str, language: Language) -> tuple[str, ...]:
    """The values that are called so in English or by the reader, in any case; the word itself where none is."""
    named = {"country": _countries(), "device": DEVICES, "channel": CHANNELS}.get(dimension, {})
    code = word.upper() if dimension == "country" else word
    if code in named:
        return (code,)
    everything = {"": NAMELESS.get(dimension, NOT_SET), **named}
    wanted = word.casefold()
    called = tuple(
        value
        for value, name in everything.items()
        if wanted in {name.casefold(), value_name(dimension, value, language).casefold()}
    )
    return called or (word,)


def _countries() -> Mapping[str, str]:
    names = {str(code): str(name) for code, name in _ENGLISH.territories.items()}
    return {code: name for code, name in names.items() if len(code) == 2}


def dimension_name(dimension: str, language: Language) -> str:
    """How a dimension is called; one of the project's own keys by that key."""
    if dimension in DIMENSIONS:
        return language.say(DIMENSIONS[dimension])
    return dimension.partition(".")[2]


def sentence(condition: Condition, language: Language) -> str:
    """A filter as a sentence: Country is South Korea or Japan."""
    dimension = dimension_name(condition.dimension, language)
    if condition.operator in BARE:
        return language.say(SENTENCES[condition.operator], dimension=dimension)
    words = (value_name(condition.dimension, value, language) for value in condition.values)
    names = list(dict.fromkeys(words))  # some words stand for several values
    values = names[0] if len(names) == 1 else _listed(names, language)
    return language.say(SENTENCES[condition.operator], dimension=dimension, values=values)


def _listed(names: list[str], language: Language) -> str:
    return language.say("%(first)s or %(last)s", first=", ".join(names[:-1]), last=names[-1])
