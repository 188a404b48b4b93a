"""The mark beside a value: a flag, a brand, or a plain sign for its kind."""

from collections.abc import Mapping
from typing import Final

from openpanel_dashboard.assets import Assets
from openpanel_dashboard.components import Icon

# The first part that occurs in the lower-case name decides, so longer and rarer names stand first.
BRANDS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "browser": (
        ("samsung", "samsunginternet"),
        ("edge", "edge"),
        ("duckduckgo", "duckduckgo"),
        ("firefox", "firefoxbrowser"),
        ("opera", "opera"),
        ("brave", "brave"),
        ("vivaldi", "vivaldi"),
        ("whale", "naver"),
        ("naver", "naver"),
        ("kakao", "kakaotalk"),
        ("facebook", "facebook"),
        ("instagram", "instagram"),
        ("chrom", "googlechrome"),
        ("safari", "safari"),
    ),
    "os": (
        ("android", "android"),
        ("ios", "apple"),
        ("mac", "apple"),
        ("ipados", "apple"),
        ("ubuntu", "ubuntu"),
        ("debian", "debian"),
        ("fedora", "fedora"),
        ("linux", "linux"),
        ("chrom", "googlechrome"),
    ),
    "referrer": (
        ("google", "google"),
        ("duckduckgo", "duckduckgo"),
        ("facebook", "facebook"),
        ("instagram", "instagram"),
        ("naver", "naver"),
        ("kakao", "kakaotalk"),
        ("hacker news", "ycombinator"),
        ("ycombinator", "ycombinator"),
        ("github", "github"),
        ("reddit", "reddit"),
        ("youtube", "youtube"),
        ("baidu", "baidu"),
        ("pinterest", "pinterest"),
        ("telegram", "telegram"),
        ("tiktok", "tiktok"),
        ("bluesky", "bluesky"),
        ("mastodon", "mastodon"),
        ("discord", "discord"),
        ("product hunt", "producthunt"),
        ("twitter", "x"),
        ("t.co", "x"),
    ),
}
DEVICES: Final[Mapping[str, str]] = {
    "desktop": "monitor",
    "mobile": "smartphone",
    "smartphone": "smartphone",
    "tablet": "tablet",
    "console": "tv",
    "smarttv": "tv",
}
PLAIN: Final[Mapping[str, str]] = {
    "browser": "globe",
    "os": "laptop",
    "device": "monitor",
    "referrer": "globe",
    "country": "map-pin",
}


def icon(dimension: str, value: str, *, assets: Assets) -> Icon | None:
    """The mark of one value; dimensions without marks have none."""
    if dimension == "country" and assets.has_flag(value):
        return Icon("flag", value)
    if dimension == "device":
        return Icon("stroke", DEVICES.get(value.lower(), "monitor"))
    if not value and dimension == "referrer":
        return Icon("stroke", "arrow-right")
    lowered = value.lower()
    for part, mark in BRANDS.get(dimension, ()):
        if part in lowered or lowered == mark:
            return Icon("mark", mark)
    plain = PLAIN.get(dimension)
    return Icon("stroke", plain) if plain else None
