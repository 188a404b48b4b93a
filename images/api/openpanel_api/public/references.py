"""What happened beside the data, such as a release, for whoever draws a chart of the time in which it happened."""

from pydantic import BaseModel, Field

from openpanel.analytics.periods import Period
from openpanel.metadata import references
from openpanel_api.public.inquiries import Inquiry
from openpanel_api.public.moments import local


class MarkJson(BaseModel):
    """A reference of the project."""

    id: str = Field(examples=["0b9b7b86-8f57-4c39-8f3b-0b6c1d2e3f40"])
    title: str = Field(examples=["Release 2.0"])
    description: str = Field(examples=["New checkout"])
    date: str = Field(
        description="When it happened, in the project's time zone.", examples=["2026-03-01T10:00:00+09:00"]
    )


async def marks(given: Inquiry, period: Period) -> list[MarkJson]:
    """The references of the project within the period, the oldest first."""
    services, project = given.services, given.project
    found = await services.blocking(
        lambda: references.listed(services.database, organization=project.organization, project=project.id)
    )
    return [
        MarkJson(
            id=each.id,
            title=each.title,
            description=each.description,
            date=local(each.happened_at, timezone=given.zone),
        )
        for each in reversed(found)
        if period.start <= each.happened_at < period.end
    ]
