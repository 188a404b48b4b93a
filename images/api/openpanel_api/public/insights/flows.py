"""The ways that sessions take after an event, before it, or between two of them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from openpanel.analytics.flows import MAX_KEPT, MAX_STEPS, Flow, FlowAnswer, FlowMode, FlowNode
from openpanel.analytics.occurrences import Step
from openpanel_api.public.dates import Dates
from openpanel_api.public.documented import described
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.inquiries import AsTable, Inquiring, Inquiry
from openpanel_api.public.insights.parameters import Filtered, Text, conditions
from openpanel_api.public.lists import listed
from openpanel_api.public.memberships import memberships
from openpanel_api.public.question_json import Cohorts, Filters, Name, StepJson, made
from openpanel_api.public.shapes import percent
from openpanel_api.public.tables import columns_of

MOST_NAMES: Final = 100
OTHER: Final = "Other"
router = APIRouter(prefix="/user_flow", route_class=Guarded)
Names = Annotated[list[Name], BeforeValidator(listed), Field(max_length=MOST_NAMES)]


class NodeJson(BaseModel):
    """A screen, by its path, or another event, by its name."""

    id: str = Field(examples=["1-path-/pricing"])
    label: str = Field(examples=["/pricing"])
    step: int = Field(examples=[1])
    value: int = Field(description="Sessions that come here.", examples=[120])
    percentage: float | None = Field(description="Percent of all sessions of the flow.", examples=[60.0])
    other: bool = Field(description="All that were not kept at this step, together.")


class FlowLinkJson(BaseModel):
    """So many sessions went on from one node to another."""

    source: str = Field(examples=["1-path-/pricing"])
    target: str = Field(examples=["2-event-signup"])
    value: int = Field(examples=[40])


LINK_COLUMNS: Final = columns_of(FlowLinkJson)


class FlowJson(BaseModel):
    """Nodes, and the links between them."""

    nodes: list[NodeJson]
    links: list[FlowLinkJson]
    node_count: int = Field(examples=[2])
    sessions: int = Field(description="Sessions of the flow.", examples=[200])


class Ways(Dates):
    """Which ways."""

    mode: FlowMode = "after"
    steps: int = Field(default=5, ge=2, le=MAX_STEPS)
    kept: int = Field(
        default=5, ge=1, le=MAX_KEPT, description="Nodes of one step; the others are one together."
    )


class PlainWays(Ways, Filtered):
    """By names of events."""

    start_event: Text | None = Field(default=None, alias="startEvent", examples=["screen_view"])
    end_event: Text | None = Field(default=None, alias="endEvent")
    include: Names = Field(default_factory=list, description="Only these events count as steps.")
    exclude: Names = Field(default_factory=list, description="These events do not.")


class WaysQuestion(Ways):
    """By events with filters."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"start": {"name": "screen_view"}, "steps": 3}]}
    )

    start: StepJson | None = None
    end: StepJson | None = None
    include: list[Name] = Field(default_factory=list, max_length=MOST_NAMES)
    exclude: list[Name] = Field(default_factory=list, max_length=MOST_NAMES)
    filters: Filters = Field(default_factory=list)
    cohorts: Cohorts = Field(default_factory=list)


@router.get("", **described(FlowJson, "Ways of sessions", rows=True, asked={"startEvent": "screen_view"}))
async def ways(given: Inquiring, asked: Annotated[PlainWays, Query()]) -> Response:
    """Nodes of steps and the links between them, most frequent first."""
    given.remember(asked)
    filters = conditions(asked)
    start, end = (Step(name) if name else None for name in (asked.start_event, asked.end_event))
    question = Flow(
        **await _shared(given, asked, asked.include, asked.exclude),
        start=start,
        end=end,
        filters=filters,
        cohorts=await memberships(given, filters),
    )
    return await given.answer(asked, flow_json, question, rows=lambda body: body.links, columns=LINK_COLUMNS)


@router.post("", **described(FlowJson, "Ways of these sessions", rows=True, posted=True))
async def large_ways(given: Inquiring, how: Annotated[AsTable, Query()], asked: WaysQuestion) -> Response:
    """The same with filters on start and end."""
    given.remember(asked)
    filters = made(asked.filters)
    start, end = (each.made() if each else None for each in (asked.start, asked.end))
    every = [*filters, *(each for step in (start, end) if step for each in step.filters)]
    question = Flow(
        **await _shared(given, asked, asked.include, asked.exclude),
        start=start,
        end=end,
        filters=filters,
        cohorts=await memberships(given, every, own=asked.cohorts),
    )
    return await given.answer(how, flow_json, question, rows=lambda body: body.links, columns=LINK_COLUMNS)


async def _shared(
    given: Inquiry, asked: Ways, include: Sequence[str], exclude: Sequence[str]
) -> dict[str, Any]:
    return {
        "project": given.project.id,
        "timezone": given.zone,
        "period": await given.period(asked),
        "mode": asked.mode,
        "steps": asked.steps,
        "kept": asked.kept,
        "include": tuple(include),
        "exclude": tuple(exclude),
    }


def flow_json(found: FlowAnswer) -> FlowJson:
    """A flow as the API shows it."""
    nodes = [
        NodeJson(
            id=_id(node),
            label=_label(node),
            step=node.step,
            value=sessions,
            percentage=percent(sessions / found.sessions if found.sessions else None),
            other=node.other,
        )
        for node, sessions in found.nodes
    ]
    links = [
        FlowLinkJson(source=_id(link.source), target=_id(link.target), value=link.sessions)
        for link in found.links
    ]
    return FlowJson(nodes=nodes, links=links, node_count=len(nodes), sessions=found.sessions)


def _label(node: FlowNode) -> str:
    return OTHER if node.other else node.path or node.name


def _id(node: FlowNode) -> str:
    """Different for each node: a screen without a path is called by its name, and so may an event."""
    kind = "other" if node.other else "path" if node.path else "event"
    return f"{node.step}-{kind}-{_label(node)}"
