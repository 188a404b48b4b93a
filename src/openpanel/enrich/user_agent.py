"""Browser, system and device of a user agent's text.

The pattern files of ua-parser are compiled once in a process (25 MB and 0.2 s, at the first `AgentParser`). Parsing is
uncached; `agents.Agents` puts a bound and a bot test around it. Knows no request and no project.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from ua_parser import OS, Device, Domain, UserAgent, load_lazy_builtins
from ua_parser.regex import Resolver

from openpanel.enrich import agent_rules as rules

MAX_AGENT: Final = 1_024  # characters looked at; longer agents are noise
MAX_VALUE: Final = 64  # characters of any value taken out of an agent
SERVER: Final = "server"

_UNCLEAN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Agent(NamedTuple):
    """What one user agent says, in the order of the warehouse's columns."""

    os: str
    os_version: str
    browser: str
    browser_version: str
    device: str
    brand: str
    model: str

    @property
    def is_server(self) -> bool:
        """Whether a program without a visitor sent the request."""
        return self.device == SERVER


SERVER_AGENT: Final = Agent("", "", "", "", SERVER, "", "")

OVERRIDES: Final[Mapping[str, str]] = {
    "__os": "os",
    "__osVersion": "os_version",
    "__browser": "browser",
    "__browserVersion": "browser_version",
    "__device": "device",
    "__brand": "brand",
    "__model": "model",
}


class AgentParser:
    """Parses without a cache; safe to share between threads."""

    def __init__(self) -> None:
        self._resolve = _resolver()

    def parse(self, text: str) -> Agent:
        """Say what `text` tells; a program without a visitor gives `SERVER_AGENT`."""
        text = clean(text)
        if not text or rules.SINGLE_TOKEN.fullmatch(text) or rules.LIBRARY.match(text):
            return SERVER_AGENT
        found = self._resolve(text, Domain.ALL)
        os, os_version = _system(text, found.os)
        browser, browser_version = _browser(found.user_agent)
        brand, model = _device(text, found.device)
        foreign = not text.startswith(("Mozilla/", "Opera/"))
        if foreign:
            os, os_version, brand, model = _app_fields(text, os, os_version, brand, model)
            if not (os or brand or model):
                return SERVER_AGENT
            browser = browser_version = ""
        elif not (os or browser or brand or model):
            return SERVER_AGENT
        device = device_class(text, os=os, foreign=foreign)
        if device == "console":
            brand, model = _console(text, brand, model)
        return Agent(os, os_version, browser, browser_version, device, brand, model)


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())


def clean(text: str) -> str:
    """Cut an agent to what is looked at and take out what no encoder accepts."""
    return _UNCLEAN.sub("", text[:MAX_AGENT]).strip()


def device_class(text: str, *, os: str, foreign: bool) -> str:
    """Name the kind of device: desktop, mobile, tablet, smarttv, console, wearable, xr or embedded."""
    for name, pattern in _BY_PATTERN:
        if pattern.search(text):
            return name
    if "Macintosh" in text and "Mobile/" in text:  # an iPad that asks for desktop pages inside an app
        return "tablet"
    if os == "Android" or "Android" in text:
        return _android_class(text, foreign=foreign)
    if os == "iOS" or rules.PHONE.search(text):
        return "mobile"
    return "desktop"


def override(agent: Agent, properties: Mapping[str, object]) -> Agent:
    """Let the client's own statements (`__os`, `__device` …) win over the parsed agent."""
    if OVERRIDES.keys().isdisjoint(properties):
        return agent
    given = {
        column: value[:MAX_VALUE]
        for key, column in OVERRIDES.items()
        if isinstance(value := properties.get(key), str) and value
    }
    if not given:
        return agent
    if agent.is_server and "device" not in given:
        given["device"] = ""
    return agent._replace(**given)


_BY_PATTERN: Final = (
    ("console", rules.CONSOLE),
    ("smarttv", rules.TELEVISION),
    ("wearable", rules.WEARABLE),
    ("xr", rules.XR),
    ("embedded", rules.EMBEDDED),
    ("tablet", rules.TABLET),
)


def _browser(found: UserAgent | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    name = rules.BROWSER_NAMES.get(found.family, found.family)
    return name[:MAX_VALUE], _version(found.major, found.minor, found.patch, found.patch_minor)


def _system(text: str, found: OS | None) -> tuple[str, str]:
    if found is None or found.family == "Other":
        return "", ""
    name = rules.OS_NAMES.get(found.family, found.family)
    if name == "iOS" and (frozen := rules.FROZEN_IOS.search(text)):
        return name, (frozen[1] + frozen[2])[:MAX_VALUE]
    version = _version(found.major, found.minor, found.patch, found.patch_minor)
    if not version and (named := rules.IPAD_VERSION.search(text)):
        version = named[1].replace("_", ".")
    return name[:MAX_VALUE], version


def _device(text: str, found: Device | None) -> tuple[str, str]:
    brand, model = (found.brand or "", (found.model or "")[:MAX_VALUE].strip()) if found else ("", "")
    if model in rules.NO_MODEL:
        named = rules.ANDROID_MODEL.search(text)
        model = named[1].strip() if named else ""
    if brand in rules.NO_BRAND:
        brand = next((name for name, pattern in rules.BRANDS if pattern.match(model)), "")
    return rules.BRAND_NAMES.get(brand, brand)[:MAX_VALUE], model


def _android_class(text: str, *, foreign: bool) -> str:
    """Tell phone from tablet: browsers on phones say `Mobile`; frozen agents and apps say nothing, and are phones."""
    if "Mobile" in text or rules.FROZEN_ANDROID.search(text) or foreign or "AppleWebKit" not in text:
        return "mobile"
    return "tablet"


def _app_fields(text: str, os: str, os_version: str, brand: str, model: str) -> tuple[str, str, str, str]:
    """Complete what the pattern files found by the `key=value` form that SDKs of apps use."""
    fields = {key.lower(): value.strip() for key, value in rules.APP_FIELD.findall(text)}
    if not os and (named := rules.APP_SYSTEM.search(fields.get("os", text))):
        os = rules.SYSTEM_NAMES[named[1].lower()]
        os_version = os_version or (named[2] or "").replace("_", ".")
    os_version = os_version or fields.get("version", "") if os else os_version
    brand = fields.get("manufacturer") or fields.get("brand") or brand
    return os, os_version[:MAX_VALUE], brand, fields.get("model") or model


def _console(text: str, brand: str, model: str) -> tuple[str, str]:
    if found := rules.XBOX.search(text):
        return "Microsoft", found[0].strip()
    return brand, model


def _version(*parts: str | None) -> str:
    """Join the parts of a version up to the first that is missing."""
    known: list[str] = []
    for part in parts:
        if not part:
            break
        known.append(part)
    return ".".join(known)[:MAX_VALUE]
