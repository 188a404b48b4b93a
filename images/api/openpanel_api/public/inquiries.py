"""One request for numbers: who asks, about which project, and how the answer goes out.

A handler names the questions and how their answers are shown; whether they are asked or explained, given as JSON or as
a table, or only confirmed as unchanged, is decided here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, Final, TypeVar, get_args
from urllib.parse import quote, urlencode

from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json, to_jsonable_python

from openpanel.analytics.asking import Question
from openpanel.analytics.cache import STEP, Found
from openpanel.analytics.explaining import Explanation, explain
from openpanel.analytics.former_days import FormerDays, former_days
from openpanel.analytics.limits import over_limit
from openpanel.analytics.periods import Period
from openpanel.analytics.volume import Volume
from openpanel.metadata import ProjectRecord
from openpanel.warehouse import WarehouseError
from openpanel_api.public.access import Access, reader
from openpanel_api.public.asking import answered, found
from openpanel_api.public.dates import Dates, period_of, wants_earliest
from openpanel_api.public.errors import Unchanged
from openpanel_api.public.fullness import MORE, fullness
from openpanel_api.public.services import Given, Services
from openpanel_api.public.tables import COMPUTED, MEDIA_TYPES, Format, as_csv, as_ndjson, columns_of

STALEST: Final = timedelta(minutes=10)  # that a client may accept, with `Cache-Control: max-stale`
_OF_PATHS: Final = "/%:@!$&'()*+,;="  # what stands in a path as it is, says RFC 3986

T = TypeVar("T")
Shown = Callable[..., Any]
Rows = Callable[[Any], Sequence[Mapping[str, Any]]]


class How(BaseModel):
    """How to answer; part of every question's parameters."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    explain: bool = Field(
        default=False,
        description="Answer how the question would be answered: source, reason, SQL, what is read.",
    )


class AsTable(How):
    """How to answer what is made of rows."""

    format: Format = Field(
        default="json", description=f"`csv` and `ndjson` give the rows alone, as a table. {COMPUTED}"
    )


class ReadJson(BaseModel):
    """What would be read of a table."""

    table: str = Field(examples=["sessions"])
    granules: int = Field(description="Blocks of some thousand rows that are read.", examples=[3])
    of_granules: int = Field(description="All blocks of the table.", examples=[120])


class PlanJson(BaseModel):
    """How one question would be answered."""

    question: str = Field(examples=["Metrics"])
    source: str = Field(description="`sessions`, `events` or `rollup`.", examples=["sessions"])
    reason: str = Field(description="Why it is read there.", examples=["12,000 events are quick to read"])
    sql: str = Field(examples=["SELECT …"])
    parameters: dict[str, Any] = Field(description="The values in it.", examples=[{"project": "demo"}])
    reads: list[ReadJson]


