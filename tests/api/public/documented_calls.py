"""The calls that docs/api shows, and the operation of the API's description behind each."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from fastapi import FastAPI

from docs.generate import api_pages

FOLDER: Final = Path(__file__).parents[3] / "docs/api"
_SHOWN: Final = re.compile(r"```sh\n(curl .*?)\n```", flags=re.DOTALL)


class Call(NamedTuple):
    """A call of a page."""

    method: str
    address: str
    body: Any

    @property
    def asked(self) -> dict[str, list[str]]:
        """The query string."""
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(urlsplit(self.address).query, keep_blank_values=True):
            found.setdefault(name, []).append(value)
        return found


def calls(page: str) -> Iterator[Call]:
    """The calls of a page, in its order."""
    for block in _SHOWN.findall(page):
        _, *words = shlex.split(block.replace("\\\n", " "))
        method, body, address = "GET", None, ""
        while words:
            word = words.pop(0)
            if word in ("-X", "-H", "-d"):
                given = words.pop(0)
                method = given if word == "-X" else method
                body = json.loads(given) if word == "-d" else body
            else:
                address = word.removeprefix("$OPENPANEL_API_URL")
        yield Call(method, address, body)


def documented(app: FastAPI) -> Mapping[tuple[str, str], Call]:
    """The call of each operation, by method and path: the pages have them in the order of the description."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            parts.setdefault(operation["tags"][0], []).append((method.upper(), path))
    found: dict[tuple[str, str], Call] = {}
    pages = api_pages()
    for part, each in parts.items():
        found |= zip(each, calls(pages[f"{part.replace(': ', '-')}.md"]), strict=True)
    return found
