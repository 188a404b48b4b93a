"""`GET` and `POST /export/charts`: any chart of events; the second for questions that are too long for an address."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from openpanel.analytics.breakdowns import MAX_KEPT
from openpanel.analytics.charts import Chart, ChartKind
from openpanel_api.public.chart_json import ChartJson, chart_columns, chart_json, chart_rows
from openpanel_api.public.dates import Compared, before, interval_of
from openpanel_api.public.documented import described
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.export_parameters import either
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.inquiries import AsTable, Entrance, Inquiry, entrance
from openpanel_api.public.memberships import memberships
from openpanel_api.public.question_json import (
    BREAKDOWNS,
    FILTERS,
    SERIES,
    BreakdownJson,
    Breakdowns,
    CohortJson,
    Cohorts,
    EventJson,
    FilterJson,
    Filters,
    FormulaJson,
    Series,
    Text,
    made,
    parsed,
    series_of,
)
from openpanel_api.public.references import marks

ASKED: Final = {"series": '[{"name":"screen_view","segment":"user"}]', "range": "7d"}
PROJECT: Final = "Project to read; left out: the client's own."
COHORTS: Final[TypeAdapter[list[CohortJson]]] = TypeAdapter(Cohorts)
Entered = Annotated[Entrance, Depends(entrance("Export", verb="export"))]

router = APIRouter(tags=["export"], route_class=Guarded)


class Chosen(Compared):
    """What both ways of asking have."""

    project_id: Text | None = Field(default=None, alias="projectId", description=PROJECT, examples=["demo"])
    project_too: Text | None = Field(default=None, alias="project_id", description="The same as `projectId`.")
    kind: ChartKind = Field(
        default="linear", alias="chartType",
        description="`bar`, `pie`, `metric` and `map` have one bucket, the others one per interval.",
    )  # fmt: skip
    limit: int = Field(default=10, ge=1, le=MAX_KEPT, description="Values of the breakdown that are kept.")

    @property
    def named_project(self) -> str | None:
        """The project that was named, if one was."""
        return either(projectId=self.project_id, project_id=self.project_too)[1]


class ChartQuestion(Chosen):
    """A chart as JSON."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "series": [
                        {"name": "screen_view", "segment": "user"},
                        {"name": "signup", "segment": "user"},
                        {"type": "formula", "formula": "B / A * 100", "hideSeries": ["A", "B"]},
                    ],
                    "breakdowns": ["country"],
                    "range": "7d",
                    "previous": True,
                }
            ]
        }
    )

    series: Series = Field(
        description="What is counted.", examples=[[{"name": "screen_view", "segment": "user"}]]
    )
    breakdowns: Breakdowns = Field(
        default_factory=list, description="Up to three fields.", examples=[["country"]]
    )
    filters: Filters = Field(default_factory=list, description="Conditions on the events of all series.")
    cohorts: Cohorts = Field(
        default_factory=list, description="Cohorts of this question, beside the stored ones."
    )


class ChartParameters(Chosen, AsTable):
    """A chart in a query string; lists are JSON."""

    series: Text | None = Field(
        default=None,
        description="JSON array of series.",
        examples=['[{"name":"screen_view","segment":"user"}]'],
    )
    events: Text | None = Field(default=None, description="The same as `series`.")
    breakdowns: Text | None = Field(
        default=None, description="JSON array of names of fields, or one name.", examples=['["country"]']
    )
    filters: Text | None = Field(default=None, description="JSON array of filters on all series.")
    global_filters: Text | None = Field(
        default=None, alias="globalFilters", description="The same as `filters`."
    )
    cohorts: Text | None = Field(default=None, description="JSON array of cohorts of this question.")

    def question(self) -> ChartQuestion:
        """The same as JSON says it."""
        name, text = either(series=self.series, events=self.events)
        series = parsed(text, SERIES, name=name, nothing=[])
        if not series:
            raise BadRequest('series: expected a JSON array such as [{"name":"screen_view"}]')
        plain = self.model_dump(by_alias=True, exclude_unset=True, include=set(Chosen.model_fields))
        return ChartQuestion.model_construct(
            **Chosen.model_validate(plain).__dict__,
            series=series,
            breakdowns=_breakdowns(self.breakdowns),
            filters=self._filters(),
            cohorts=parsed(self.cohorts, COHORTS, name="cohorts", nothing=[]),
        )

    def _filters(self) -> list[FilterJson]:
        name, text = either(filters=self.filters, globalFilters=self.global_filters)
        return parsed(text, FILTERS, name=name, nothing=[])


@router.get("/export/charts", **described(ChartJson, "Draw a chart", rows=True, asked=ASKED))
async def chart(entered: Entered, asked: Annotated[ChartParameters, Query()]) -> Response:
    """Series of events, over time or as totals, broken down and compared, in a query string."""
    return await _answer(await entered.about(asked.named_project), asked, asked.question())


@router.post("/export/charts", **described(ChartJson, "Draw a large chart", rows=True, posted=True))
async def large_chart(
    entered: Entered,
    how: Annotated[AsTable, Query()],
    asked: ChartQuestion,
) -> Response:
    """The same, asked with JSON."""
    return await _answer(await entered.about(asked.named_project), how, asked)


async def _answer(given: Inquiry, how: AsTable, asked: ChartQuestion) -> Response:
    question = await chart_of(given, asked)
    names, happened = series_names(asked.series), await marks(given, question.period)

    def shown(answer: Any) -> ChartJson:
        return chart_json(
            answer, names=names, breakdowns=question.breakdowns, timezone=given.zone, references=happened
        )

    columns = chart_columns(question.breakdowns)
    return await given.answer(how, shown, question, rows=_rows, columns=columns)


async def chart_of(given: Inquiry, asked: ChartQuestion) -> Chart:
    """The question about the project. Raises `BadFilter` and `BadFormula` for what cannot be used."""
    given.remember(asked)
    period = await given.period(asked)
    filters, series = made(asked.filters), series_of(asked.series)
    breakdowns = tuple(each.name for each in asked.breakdowns)
    every = [*filters, *(each for item in series for each in getattr(item, "filters", ()))]
    return Chart(
        project=given.project.id,
        timezone=given.zone,
        period=period,
        series=series,
        kind=asked.kind,
        interval=interval_of(asked, period),
        previous=before(asked, period, timezone=given.zone),
        filters=filters,
        breakdowns=breakdowns,
        limit=asked.limit,
        cohorts=await memberships(given, every, breakdowns=breakdowns, own=asked.cohorts),
    )


def series_names(series: Sequence[EventJson | FormulaJson]) -> dict[str, tuple[str, str]]:
    """The id and the name of each series by its letter."""
    return {
        chr(ord("A") + place): (
            each.id or chr(ord("A") + place),
            each.formula if isinstance(each, FormulaJson) else each.name,
        )
        for place, each in enumerate(series)
    }


def _rows(body: BaseModel) -> list[dict[str, Any]]:
    assert isinstance(body, ChartJson)
    return list(chart_rows(body))


def _breakdowns(text: str | None) -> list[BreakdownJson]:
    if text and not text.startswith("["):
        return [BreakdownJson(name=text)]
    return parsed(text, BREAKDOWNS, name="breakdowns", nothing=[])