class PlansJson(BaseModel):
    """The answer to `explain=true`."""

    plans: list[PlanJson]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the cursor of what goes on after them; the answer is the rows, and a `Link` to the next ones.

    `more`: there are more, and no cursor leads there.
    """

    rows: Sequence[Any]
    cursor: object | None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request about one project, by somebody who may ask about it."""

    request: Request
    headers: Mapping[str, str]  # what the answer carries anyway
    services: Services
    project: ProjectRecord
    now: datetime

    @property
    def zone(self) -> str:
        """The project's time zone."""
        return self.project.timezone

    @property
    def step(self) -> datetime:
        """Now, in steps of the clock of kept answers: for what is as of a moment, and may be some seconds old."""
        return self.now - timedelta(microseconds=self.now.microsecond, seconds=self.now.second % STEP.seconds)

    async def period(self, asked: Dates) -> Period:
        """The stretch of time that is asked about."""
        earliest = None
        if wants_earliest(asked):
            volume = await self.found(Volume(self.project.id, self.zone))
            earliest = volume.answer.earliest(self.zone)
        return period_of(asked, timezone=self.zone, now=self.now, earliest=earliest)

    async def found(self, question: Question[T]) -> Found[T]:
        """One answer, for what depends on it."""
        (answer,) = await self.found_all(question)
        return answer

    async def found_all(self, *questions: Question[Any]) -> tuple[Found[Any], ...]:
        """Several, asked at once. The answer to the client says how old the oldest of all is that is not of now."""
        answers = await found(
            self.request, self.services, *questions, former=self._former, stale_for=self._stale_for
        )
        stale = [each.read_at for each in answers if not each.fresh]
        state = self.request.state
        state.oldest = min((*stale, getattr(state, "oldest", self.now)))
        return answers

    def remember(self, asked: BaseModel) -> None:
        """Keep what was asked, to tell where in it something cannot be used."""
        self.request.state.asked = asked.model_dump(mode="json", by_alias=True, exclude_unset=True)

    async def answer(
        self,
        how: How,
        shown: Shown,
        *questions: Question[Any],
        rows: Rows | None = None,
        columns: Sequence[str] = (),
    ) -> Response:
        """`shown(*answers)` as `how` wants it. `rows` makes a table of it; without, it is one.

        `columns` are those of a table without rows; an answer that is a list says its own.
        """
        if how.explain:
            return await self.explained(*questions)
        answers = await self.found_all(*questions)
        body = shown(*(each.answer for each in answers))
        headers = fullness([each.answer for each in answers] + [body]) | self._following(body)
        output: Format = how.format if isinstance(how, AsTable) else "json"
        plain = body.rows if isinstance(body, Page) else body
        written = _written(plain, output, rows, columns if rows else self._columns)
        return self.respond(written, media_type=MEDIA_TYPES[output], headers=headers)

    def respond(
        self, body: bytes, *, media_type: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> Response:
        """The answer, or that it is still the one which the client has: 304, and 412 to a question that is posted.

        So says RFC 9110, section 13.1.2: 304 is an answer to GET and HEAD alone.
        """
        tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
        oldest = getattr(self.request.state, "oldest", self.now)
        age = {"Age": str(int((self.now - oldest).total_seconds()))} if oldest < self.now else {}
        given = {**self.headers, **age, **(headers or {}), "ETag": tag, "Cache-Control": "private, no-cache"}
        known = {one.strip() for one in self.request.headers.get("if-none-match", "").split(",")}
        if known & {tag, tag.removeprefix("W/"), "*"}:
            if self.request.method == "POST":
                raise Unchanged("The answer is still the one that If-None-Match names", headers=given)
            return Response(status_code=304, headers=given)
        return Response(body, media_type=media_type, headers=given)

    @property
    def _former(self) -> FormerDays | None:
        return former_days(self.project, now=self.now)

    @property
    def _columns(self) -> tuple[str, ...]:
        """Of the list that the route describes."""
        described = get_args(self.request.scope["route"].response_model)  # an answer, or how it would be made
        return columns_of(described[0]) if described else ()

    def _following(self, body: Any) -> dict[str, str]:
        """That there is more, and where, of a page with a cursor: a table shows no cursor itself."""
        cursor = getattr(body, "cursor", None)
        if cursor is None:
            return {}
        sent: bytes = self.request.scope[
            "raw_path"
        ]  # decoded it may be another path, and no text for a header
        asked = [(name, text) for name, text in self.request.query_params.multi_items() if name != "cursor"]
        following = f"{quote(sent, safe=_OF_PATHS)}?{urlencode([*asked, ('cursor', str(cursor))])}"
        return {MORE: "true", "Link": f'<{following}>; rel="next"'}

    async def explained(self, *questions: Question[Any]) -> Response:
        """How they would be answered."""
        plans = [
            await answered(self.request, self.services, partial(self._plan, question))
            for question in questions
        ]
        return self.respond(to_json(PlansJson(plans=plans)))

    def _plan(self, question: Question[Any], comment: str) -> PlanJson:
        try:
            plan = explain(self.services.warehouse, question, former=self._former, log_comment=comment)
        except WarehouseError as error:
            raise over_limit(error, question=question) or error from error
        return _plan_json(question, plan)

    @property
    def _stale_for(self) -> timedelta:
        """How old an answer may be, in the words of RFC 9111: `Cache-Control: max-stale=60`."""
        for part in self.request.headers.get("cache-control", "").split(","):
            name, _, seconds = part.strip().partition("=")
            if name == "max-stale" and seconds.isdigit():
                return min(timedelta(seconds=int(seconds[:6])), STALEST)
        return timedelta(0)


PROJECT_PATH = Annotated[
    str, Path(alias="projectId", description="Id of the project.", examples=["demo"], max_length=100)
]


@dataclass(frozen=True, slots=True)
class Entrance:
    """A client that was let in and has not said yet which project it asks about."""

    request: Request
    response: Response
    services: Services
    access: Access

    async def about(self, project: str | None) -> Inquiry:
        """The inquiry about a project; `None`: the client's own. Raises what `Access.project` does."""
        record = await self.access.project(self.services, named=project)
        headers = plain_headers(self.response)
        services = self.services.asked_by(record.organization)
        return Inquiry(self.request, headers, services, record, services.now())


def plain_headers(response: Response) -> dict[str, str]:
    """What a response says already, without what is about its body."""
    return {name: value for name, value in response.headers.items() if name != "content-length"}


def entrance(surface: str, *, verb: str) -> Callable[..., Awaitable[Entrance]]:
    """A dependency that lets readers in."""

    async def let_in(
        request: Request,
        response: Response,
        services: Given,
        access: Annotated[Access, Depends(reader(surface, verb=verb))],
    ) -> Entrance:
        return Entrance(request, response, services, access)

    return let_in


async def _inquiry(
    entered: Annotated[Entrance, Depends(entrance("Insights", verb="read insights"))], project: PROJECT_PATH
) -> Inquiry:
    return await entered.about(project)


Inquiring = Annotated[Inquiry, Depends(_inquiry)]


def _written(body: Any, output: Format, rows: Rows | None, columns: Sequence[str]) -> bytes:
    if output == "json":
        return to_json(body, by_alias=True, inf_nan_mode="null")
    table = to_jsonable_python(rows(body) if rows else body, by_alias=True)
    return as_csv(table, columns=columns) if output == "csv" else as_ndjson(table)


def _plan_json(question: Question[Any], plan: Explanation) -> PlanJson:
    return PlanJson(
        question=type(question).__name__,
        source=plan.source.value,
        reason=plan.reason,
        sql=plan.sql,
        parameters=to_jsonable_python(dict(plan.parameters), bytes_mode="base64"),
        reads=[
            ReadJson(table=read.table, granules=read.granules, of_granules=read.of_granules)
            for read in plan.reads
        ],
    )
