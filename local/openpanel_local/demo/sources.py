"""How visitors come: directly, from search, from other sites, and by campaigns that have their days."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

TUESDAY: Final = 1  # weekday of the newsletter
SALE_DAYS: Final = range(5, 13)  # days before the end on which the sale runs


@dataclass(frozen=True, slots=True)
class Day:
    """What campaigns know of a day: its weekday (Monday 0) and how many days before the end it is."""

    weekday: int
    before_end: int


def _always(_day: Day) -> float:
    return 1.0


def _newsletter(day: Day) -> float:
    return {TUESDAY: 6.0, TUESDAY + 1: 2.0}.get(day.weekday, 0.4)


def _sale(day: Day) -> float:
    return 1.0 if day.before_end in SALE_DAYS else 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """One way to come. `landing` says what is looked at first, `intent` how likely it ends in a purchase."""

    referrer: str
    weight: float
    query: str = ""
    landing: str = "any"  # any, home, product, category, blog
    intent: float = 1.0
    bounce: float = 0.42
    on: Callable[[Day], float] = _always
    only: str = ""  # the one country it reaches


DIRECT: Final = Source("", 30, landing="home", intent=1.3, bounce=0.36)

SOURCES: Final = (
    DIRECT,
    Source("https://www.google.com/", 26, bounce=0.44),
    Source("https://www.bing.com/", 3),
    Source("https://duckduckgo.com/", 2.2, bounce=0.4),
    Source("https://search.naver.com/", 90, only="KR"),
    Source("https://search.yahoo.co.jp/", 25, only="JP"),
    Source("https://t.co/", 3, landing="blog", intent=0.4, bounce=0.62),
    Source("https://www.reddit.com/", 2.4, landing="blog", intent=0.6, bounce=0.58),
    Source("https://l.facebook.com/", 2.2, landing="product", intent=0.6, bounce=0.6),
    Source("https://l.instagram.com/", 3, landing="product", intent=0.7, bounce=0.57),
    Source("https://www.youtube.com/", 1.6, landing="product", intent=0.8, bounce=0.5),
    Source("https://www.linkedin.com/", 0.8, landing="blog", intent=0.4, bounce=0.55),
    Source("https://news.ycombinator.com/", 0.5, landing="blog", intent=0.2, bounce=0.7),
    Source("https://chatgpt.com/", 1.8, "utm_source=chatgpt.com", landing="product", intent=1.4, bounce=0.35),
    Source("https://www.perplexity.ai/", 0.6, landing="product", intent=1.3, bounce=0.36),
    Source("https://www.kinfolk.com/", 0.8, landing="category", intent=1.1),
    Source("https://www.apartmenttherapy.com/", 0.9, landing="product", intent=1.2),
    Source(
        "https://www.google.com/", 6,
        "utm_source=google&utm_medium=cpc&utm_campaign=brand&utm_term=northwind+home",
        landing="home", intent=1.6, bounce=0.33,
    ),
    Source(
        "https://www.google.com/", 4,
        "utm_source=google&utm_medium=cpc&utm_campaign=lamps-generic&utm_term=desk+lamp&utm_content=headline-b",
        landing="category", intent=0.9, bounce=0.5,
    ),
    Source(
        "", 3.5, "utm_source=newsletter&utm_medium=email&utm_campaign=weekly",
        landing="category", intent=1.8, bounce=0.28, on=_newsletter,
    ),
    Source(
        "https://l.instagram.com/", 12, "utm_source=instagram&utm_medium=paid_social&utm_campaign=autumn-sale",
        landing="category", intent=1.1, bounce=0.48, on=_sale,
    ),
    Source(
        "", 8, "utm_source=newsletter&utm_medium=email&utm_campaign=autumn-sale&utm_content=hero",
        landing="category", intent=2.2, bounce=0.25, on=_sale,
    ),
)  # fmt: skip


def source(chance: Random, *, country: str, day: Day, known: bool) -> Source:
    """How somebody comes on that day; who was here before more often knows the address."""
    open_to = [each for each in SOURCES if each.only in {"", country}]
    weights = [each.weight * each.on(day) * (2.5 if known and not each.referrer else 1.0) for each in open_to]
    return chance.choices(open_to, weights=weights)[0]
