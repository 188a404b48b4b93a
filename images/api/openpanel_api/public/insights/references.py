"""What happened beside the data, in a stretch of time."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from openpanel_api.public.dates import Dates
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import AsTable, Inquiring
from openpanel_api.public.references import MarkJson, marks

router = APIRouter()


class When(Dates, AsTable):
    """When."""


@router.get("/references", **described(list[MarkJson], "What happened beside the data", rows=True))
async def references(given: Inquiring, asked: Annotated[When, Query()]) -> Response:
    """References such as releases, the oldest first; `/manage/references` makes them."""
    found = await marks(given, await given.period(asked))
    return await given.answer(asked, lambda: found)
