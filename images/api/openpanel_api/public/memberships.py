"""The cohorts that a question names: those that the project keeps, and those that the question brings along."""

from collections.abc import Iterable, Sequence

from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.reading import Membership
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.inquiries import Inquiry
from openpanel_api.public.manage.cohort_members import memberships as kept_cohorts
from openpanel_api.public.question_json import CohortJson, cohorts_named


async def memberships(
    given: Inquiry,
    filters: Iterable[PropertyFilter],
    *,
    breakdowns: Sequence[str] = (),
    own: Sequence[CohortJson] = (),
) -> tuple[Membership, ...]:
    """The named cohorts; nothing is read for a question that names none. Its own come before kept ones of that id."""
    _check_ids(own)
    brought = {each.id: each.made(now=given.step, timezone=given.zone) for each in own}
    named = cohorts_named(filters, breakdowns)
    if named is not None and named <= brought.keys():
        return tuple(cohort for cohort in brought.values() if cohort.id in named)
    services, project = given.services, given.project
    kept = await services.blocking(lambda: kept_cohorts(services.database, project, now=given.step))
    every: dict[str, Membership] = {each.id: each for each in kept} | brought
    return tuple(cohort for cohort in every.values() if named is None or cohort.id in named)


def _check_ids(own: Sequence[CohortJson]) -> None:
    """Refuse two cohorts of one id, of which one would be left out."""
    known: set[str] = set()
    for place, each in enumerate(own):
        if each.id in known:
            raise BadRequest(f"cohorts[{place}].id: {each.id!r} is the id of another one as well")
        known.add(each.id)
