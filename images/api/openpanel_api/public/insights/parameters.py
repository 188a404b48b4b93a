"""What most insights take: when, which conditions, how many rows; and the scope that their questions share."""

from typing import Annotated, ClassVar, Final

from pydantic import Field, StringConstraints

from openpanel.analytics.filters import MAX_BYTES, Filter, Operator
from openpanel.analytics.overview import Overview
from openpanel.analytics.property_filters import PropertyFilter, check_values
from openpanel.analytics.visits import SESSION_COLUMNS
from openpanel_api.public.dates import Against, Compared, Dates, InBuckets, before, interval_of
from openpanel_api.public.inquiries import AsTable, Inquiry
from openpanel_api.public.memberships import memberships
from openpanel_api.public.query_strings import EMPTY_IS_A_VALUE
from openpanel_api.public.question_json import FILTERS, FilterJson, made, parsed

MOST_ROWS: Final = 1_000  # more than this is an export
Text = Annotated[str, StringConstraints(max_length=MAX_BYTES)]
Value = Annotated[Text | None, EMPTY_IS_A_VALUE]  # that a field must have

# Fields that every event of a session shares, so that they are read of the session, and what sessions call them.
OF_SESSIONS: Final = {
    "referrerName": "referrer", "referrer_name": "referrer", "referrerType": "referrer_type",
    "referrer_type": "referrer_type", "utm_source": "utm.source", "utm_medium": "utm.medium",
    "utm_campaign": "utm.campaign", "utm_term": "utm.term", "utm_content": "utm.content",
    "session.entry_path": "entry", "session.exit_path": "exit",
    **{name: name for name in ("country", "region", "city", "browser", "os", "device", "brand", "model")},
    "browserVersion": "browser_version", "browser_version": "browser_version",
    "osVersion": "os_version", "os_version": "os_version",
}  # fmt: skip
# The operators by which sessions are chosen, and what questions about sessions call them.
OPERATORS: Final[dict[str, Operator]] = {
    "is": "is", "isNot": "not", "contains": "has", "doesNotContain": "hasnt", "startsWith": "starts", "endsWith": "ends",
    "regex": "re", "isNull": "unset", "isNotNull": "set",
}  # fmt: skip


class Filtered(AsTable):
    """Conditions."""

    filters: Text | None = Field(
        default=None,
        description="JSON array of `{name, operator, value}`; all must hold.",
        examples=['[{"name":"country","operator":"is","value":["KR"]}]'],
    )


class InPeriod(Dates, Filtered):
    """When, and which conditions."""


class Cut(InBuckets, Filtered):
    """When, cut into which buckets, and which conditions."""


class Scoped(Compared, Filtered):
    """When, compared with what, and which conditions."""


class Top(Dates, Filtered):
    """A list: when, which conditions, how many rows."""

    limit: int = Field(default=100, ge=1, le=MOST_ROWS, description="Rows at most.")


class TopOfWeek(Top):
    """A list; without dates of the last seven days."""

    usual: ClassVar[str] = "7d"


class ScopedWeek(Scoped):
    """When and which conditions; without dates the last seven days."""

    usual: ClassVar[str] = "7d"


def conditions(asked: Filtered) -> tuple[PropertyFilter, ...]:
    """The filters of a query string."""
    given: list[FilterJson] = parsed(asked.filters, FILTERS, name="filters", nothing=[])
    return made(given)


async def overview(given: Inquiry, asked: InPeriod | Cut | Scoped | Top) -> Overview:
    """The sessions that are asked about."""
    given.remember(asked)
    wanted = conditions(asked)
    plain = [each for each in wanted if _of_session(each)]
    for each in plain:
        check_values(each)
    others = tuple(each for each in wanted if not _of_session(each))
    period = await given.period(asked)
    earlier = before(asked, period, timezone=given.zone) if isinstance(asked, Against) else None
    return Overview(
        project=given.project.id,
        timezone=given.zone,
        period=period,
        previous=earlier,
        interval=interval_of(asked, period) if isinstance(asked, InBuckets) else "day",
        filters=tuple(
            Filter(OF_SESSIONS[each.name], OPERATORS[each.operator], each.values) for each in plain
        ),
        property_filters=others,
        cohorts=await memberships(given, others),
    )


def _of_session(each: PropertyFilter) -> bool:
    plain = each.operator in OPERATORS and each.type in (None, "string")
    return plain and OF_SESSIONS.get(each.name) in SESSION_COLUMNS
