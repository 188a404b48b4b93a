"""Every error of the public API and its one shape: `{"status", "error", "message"}`.

    ApiError
    ├── BadRequest     400   a parameter is wrong: path and reason
    ├── Unauthorized   401   who are you
    ├── Forbidden      403   not yours
    ├── NotFound       404
    ├── TooMany        429   later, in `retry_after_s`
    └── TryLater       503   a store is away

Also turns what frameworks and stores raise into that shape. No text of another library's error goes out.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, ClassVar, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from openpanel import metadata, warehouse
from openpanel.analytics.filters import BadFilter

STORE_RETRY_S: Final = 5  # seconds until a store that is away is worth another try
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
    app.add_exception_handler(metadata.Unavailable, _answer_away)
    app.add_exception_handler(warehouse.Unavailable, _answer_away)
    app.add_exception_handler(Exception, _answer_unexpected)


def shape(status: int, message: str) -> dict[str, Any]:
    """The body of an error."""
    return {"status": int(status), "error": _name(status), "message": message}


def _name(status: int) -> str:
    return "Client Closed Request" if status == DISCONNECTED else HTTPStatus(status).phrase


def _respond(status: int, message: str, *, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(shape(status, message), status_code=int(status), headers=headers)


async def _answer_own(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return _respond(error.status, error.message, headers=error.headers)


async def _answer_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    messages = {
        HTTPStatus.NOT_FOUND: f"There is no route {request.method} {request.url.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not allowed here",
    }
    message = messages.get(HTTPStatus(error.status_code), str(error.detail))
    return _respond(error.status_code, message, headers=dict(error.headers or {}))


async def _answer_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _respond(HTTPStatus.BAD_REQUEST, "; ".join(_faults(error.errors())))


async def _answer_filter(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BadFilter)
    return _respond(HTTPStatus.BAD_REQUEST, f"filters: {error.reason}")


async def _answer_away(_request: Request, error: Exception) -> JSONResponse:
    _log.warning("store_unavailable", store=type(error).__module__, reason=str(error))
    own = TryLater("A store does not answer right now", retry_after_s=STORE_RETRY_S)
    return _respond(own.status, own.message, headers=own.headers)


async def _answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("request_failed", route=request.url.path, exc_info=error)
    return _respond(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; it was logged")


def _faults(faults: Iterable[dict[str, Any]]) -> Iterable[str]:
    for fault in faults:
        _, *path = fault["loc"]  # the first part says "query", "path" or "header"
        yield f"{'.'.join(str(part) for part in path)}: {fault['msg']}"
