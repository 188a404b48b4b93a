"""What `GET /export/events` may be asked: the query string as a model, and its lists read out of text.

Pure. A list may be repeated (`event=a&event=b`) or be one JSON array; `includes` may also be separated by commas.
What cannot be used is refused with its path; nothing is left out in silence.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from pydantic import Field, StringConstraints

from openpanel.analytics.filters import MAX_BYTES
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.inquiries import How
from openpanel_api.public.tables import COMPUTED

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 1_000  # events of one answer; more are a matter of pages or the cursor
MAX_PAGE: Final = 10_000
MAX_NAMES: Final = 100

Text = Annotated[str, StringConstraints(max_length=MAX_BYTES)]


class EventsParameters(How):
    """The query string."""

    project: Text | None = Field(
        default=None,
        alias="projectId",
        description="Project to read; left out: the client's own.",
        examples=["demo"],
    )
    project_too: Text | None = Field(default=None, alias="project_id", description="The same as `projectId`.")
    profile: Text | None = Field(
        default=None,
        alias="profileId",
        description="Events of this profile, or of this device while it is anonymous.",
    )
    event: list[Text] = Field(
        default_factory=list, max_length=MAX_NAMES, description="Names of events; several are alternatives.",
        examples=[["screen_view"]],
    )  # fmt: skip
    start: Text | None = Field(
        default=None, description="First day or moment, included; a day is one of the project's time zone.",
        examples=["2026-03-01"],
    )  # fmt: skip
    end: Text | None = Field(
        default=None,
        description="Last day or moment, included: `23:59:59` is all of that second.",
        examples=["2026-03-31T18:00:00Z"],
    )
    page: int | None = Field(
        default=None, ge=1, le=MAX_PAGE, description="Page, from 1. Long reads use `cursor`."
    )
    limit: int = Field(
        default=DEFAULT_LIMIT,
        ge=1,
        le=1_000_000_000,
        description=f"Events a page; more than {MAX_LIMIT} are {MAX_LIMIT}.",
    )
    cursor: Text | None = Field(
        default=None,
        description="`meta.cursor` of the page before: goes on exactly there, whatever arrived meanwhile.",
    )
    filters: Text | None = Field(
        default=None,
        description="JSON array of `{name, operator, value}`; all must hold.",
        examples=['[{"name":"country","operator":"is","value":["KR"]}]'],
    )
    includes: list[Text] = Field(
        default_factory=list,
        max_length=MAX_NAMES,
        description="What to add: `properties`, `profile`, `meta`; every other event field is there anyway.",
        examples=[["properties"]],
    )

    format: Literal["json", "csv", "ndjson", "parquet", "arrow"] = Field(
        default="json",
        description="All but `json` stream every event that is asked for, however many, with its properties; `limit` "
        f"cuts them, and they come by day, name and device. {COMPUTED}",
    )

    @property
    def most(self) -> int | None:
        """How many events a file holds; all of them unless a limit was given."""
        return self.limit if "limit" in self.model_fields_set else None

    @property
    def named_project(self) -> str | None:
        """The project that was named, if one was. Raises `BadRequest` for two of them."""
        return either(projectId=self.project, project_id=self.project_too)[1]

    @property
    def rows(self) -> int:
        """How many events one answer holds."""
        return min(self.limit, MAX_LIMIT)


def either(**given: str | None) -> tuple[str, str | None]:
    """Of two names of one parameter that which was given, and what it says. Raises `BadRequest` for both."""
    (first, one), (second, other) = given.items()
    if one and other and one != other:
        raise BadRequest(f"{second}: expected either {first} or {second}, which are the same")
    return (first, one) if one or not other else (second, other)


def names(values: Sequence[str], *, parameter: str) -> tuple[str, ...]:
    """The entries of a list parameter, repeated or as JSON."""
    found = tuple(entry for value in values for entry in _entries(value))
    if not all(found):
        raise BadRequest(f"{parameter}[{found.index('')}]: is empty; expected a name")
    if len(found) > MAX_NAMES:
        raise BadRequest(f"{parameter}: at most {MAX_NAMES} names")
    return found


def includes(values: Sequence[str], *, known: frozenset[str]) -> frozenset[str]:
    """The names of what to add; an unknown one is refused."""
    wanted = frozenset(
        part.strip()
        for entry in names(values, parameter="includes")
        for part in entry.split(",")
        if part.strip()
    )
    if unknown := sorted(wanted - known):
        raise BadRequest(
            f"includes: unknown {', '.join(unknown)}; expected some of {', '.join(sorted(known))}"
        )
    return wanted


def _entries(value: str) -> tuple[str, ...]:
    if not value.startswith("["):
        return (value,)
    try:
        return msgspec.json.decode(value, type=tuple[str, ...])
    except msgspec.DecodeError:
        return (value,)  # an event may be named so
