"""Every error of the public API and its one shape: `{"status", "error", "message"}`.

    ApiError
    ├── BadRequest     400   a parameter is wrong: path and reason
    ├── Unauthorized   401   who are you
    ├── Forbidden      403   not yours
    ├── NotFound       404
    ├── Unchanged      412   the posted question has the answer that the client knows
    ├── TooMany        429   later, in `retry_after_s`
    └── TryLater       503   a store is away

Also turns what frameworks, questions and stores raise into that shape; a question over a limit (422) tells beside it
which `limit` it is and what to ask for instead (`advice`). No text of another library's error goes out.
"""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final, get_args

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from openpanel import metadata, warehouse
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.formulas import BadFormula
from openpanel.analytics.limits import TooMuch
from openpanel.analytics.periods import BadRange, Interval
from openpanel_api.public import query_strings
from openpanel_api.public.asked_places import path_of, path_text, place_of

STORE_RETRY_S: Final = 5  # seconds until a store that is away is worth another try
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
DISCONNECTED: Final = 499  # nobody reads this answer; it is for the metrics only

_log = structlog.get_logger(__name__)


class ApiError(Exception):
    """Something to answer instead of the data."""

    status: ClassVar[int] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self, message: str, *, retry_after_s: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)


class BadRequest(ApiError):
    """A parameter is wrong; the message begins with its name."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(ApiError):
    """The credentials are missing or wrong."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(ApiError):
    """The credentials are right, but not for this."""

    status = HTTPStatus.FORBIDDEN


class NotFound(ApiError):
    """What was named does not exist."""

    status = HTTPStatus.NOT_FOUND


class Unchanged(ApiError):
    """`If-None-Match` names the answer to a question that is posted."""

    status = HTTPStatus.PRECONDITION_FAILED


class TooMany(ApiError):
    """The client asks too often."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class TryLater(ApiError):
    """A store does not answer now."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class Disconnected(ApiError):
    """Whoever asked is gone."""

    status = DISCONNECTED


def install(app: FastAPI) -> None:
    """Give all errors of `app` the one shape."""
    app.add_exception_handler(ApiError, _answer_own)
    app.add_exception_handler(HTTPException, _answer_framework)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(BadFilter, _answer_filter)
    app.add_exception_handler(BadRange, _answer_range)
    app.add_exception_handler(BadFormula, _answer_formula)
    app.add_exception_handler(TooMuch, _answer_too_much)
    app.add_exception_handler(metadata.Unavailable, _answer_away)
    app.add_exception_handler(warehouse.Unavailable, _answer_away)
    app.add_exception_handler(Exception, _answer_unexpected)


def shape(status: int, message: str) -> dict[str, Any]:
    """The body of an error."""
    return {"status": int(status), "error": _name(status), "message": message}


def _name(status: int) -> str:
    return "Client Closed Request" if status == DISCONNECTED else HTTPStatus(status).phrase


def _respond(
    request: Request,
    status: int,
    message: str,
    *,
    headers: dict[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The error, and what is left of the client's allowance, where it was counted. `more`: beside the usual fields."""
    given = {**getattr(request.state, "allowance", {}), **(headers or {})}
    return JSONResponse({**shape(status, message), **(more or {})}, status_code=int(status), headers=given)


async def _answer_own(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return _respond(request, error.status, error.message, headers=error.headers)


async def _answer_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    messages = {
        HTTPStatus.NOT_FOUND: f"There is no route {request.method} {request.url.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not allowed here",
    }
    message = messages.get(HTTPStatus(error.status_code), str(error.detail))
    return _respond(request, error.status_code, message, headers=headers)


def _allowed(request: Request) -> Iterator[str]:
    """The methods of all routes of the path; the framework names those of the first alone."""
    asked = {name: request.scope.get(name) for name in ("type", "path", "raw_path", "root_path", "headers")}
    for method in METHODS:
        matches = (route.matches({**asked, "method": method}) for route in request.app.router.routes)
        if any(match is Match.FULL for match, _ in matches):
            yield method
            if method == "GET":
                yield "HEAD"


async def _answer_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _respond(
        request,
        HTTPStatus.BAD_REQUEST,
        "; ".join(_faults(error.errors(), known=query_strings.names(request))),
    )


async def _answer_filter(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BadFilter)
    place = place_of(getattr(request.state, "asked", None), error.subject, operator=error.operator)
    return _respond(request, HTTPStatus.BAD_REQUEST, f"{place}: {error.reason}")


async def _answer_range(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BadRange)
    asked = getattr(request.state, "asked", None) or {}
    place = "range" if error.text in get_args(Interval) and "interval" not in asked else error.text
    return _respond(request, HTTPStatus.BAD_REQUEST, f"{place_of(asked, place)}: {error.reason}")


async def _answer_formula(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BadFormula)
    path = path_of(getattr(request.state, "asked", None), error.text)
    place = f"{path_text(path[:-1])}.formula: " if path else ""
    return _respond(request, HTTPStatus.BAD_REQUEST, f"{place}{error}")


async def _answer_too_much(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TooMuch)
    told = {"limit": error.limit.name, "advice": error.advice}
    return _respond(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error), more=told)


async def _answer_away(request: Request, error: Exception) -> JSONResponse:
    _log.warning("store_unavailable", store=type(error).__module__, reason=str(error))
    own = TryLater("A store does not answer right now", retry_after_s=STORE_RETRY_S)
    return _respond(request, own.status, own.message, headers=own.headers)


async def _answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("request_failed", route=request.url.path, exc_info=error)
    return _respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; it was logged")


def _faults(faults: Iterable[dict[str, Any]], *, known: Iterable[str]) -> Iterator[str]:
    for fault in faults:
        place, *path = fault["loc"]  # the first part says "query", "path", "header" or "body"
        message = fault["msg"]
        if fault["type"] == "extra_forbidden" and place == "query":
            message = f"is not known here; expected some of {', '.join(known)}"
        yield f"{path_text(path) or place}: {message}"
