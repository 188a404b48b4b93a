"""Which event names are refused: reserved ones, malformed ones, and what vulnerability scanners type into fields.

A name that is accepted becomes a line in every picker of a project, so junk is worth refusing at the door.
"""

import re
from functools import lru_cache
from typing import Final

from openpanel.wire.limits import EVENT_NAME

RESERVED: Final = frozenset({"session_start", "session_end"})  # the platform writes these itself

# Substrings that occur in attacks and not in names of events; compared without regard to case.
ATTACKS: Final = (
    # call-back hosts of security scanners
    ".oast.",
    ".bxss.me",
    "bxss.me/",
    "burpcollaborator",
    "oastify.com",
    "interact.sh",
    "dnslog.cn",
    "ceye.io",
    "canarytokens",
    "acunetix",
    "netsparker",
    "invicti",
    "qualysperiscope",
    "r87.me",
    # SQL
    "pg_sleep",
    "sleep(",
    "waitfor delay",
    "benchmark(",
    "dbms_pipe",
    "xp_cmdshell",
    "union select",
    "union all select",
    "information_schema",
    "extractvalue(",
    "updatexml(",
    "order by 1--",
    "' or '",
    '" or "',
    "' and '",
    "'='",
    # files and folders
    "../",
    "..\\",
    "%2e%2e",
    "/etc/passwd",
    "/etc/shadow",
    "/proc/self",
    "win.ini",
    "web-inf",
    "wp-config.php",
    ".git/config",
    ".git/head",
    ".aws/credentials",
    ".ssh/",
    "id_rsa",
    "file:///",
    "php://",
    # commands
    "cmd.exe",
    "powershell",
    "/bin/sh",
    "/bin/bash",
    "nslookup ",
    "$(",
    "`id`",
    # templates, expressions and look-ups
    "${",
    "%{",
    "{{7*7",
    "#{",
    "jndi:",
    "java.lang",
    "__proto__",
    # markup and headers
    "<script",
    "<!doctype",
    "<!entity",
    "<svg",
    "<img",
    "javascript:",
    "onerror=",
    "bcc:",
    "content-type:",
    "%0d%0a",
)

# Paths that scanners probe, where the name starts with a slash.
SCANS: Final = (
    r"/[^\s?]*\.(?:php\d?|phtml|asp|aspx|jsp|cgi|env|ya?ml|json|xml|ini|conf|cfg|sql|bak|old|log|zip|tar|gz|7z|pem|key)",
    r"/[^\s?]*\.php\b.*",
    r"/(?:.*/)?\.[a-z0-9_-].*",
    r"/(?:.*/)?wp-.*",
    r"/(?:.*/)?(?:phpmyadmin|pma|adminer|cgi-bin|actuator|solr|jenkins|owa|vendor/phpunit)(?:/.*)?",
)

_ATTACK: Final = re.compile("|".join(map(re.escape, ATTACKS)), re.IGNORECASE)
_SCAN: Final = re.compile("|".join(SCANS), re.IGNORECASE)
_LINE_BREAK: Final = re.compile("[\r\n\x00]")


def fault_of(name: str) -> str:
    """What is wrong with an event name; '' when nothing is.

    >>> fault_of("signup"), fault_of("session_end")
    ('', 'Event name is reserved')
    """
    return "Event name is reserved" if name in RESERVED else fault_of_past(name)


def fault_of_past(name: str) -> str:
    """The same for imported events, where sessions already have their own."""
    # Asked before the cache, which would keep thousands of names of a megabyte.
    if len(name) > EVENT_NAME:
        return f"Event name is longer than {EVENT_NAME} characters"
    return _fault_of_text(name)


@lru_cache(maxsize=8_192)
def _fault_of_text(name: str) -> str:
    if not name:
        return "Event name is empty"
    if _LINE_BREAK.search(name):
        return "Event name contains a line break or NUL"
    if _ATTACK.search(name) or _SCAN.fullmatch(name):
        return "Event name looks like an attack"
    return ""
