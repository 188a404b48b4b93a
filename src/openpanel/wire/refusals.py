"""Every way in which a call is refused: one tree, each with its status, its code and its exact text.

Refusal
├── BadRequest 400       NotUtf8, NotJson, TooDeep, Invalid, BadEncoding
├── Unauthorized 401     the ingestion texts, answered as plain text because SDKs give up on them
├── Denied 401           the texts of routes that answer JSON
├── NotFound 404, MethodNotAllowed 405, SlowBody 408
├── TooLarge 413         BodyTooLarge, TooManyParts, MessageTooLarge, TooManyMessages
├── UnsupportedMedia 415, WrongHost 421
├── RateLimited 429, HeadersTooLarge 431
└── TryLater 503         may be repeated later, nothing was kept

`code` is for counters and logs. Never holds anything a client sent but the path of the wrong value.
"""

from http import HTTPStatus
from typing import ClassVar

from openpanel.wire import limits


class Refusal(Exception):
    """A call that is answered with something else than success."""

    status: ClassVar[int] = HTTPStatus.BAD_REQUEST
    code: ClassVar[str] = "bad_request"
    text: ClassVar[str] = ""

    def __init__(self, message: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(message or self.text)
        self.retry_after_s = retry_after_s

    @property
    def message(self) -> str:
        return str(self.args[0])

    @property
    def error(self) -> str:
        """The name of the status, as error bodies carry it."""
        return HTTPStatus(self.status).phrase


class BadRequest(Refusal):
    """The body cannot be what the route takes."""


class NotUtf8(BadRequest):
    code = "not_utf8"
    text = "Body is not valid UTF-8"


class NotJson(BadRequest):
    code = "not_json"


class TooDeep(BadRequest):
    code = "too_deep"
    text = f"Body is nested deeper than {limits.DEPTH} levels"


class Invalid(BadRequest):
    """A value is not what it must be; the message names its path."""

    code = "invalid"


class BadEncoding(BadRequest):
    code = "bad_encoding"


class MissingAddress(BadRequest):
    code = "missing_address"
    text = "Missing ip address"


class MissingUserAgent(BadRequest):
    code = "missing_user_agent"
    text = "Missing header: user-agent"


class Unauthorized(Refusal):
    """A permanent refusal of ingestion: SDKs give up without repeating it."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"


class MissingClientId(Unauthorized):
    code = "missing_client_id"
    text = "Ingestion: Missing client id"


class MalformedClientId(Unauthorized):
    code = "malformed_client_id"
    text = "Ingestion: Client ID must be a valid UUIDv4"


class UnknownClient(Unauthorized):
    code = "unknown_client"
    text = "Ingestion: Invalid client id"


class ClientWithoutProject(Unauthorized):
    code = "client_without_project"
    text = "Ingestion: Client has no project"


class AddressBlocked(Unauthorized):
    code = "address_blocked"
    text = "Ingestion: IP address is blocked by project filter"


class ProfileBlocked(Unauthorized):
    code = "profile_blocked"
    text = "Ingestion: Profile id is blocked by project filter"


class RevenueNotAllowed(Unauthorized):
    code = "revenue_not_allowed"
    text = "Ingestion: Revenue tracking is not allowed without a client secret"


class BadCorsOrSecret(Unauthorized):
    code = "bad_cors_or_secret"
    text = "Ingestion: Invalid cors or secret"


class Denied(Refusal):
    """A refusal of the import route, as JSON with the surface's name before the text."""

    status = HTTPStatus.UNAUTHORIZED
    code = "denied"


class ImportMalformedClientId(Denied):
    code = "malformed_client_id"
    text = "Import: Client ID must be a valid UUIDv4"


class ImportUnknownClient(Denied):
    code = "unknown_client"
    text = "Import: Invalid client id"


class ImportWithoutSecret(Denied):
    code = "client_without_secret"
    text = "Import: Client has no secret"


class ImportNotAllowed(Denied):
    code = "client_not_allowed"
    text = "Import: Client is not allowed to import"


class ImportBadSecret(Denied):
    code = "bad_secret"
    text = "Import: Invalid client secret"


class ImportWithoutProject(Denied):
    code = "client_without_project"
    text = "Import: Client has no project"


class NotFound(Refusal):
    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class MethodNotAllowed(Refusal):
    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"
    text = "This route does not take this method"


class SlowBody(Refusal):
    status = HTTPStatus.REQUEST_TIMEOUT
    code = "slow_body"
    text = "The body did not arrive in time"


class TooLarge(Refusal):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_large"


class BodyTooLarge(TooLarge):
    code = "body_too_large"
    text = f"Body is larger than {limits.BODY_BYTES} bytes"


class TooManyParts(TooLarge):
    code = "too_many_parts"
    text = f"Body has more than {limits.BODY_BRACKETS} objects and arrays; send it in several calls"


class MessageTooLarge(TooLarge):
    code = "message_too_large"
    text = f"Message is larger than {limits.MESSAGE_BYTES} bytes"


class TooManyMessages(TooLarge):
    code = "too_many_messages"
    text = f"Batch holds more than {limits.BATCH_MESSAGES} messages"


class TooManyRows(TooLarge):
    code = "too_many_rows"
    text = f"Import holds more than {limits.IMPORT_ROWS} rows"


class UnsupportedMedia(Refusal):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media"


class WrongHost(Refusal):
    """The project's events are taken at another address, which the message names."""

    status = HTTPStatus.MISDIRECTED_REQUEST
    code = "wrong_host"
    text = "This host does not take events of this project"


class RateLimited(Refusal):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"
    text = "You have exceeded the rate limit for this endpoint."


class HeadersTooLarge(Refusal):
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers_too_large"
    text = f"More than {limits.HEADERS} header lines or {limits.HEADER_BYTES} bytes of them"


class TryLater(Refusal):
    """Nothing was kept; the same call may succeed after `retry_after_s`."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "try_later"
