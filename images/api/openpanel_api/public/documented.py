"""What the description of the API says beside the routes: the shape of errors, and an event as an example."""

from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field


class ErrorBody(BaseModel):
    """The one shape of every error."""

    status: int = Field(description="The status of the answer.")
    error: str = Field(description="Its name.")
    message: str = Field(description="What is wrong, beginning with the parameter if it is one.")


_MESSAGES: Final = {
    400: "start: expected a date (2026-03-01) or a time (2026-03-01T10:00:00, 2026-03-01T10:00:00Z)",
    401: "Export: Invalid client secret",
    403: "You do not have access to this project",
    404: "Project not found",
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


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, each with an example."""
    return {
        status: {
            "model": ErrorBody,
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"example": _example(status)}},
        }
        for status in statuses
    }


def _example(status: int) -> dict[str, Any]:
    return {"status": status, "error": HTTPStatus(status).phrase, "message": _MESSAGES[status]}
