"""Who is behind a number, in pages by the id of the person."""

from pydantic import BaseModel, Field

from openpanel.analytics.people_pages import PeopleAnswer
from openpanel.identity.ids import from_hex, to_hex
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.tables import columns_of


class PersonBehindJson(BaseModel):
    """Somebody."""

    id: str = Field(description="The profile, or the device of who is anonymous.", examples=["user-42"])
    anonymous: bool


class PeopleBehindJson(BaseModel):
    """A page of people."""

    people: list[PersonBehindJson]
    cursor: str | None = Field(
        description="What goes on after this page; null after the last.", examples=[None]
    )


PEOPLE_COLUMNS = columns_of(PersonBehindJson)


def behind(found: PeopleAnswer) -> PeopleBehindJson:
    """The page as the API shows it."""
    people = [
        PersonBehindJson(id=each.profile_id or to_hex(each.person), anonymous=not each.profile_id)
        for each in found.people
    ]
    return PeopleBehindJson(people=people, cursor=None if found.cursor is None else to_hex(found.cursor))


def page_after(cursor: str | None) -> int:
    """The person that a page goes on after. Raises `BadRequest`."""
    after = from_hex(cursor) if cursor else 0
    if after is None:
        raise BadRequest("cursor: expected the value of cursor of an earlier answer")
    return after
