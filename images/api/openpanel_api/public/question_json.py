"""What questions are made of, as programs write it: filters, events, series, breakdowns, cohorts; and back from JSON.

Names, operators and shapes are those of OpenPanel's reports. What cannot be used is refused with its path. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from openpanel.analytics.breakdowns import MAX_BREAKDOWNS
from openpanel.analytics.chart_series import MAX_SERIES, EventSeries, FormulaSeries, letter
from openpanel.analytics.cohorts import Behaviour, Behaviours, DynamicCohort, Traits
from openpanel.analytics.fields import COHORT, OF_COHORT
from openpanel.analytics.filters import MAX_BYTES, MAX_FILTERS, MAX_VALUES, BadFilter
from openpanel.analytics.formulas import MAX_LENGTH
from openpanel.analytics.occurrences import Step
from openpanel.analytics.property_filters import FilterOperator, PropertyFilter, ValueType
from openpanel.analytics.reading import ANY_EVENT
from openpanel.analytics.segments import Segment
from openpanel.enrich.properties import number_text
from openpanel_api.public.asked_places import path_text
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.moments import beginning, ending, fault_of

MAX_COHORTS: Final = 10
MEMBERSHIP: Final = ("inCohort", "notInCohort")

T = TypeVar("T")
Text = Annotated[str, StringConstraints(max_length=MAX_BYTES)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_BYTES)]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _scalar(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        expected = "expected a text, a number, true or false; isNull asks for what is not there"
        raise PydanticCustomError("scalar", expected)
    if isinstance(value, str) and len(value) > MAX_BYTES:
        raise PydanticCustomError("scalar", f"expected at most {MAX_BYTES} characters")
    return value


def _bound(value: Any) -> Any:
    if reason := fault_of(value):
        raise PydanticCustomError("moment", reason)
    return value


Bound = Annotated[str, BeforeValidator(_bound)]
Scalar = Annotated[bool | int | float | Text, BeforeValidator(_scalar)]


class Asked(BaseModel):
    """Part of a question: camelCase, nothing unknown."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, alias_generator=to_camel)


class FilterJson(Asked):
    """A condition; of several values one must match."""

    id: Text | None = Field(default=None, description="For whoever edits it.", exclude=True)
    name: Name = Field(
        description="A field of the event (`path`, `country`, `utm_source` …), `properties.<key>`, "
        "`session.<column>`, `profile.<column>`, `profile.properties.<key>`, `group.<column>`, `has_profile`, `cohort`.",
        examples=["country"],
    )
    operator: FilterOperator = Field(default="is", examples=["is"])
    value: Annotated[list[Scalar], BeforeValidator(_listed), Field(max_length=MAX_VALUES)] = Field(
        default_factory=list, description="One value or several.", examples=[["KR"]]
    )
    type: ValueType | None = Field(default=None, description="How values compare; left out: by the operator.")
    cohort_ids: list[Name] = Field(
        default_factory=list, max_length=MAX_VALUES, description="The values of `inCohort` and `notInCohort`."
    )
    cohort_id: Name | None = Field(default=None, description="The same of one cohort.")

    def made(self) -> PropertyFilter:
        """As questions take it."""
        cohorts = [*self.cohort_ids, *([] if self.cohort_id is None else [self.cohort_id])]
        if cohorts and self.operator not in MEMBERSHIP:
            reason = f"cohortIds are the values of {' and '.join(MEMBERSHIP)}, not of {self.operator}"
            raise BadFilter(cohorts[0], reason=reason)
        values = tuple(written(value) for value in [*self.value, *cohorts])
        return PropertyFilter(self.name, self.operator, values, self.type)


Filters = Annotated[list[FilterJson], Field(max_length=MAX_FILTERS)]


class StepJson(Asked):
    """Events of a name that pass the filters."""

    id: Text | None = Field(default=None, exclude=True)
    name: Name = Field(
        default=ANY_EVENT,
        description="Name of the event; `*`: any that a visitor did.",
        examples=["screen_view"],
    )
    display_name: Text = Field(default="", description="What answers call it.")
    filters: Filters = Field(default_factory=list)

    def made(self) -> Step:
        """As questions take it."""
        return Step(self.name, made(self.filters), self.display_name)


class EventJson(StepJson):
    """A series of events."""

    type: Literal["event"] = "event"
    segment: Segment = Field(default="event", description="What is counted of them.")
    property: Text = Field(
        default="", description="For the segments of a property, such as `properties.price`."
    )
    hidden: bool = Field(default=False, description="Only for formulas, not answered itself.")


class FormulaJson(Asked):
    """A series that is computed from those before it."""

    id: Text | None = Field(default=None, exclude=True)
    type: Literal["formula"]
    formula: Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)] = Field(
        description="Series are letters in their order: `B / A * 100`.", examples=["B / A * 100"]
    )
    display_name: Text = Field(default="")
    hide_series: list[Annotated[str, StringConstraints(pattern="^[A-L]$")]] = Field(
        default_factory=list, max_length=12, description="Letters of series that are not answered themselves."
    )
    hidden: bool = False


