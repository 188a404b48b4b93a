"""The definition of a cohort as JSON: what persons did, or what their profile says. Pure."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field

from openpanel.analytics.cohorts import MAX_RULES, Behaviours, DynamicCohort, StaticCohort, Traits
from openpanel.analytics.reading import Membership
from openpanel.metadata import CohortRecord
from openpanel_api.public.manage.routes import Json
from openpanel_api.public.question_json import BehaviourJson, Filters, made


class EventCohort(Json):
    """Persons for whom all (`and`) or some (`or`) of the rules hold."""

    kind: Literal["events"]
    combine: Literal["and", "or"] = "and"
    rules: Annotated[list[BehaviourJson], Field(min_length=1, max_length=MAX_RULES)]


class ProfileCohort(Json):
    """Persons whose profile meets all or some of the filters; they name `profile.…`."""

    kind: Literal["profile"]
    combine: Literal["and", "or"] = "and"
    filters: Annotated[Filters, Field(min_length=1)]


Definition = EventCohort | ProfileCohort
DefinitionJson = Annotated[Definition, Discriminator("kind")]
EXAMPLE: Final[dict[str, Any]] = {
    "kind": "events",
    "combine": "and",
    "rules": [{"name": "checkout", "frequency": "gte", "times": 2, "days": 30}],
}


class _Kept(Json):
    """For reading what was saved."""

    definition: DefinitionJson


def dynamic(cohort: str, definition: Definition, *, now: datetime, timezone: str) -> DynamicCohort:
    """Whoever fits at `now`. Times without an offset are of `timezone`."""
    if isinstance(definition, ProfileCohort):
        return DynamicCohort(cohort, Traits(made(definition.filters), definition.combine), now)
    rules = tuple(each.made(timezone=timezone) for each in definition.rules)
    return DynamicCohort(cohort, Behaviours(rules, definition.combine), now)


def membership(record: CohortRecord, *, now: datetime, timezone: str) -> Membership:
    """The cohort as filters and breakdowns take it."""
    if record.generation is not None:
        return StaticCohort(record.id, record.generation)
    return dynamic(record.id, definition_of(record), now=now, timezone=timezone)


def definition_of(record: CohortRecord) -> Definition:
    """What was saved."""
    return _Kept(definition=record.definition).definition  # type: ignore[arg-type]  # validated here
