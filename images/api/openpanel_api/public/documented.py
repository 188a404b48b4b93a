"""What the description of the API says beside the routes: the shape of errors, and an example of every answer.

An example is made of its model: each field says its own (`examples`), or has one by its type.
"""

from http import HTTPStatus
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from openpanel_api.public.bodies import BODY_SECONDS, TOO_LONG
from openpanel_api.public.fullness import HEADERS
from openpanel_api.public.inquiries import PlansJson


class ErrorBody(BaseModel):
    """The one shape of every error."""

    status: int = Field(description="The status of the answer.")
    error: str = Field(description="Its name.")
    message: str = Field(description="What is wrong, beginning with the parameter if it is one.")


class TooMuchBody(ErrorBody):
    """A question that would cost more than one question may; no part of the answer is given in its place."""

    limit: str = Field(description="What it would run out of: time, memory, rows read, rows answered.")
    advice: str = Field(description="What to ask for instead.")


_MESSAGES: Final = {
    400: "start: expected a date (2026-03-01) or a time (2026-03-01T10:00:00, 2026-03-01T10:00:00Z)",
    401: "Export: Invalid client secret",
    403: "You do not have access to this project",
    404: "Project not found",
    408: f"The body did not come whole within {BODY_SECONDS:g} seconds",
    412: "The answer is still the one that If-None-Match names",
    413: TOO_LONG,
    422: "The question is too large: it would take more than 30 seconds. Ask for a shorter range than 365 days or a filter.",
    429: "You have exceeded the rate limit for this endpoint.",
    503: "A store does not answer right now",
}

EXAMPLE_EVENT: Final[dict[str, Any]] = {
    "id": "5f3c1b2a99e01d47",
    "name": "screen_view",
    "projectId": "demo",
    "deviceId": "9a1f0c3be2d84756",
    "sessionId": "04be7712fa90c3d1",
    "profileId": "user-42",
    "createdAt": "2026-03-01T10:00:00.250Z",
    "receivedAt": "2026-03-01T10:00:00.291Z",
    "importedAt": None,
    "sessionStartedAt": "2026-03-01T09:58:12.004Z",
    "path": "/pricing",
    "origin": "https://example.com",
    "title": "Pricing",
    "referrer": "https://www.google.com",
    "referrerName": "Google",
    "referrerType": "search",
    "utmSource": "",
    "utmMedium": "",
    "utmCampaign": "",
    "utmTerm": "",
    "utmContent": "",
    "revenue": 0,
    "duration": 0,
    "country": "KR",
    "region": "Seoul",
    "city": "Seoul",
    "longitude": 126.9784,
    "latitude": 37.566,
    "os": "Mac OS",
    "osVersion": "10.15.7",
    "browser": "Chrome",
    "browserVersion": "141.0",
    "device": "desktop",
    "brand": "Apple",
    "model": "Macintosh",
    "sdkName": "web",
    "sdkVersion": "1.4.1",
    "groups": [],
}


ASKED: Final = "x-asked"  # the query string of a route's example
DOCS: Final = "https://github.com/openpanel-kubernetes/openpanel/blob/main/docs"
# What says how the numbers of an answer are counted, by the module that its model stands in.
DEFINED_IN: Final = {
    "overview": "definitions.md",
    "top": "definitions.md#top-lists",
    "pages": "definitions/web.md",
    "places": "definitions/web.md",
    "habits": "definitions/retention.md",
    "retained": "definitions/retention.md",
    "funnels": "definitions/funnels.md",
    "conversion": "definitions/funnels.md",
    "flows": "definitions/flow.md",
    "charts": "definitions/charts.md",
    "chart_points": "definitions/charts.md",
    "chart_json": "definitions/charts.md",
    "behind": "definitions/charts.md",
    "events": "definitions/lists.md#events-over-time-and-conversions",
    "event_json": "definitions/lists.md",
    "sessions": "definitions/lists.md#sessions",
    "profiles": "definitions/lists.md#one-person",
    "groups": "definitions/lists.md#groups",
    "pickers": "definitions/lists.md#pickers",
    "reports": "definitions.md#questions-about-behaviour",
}
_OF_MODEL: Final = {"RevenueJson": "definitions/revenue.md"}
ROWS: Final = {
    "text/csv": {"schema": {"type": "string"}},
    "application/x-ndjson": {"schema": {"type": "string"}},
}
UNCHANGED: Final = "What `If-None-Match` names has not changed."
OF_BODIES: Final = (408, 413)
REFUSALS: Final = (400, 401, 403, 404, 422, 429, 503)  # of every question about a project


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, each with an example."""
    return {
        status: {
            "model": TooMuchBody if status == 422 else ErrorBody,
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"example": _refusal(status)}},
        }
        for status in statuses
    }


def answers(model: Any, *, rows: bool = False, posted: bool = False) -> dict[int | str, dict[str, Any]]:
    """What a question about a project is answered with; `rows`: also as a table, `posted`: it came as a body."""
    content: dict[str, Any] = {"application/json": {"example": example(model)}}
    if rows:
        content |= ROWS
    unchanged: dict[int | str, dict[str, Any]] = {304: {"description": UNCHANGED}}
    if posted:
        unchanged = refusals(*OF_BODIES, 412)
        unchanged[412]["description"] = UNCHANGED
    beside = {name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()}
    return {200: {"content": content, "headers": beside}, **unchanged, **refusals(*REFUSALS)}


def described(
    model: Any, summary: str, *, rows: bool = False, posted: bool = False, asked: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the description says of a question's route: its answer, or how it would be answered.

    `asked` is the query string of its example, where more is needed than the required parameters.
    """
    return {
        "summary": summary,
        "response_model": model | PlansJson,
        "responses": answers(model, rows=rows, posted=posted),
        "openapi_extra": {**({ASKED: asked} if asked else {}), **_definitions(model)},
    }


def _definitions(model: Any) -> dict[str, Any]:
    """Where it is said how the answer is counted; nothing for what is no count."""
    named = next(iter(get_args(model)), model)
    page = _OF_MODEL.get(named.__name__) or DEFINED_IN.get(named.__module__.rpartition(".")[2])
    return {} if page is None else {"externalDocs": {"description": "Definitions", "url": f"{DOCS}/{page}"}}


def example(model: Any) -> Any:
    """A value of this type, as JSON."""
    origin, arguments = get_origin(model), get_args(model)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {
            field.serialization_alias or field.alias or name: _example_of(field)
            for name, field in model.model_fields.items()
        }
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        return example(next(each for each in arguments if each is not NoneType))
    if origin in (list, tuple):
        return [example(arguments[0])]
    return {} if origin is dict else _PLAIN.get(model)


_PLAIN: Final[dict[Any, Any]] = {str: "", int: 1, float: 0.5, bool: False}


def _example_of(field: FieldInfo) -> Any:
    return field.examples[0] if field.examples else example(field.annotation)


def _refusal(status: int) -> dict[str, Any]:
    told = {"status": status, "error": HTTPStatus(status).phrase, "message": _MESSAGES[status]}
    if status == 422:
        told |= {"limit": "time", "advice": "Ask for a shorter range than 365 days or a filter."}
    return told