class BreakdownJson(Asked):
    """A field whose values are answered apart."""

    id: Text | None = Field(default=None, exclude=True)
    name: Name = Field(examples=["country"])


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _kind(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return "formula" if kind == "formula" else "event"


SeriesJson = Annotated[
    Annotated[EventJson, Tag("event")] | Annotated[FormulaJson, Tag("formula")], Discriminator(_kind)
]
Series = Annotated[list[SeriesJson], Field(min_length=1, max_length=MAX_SERIES)]
Breakdowns = Annotated[
    list[Annotated[BreakdownJson, BeforeValidator(_named)]], Field(max_length=MAX_BREAKDOWNS)
]


class BehaviourJson(Asked):
    """Did this so often: within the last `days` calendar days, or from `start` to `end`, or ever."""

    name: Name = ANY_EVENT
    filters: Filters = Field(default_factory=list)
    frequency: Literal["gte", "eq", "lte"] = Field(default="gte", description="At least, exactly, at most.")
    times: int = Field(default=1, ge=0, le=1_000_000)
    days: int | None = Field(default=None, ge=1)
    start: Bound | None = Field(
        default=None, description="First day or moment; without an offset of the project's time zone."
    )
    end: Bound | None = Field(
        default=None, description="Last day or moment, included: `23:59:59` is all of that second."
    )

    def made(self, *, timezone: str) -> Behaviour:
        """As cohorts take it."""
        start = self.start and beginning(self.start, name="start", timezone=timezone)
        end = self.end and ending(self.end, name="end", timezone=timezone)
        return Behaviour(
            self.name, made(self.filters), self.frequency, self.times, self.days, start or None, end or None
        )


class CohortJson(Asked):
    """A cohort of this question alone: persons who did something (`events`), or whose profile is so (`profile`)."""

    id: Name = Field(description="What filters and breakdowns call it.", examples=["regulars"])
    combine: Literal["and", "or"] = "and"
    events: list[BehaviourJson] = Field(default_factory=list, max_length=10)
    profile: Filters = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_one_of_both(self) -> Self:
        if bool(self.events) == bool(self.profile):
            raise PydanticCustomError("cohort", "expected either events or profile")
        return self

    def made(self, *, now: datetime, timezone: str) -> DynamicCohort:
        """As questions take it. Times without a zone are of `timezone`."""
        if self.profile:
            return DynamicCohort(self.id, Traits(made(self.profile), self.combine), now)
        rules = tuple(each.made(timezone=timezone) for each in self.events)
        return DynamicCohort(self.id, Behaviours(rules, self.combine), now)


Cohorts = Annotated[list[CohortJson], Field(max_length=MAX_COHORTS)]


def made(filters: Sequence[FilterJson]) -> tuple[PropertyFilter, ...]:
    """Filters as questions take them."""
    return tuple(each.made() for each in filters)


def series_of(given: Sequence[EventJson | FormulaJson]) -> tuple[EventSeries | FormulaSeries, ...]:
    """Series as charts take them; those that a formula hides are hidden."""
    hidden = {each for item in given if isinstance(item, FormulaJson) for each in item.hide_series}
    letters = [letter(place) for place in range(len(given))]
    if unknown := sorted(hidden.difference(letters)):
        raise BadRequest(
            f"hideSeries: there is no series {unknown[0]}; expected some of {', '.join(letters)}"
        )
    return tuple(_series(item, letter(place) in hidden) for place, item in enumerate(given))


def cohorts_named(filters: Iterable[PropertyFilter], breakdowns: Sequence[str] = ()) -> frozenset[str] | None:
    """The ids of the cohorts that a question names; `None`: it is broken down by all there are."""
    if COHORT in breakdowns:
        return None
    fields = [each.name for each in filters] + list(breakdowns)
    of_fields = [name.removeprefix(OF_COHORT) for name in fields if name.startswith(OF_COHORT)]
    of_values = [value for each in filters if each.operator in MEMBERSHIP for value in each.values]
    return frozenset((*of_fields, *of_values))


def parsed(text: str | None, adapter: TypeAdapter[T], *, name: str, nothing: T) -> T:
    """A parameter of the query string that is JSON. Raises `BadRequest` with the path of what is wrong."""
    if not text:
        return nothing
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        faults = [f"{path_text((name, *each['loc']))}: {each['msg']}" for each in error.errors()]
        raise BadRequest("; ".join(faults)) from None


SERIES: Final[TypeAdapter[list[EventJson | FormulaJson]]] = TypeAdapter(Series)
FILTERS: Final[TypeAdapter[list[FilterJson]]] = TypeAdapter(Filters)
BREAKDOWNS: Final[TypeAdapter[list[BreakdownJson]]] = TypeAdapter(Breakdowns)


def written(value: bool | float | str) -> str:
    """A value as properties are kept: numbers as JavaScript writes them, so that 10.0 finds the "10" of an event."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else number_text(value)


def _series(given: EventJson | FormulaJson, is_hidden: bool) -> EventSeries | FormulaSeries:
    hidden = given.hidden or is_hidden
    if isinstance(given, FormulaJson):
        return FormulaSeries(given.formula, given.display_name, hidden)
    return EventSeries(
        given.name, given.segment, given.property, made(given.filters), given.display_name, hidden
    )
