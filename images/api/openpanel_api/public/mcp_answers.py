"""What a tool says: the answer, and beside it what the route of the tool tells in headers, which no agent sees.

The answer is a text, as every agent reads it; what must be known of it is a second text, where there is anything to
know. Both are in the structured answer as well: `answer`, and the fields of `Beside`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.datastructures import Headers

from openpanel_api.public.errors import shape
from openpanel_api.public.fullness import APPROXIMATE, MORE, NEWEST

CURSOR: Final = "cursor"


class Beside(BaseModel):
    """What an answer is not."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    more: bool = False  # there are more rows than these
    cursor: str | None = None  # the argument with which the rows after these are asked for
    approximate: bool = False
    newest: int | None = None  # events that were looked at, where not all were
    age_seconds: int = 0  # more than that was counted since

    @property
    def sentences(self) -> Iterator[str]:
        """The same for who reads."""
        if self.cursor is not None:
            yield f"There are more rows: the next ones are asked for with {CURSOR} {self.cursor}."
        elif self.more:
            yield "There are more rows than these."
        if self.approximate:
            yield "The numbers were counted of summaries, and may be off by some percent."
        if self.newest is not None:
            yield f"Only the newest {self.newest:,} events were looked at."
        if self.age_seconds:
            yield f"This is of {self.age_seconds} seconds ago; more was counted since."


def beside(headers: Headers) -> Beside:
    """What the headers of an answer tell."""
    link = headers.get("link", "").partition(">")[0].removeprefix("<")
    cursor = parse_qs(urlsplit(link).query).get(CURSOR)
    newest = headers.get(NEWEST)
    return Beside(
        more=cursor is not None or MORE in headers,
        cursor=cursor[0] if cursor else None,
        approximate=APPROXIMATE in headers,
        newest=int(newest) if newest else None,
        age_seconds=int(headers.get("age", "0")),
    )


def answered(body: str, told: Beside) -> CallToolResult:
    """The JSON of an answer, and what is to be known of it."""
    texts = [body]
    if said := " ".join(told.sentences):
        texts.append(said)
    return CallToolResult(
        content=[TextContent(type="text", text=text) for text in texts],
        structured_content={"answer": json.loads(body), **told.model_dump(by_alias=True)},
    )


def refused(problem: Mapping[str, Any], *, retry_after: str | None = None) -> CallToolResult:
    """An error of the API: its message is a text that an agent can act on."""
    later = {} if retry_after is None else {"retryAfterSeconds": int(retry_after)}
    return CallToolResult(
        content=[TextContent(type="text", text=str(problem["message"]))],
        structured_content={**problem, **later},
        is_error=True,
    )


def not_asked(message: str) -> CallToolResult:
    """A call that asks for nothing that there is."""
    return refused(shape(400, message))
