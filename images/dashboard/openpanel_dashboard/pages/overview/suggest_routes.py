"""What the command palette offers for a text beside the commands of the page: filters by what the project knows.

Names come from rollups that pickers read; while the store is away, or does not know them, what was typed is offered.
"""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from openpanel.analytics.flights import Caller
from openpanel.analytics.pickers import EventNames, PickedAnswer
from openpanel.analytics.property_values import PropertyValues
from openpanel.warehouse import WarehouseError
from openpanel_dashboard.address import Condition
from openpanel_dashboard.fragments import CLIENT_GONE, ClientGoneError, while_asked
from openpanel_dashboard.pages.overview import addresses, typed_filters, wording
from openpanel_dashboard.pages.overview.routes import Asked, OfOverview, joined
from openpanel_dashboard.questions import BusyError

SHORTEST: Final = 2  # characters; less says nothing
LONGEST: Final = 200
OF_EACH: Final = 5  # suggestions of one kind

router = APIRouter(prefix="/o/{org}/p/{project}")


@router.get("/overview/suggest")
async def suggest(request: Request, given: OfOverview, q: str = "") -> Response:
    """Filters, each with the address that adds it to the view of this address."""
    text = q.strip()[:LONGEST]
    try:
        known = await while_asked(
            request, given.services.questions, lambda caller: tuple(_known(text, given, caller))
        )
    except ClientGoneError:
        return Response(status_code=CLIENT_GONE)
    except BusyError:
        known = ()
    found = dict.fromkeys((*_typed(text, given), *known))
    return JSONResponse([_suggestion(condition, given) for condition in found])


def _typed(text: str, given: Asked) -> Iterator[Condition]:
    language = given.reader.language
    condition = typed_filters.typed(text, language)
    if condition is not None:
        yield condition
    if len(text) >= SHORTEST:
        yield from typed_filters.countries(text, language, limit=OF_EACH)


def _known(text: str, given: Asked, caller: Caller) -> Iterator[Condition]:
    if len(text) < SHORTEST:
        return
    project = given.access.project.id
    for dimension, question in (
        ("path", PropertyValues(project, "path", search=text, limit=OF_EACH)),
        ("event", EventNames(project, search=text, limit=OF_EACH)),
    ):
        for name in _names(question, given, caller):
            yield Condition(dimension, "is", (name,))


def _names(question: EventNames | PropertyValues, given: Asked, caller: Caller) -> tuple[str, ...]:
    try:
        answer: PickedAnswer = given.services.answers.ask(question, caller=caller).answer
    except WarehouseError:
        return ()
    return tuple(picked.name for picked in answer.found)


def _suggestion(condition: Condition, given: Asked) -> dict[str, Any]:
    wanted = joined(given.scope.view, condition)
    return {
        "label": wording.sentence(condition, given.reader.language),
        "address": addresses.page(given.access.project, wanted),
    }
