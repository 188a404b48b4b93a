"""Which events of a project are conversions."""

from collections.abc import Sequence

from openpanel.metadata import event_meta
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.inquiries import Inquiry


async def conversion_names(given: Inquiry, named: Sequence[str]) -> tuple[str, ...]:
    """The named events, else those that the project calls conversions. Raises `BadRequest` when there are none."""
    names = tuple(named) or await declared(given)
    if not names:
        raise BadRequest("event: expected the name of an event; the project calls none a conversion")
    return names


async def declared(given: Inquiry) -> tuple[str, ...]:
    """The events that the project calls conversions."""
    services, project = given.services, given.project.id
    known = await services.blocking(lambda: event_meta.listed(services.database, project=project))
    return tuple(each.name for each in known if each.conversion)
