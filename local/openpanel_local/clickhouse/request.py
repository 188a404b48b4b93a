"""What a client asks: the request line and headers of ClickHouse's HTTP interface as one frozen value.

Knows no statement and no engine: a name that is none of the interface's own is a setting, for the engine to
judge. Fields of a multipart form count like those of the URL.
"""

import base64
import binascii
import email.parser
import email.policy
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from openpanel_local.clickhouse import errors

_MAX_FIELDS = 2_000
_DEFAULT_USER = "default"
# The interface's own names. Sessions are not kept: one request, one connection.
_OWN = frozenset(
    {
        *("query", "database", "default_format", "user", "password", "query_id", "quota_key", "role"),
        *("session_id", "session_timeout", "session_check", "close_session", "client_protocol_version"),
        *(
            "wait_end_of_query",
            "buffer_size",
            "stacktrace",
            "compress",
            "decompress",
            "enable_http_compression",
        ),
        # Settings of a server's own HTTP handler, sent with every request of clickhouse-connect.
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        "cancel_http_readonly_queries_on_client_close",
    }
)
_PARAMETER = "param_"
_FORM = "multipart/form-data"

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `query` is what the URL or form says, the body comes after it."""

    method: str
    headers: Mapping[str, str]  # names in lower case
    fields: Fields

    def field(self, name: str, default: str = "") -> str:
        """The last value of a field; ClickHouse takes the last as well."""
        return next((value for key, value in reversed(self.fields) if key == name), default)

    @property
    def query(self) -> bytes:
        """The part of the statement outside the body."""
        return self.field("query").encode("utf-8", "surrogateescape")

    @property
    def database(self) -> str:
        """The database to work in; '': the engine's default."""
        return self.headers.get("x-clickhouse-database") or self.field("database")

    @property
    def default_format(self) -> str:
        """The format of the answer where the statement names none; '': the interface's default."""
        return self.headers.get("x-clickhouse-format") or self.field("default_format")

    @property
    def settings(self) -> Fields:
        """Settings for the engine, in the order given."""
        return [(k, v) for k, v in self.fields if k not in _OWN and not k.startswith(_PARAMETER)]

    @property
    def parameters(self) -> Fields:
        """Values for `{name:Type}` in the statement."""
        return [(k.removeprefix(_PARAMETER), v) for k, v in self.fields if k.startswith(_PARAMETER)]

    @property
    def waits_for_end(self) -> bool:
        """Whether the client prefers a right status to an early first byte."""
        return self.field("wait_end_of_query") in {"1", "true"}

    @property
    def accept_encoding(self) -> str:
        """The encodings the client takes, as its header."""
        if self.field("enable_http_compression") in {"0", "false"}:
            return ""
        return self.headers.get("accept-encoding", "")

    @property
    def is_form(self) -> bool:
        """Whether the body is a form with fields instead of a statement."""
        return self.headers.get("content-type", "").lower().startswith(_FORM)


def parse(*, method: str, query_string: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Request:
    """The request of a request line and its headers."""
    text = query_string.decode("latin-1")
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise errors.refusal(errors.BAD_ARGUMENTS, f"more than {_MAX_FIELDS} fields in the URL") from error
    names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    request = Request(method, names, fields)
    if request.field("compress", "0") != "0" or request.field("decompress", "0") != "0":
        message = "compress and decompress (ClickHouse's own framing) are not supported; use HTTP's encodings"
        raise errors.refusal(errors.NOT_IMPLEMENTED, message)
    return request


def with_form(request: Request, body: bytes) -> Request:
    """The request with the fields of its multipart body; a file in it is refused."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode("latin-1")
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields = list(request.fields)
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename() is not None:
            message = "external data is not supported; send it as an array parameter or insert it"
            raise errors.refusal(errors.NOT_IMPLEMENTED, message)
        payload = part.get_payload(decode=True)
        value = payload if isinstance(payload, bytes) else b""
        fields.append((str(name), value.decode("utf-8", "surrogateescape")))
    return replace(request, fields=fields)


def authenticate(request: Request, *, user: str, password: str) -> None:
    """Refuse a request without the right user and password."""
    ways = [
        way for way in (_from_headers(request), _from_basic(request), _from_url(request)) if way is not None
    ]
    if len(ways) > 1:
        message = "Invalid authentication: it is not allowed to use more than one way to authenticate"
        raise errors.refusal(errors.AUTHENTICATION_FAILED, message)
    given_user, given_password = ways[0] if ways else (_DEFAULT_USER, "")
    right_user = hmac.compare_digest(_bytes(given_user), _bytes(user))
    right_password = hmac.compare_digest(_bytes(given_password), _bytes(password))
    if not (right_user and right_password):
        shown = given_user.encode("ascii", "replace").decode()[:100]
        message = (
            f"{shown}: Authentication failed: password is incorrect, or there is no user with such name."
        )
        raise errors.refusal(errors.AUTHENTICATION_FAILED, message)


def _from_headers(request: Request) -> tuple[str, str] | None:
    user, key = request.headers.get("x-clickhouse-user"), request.headers.get("x-clickhouse-key")
    if user is None and key is None:
        return None
    return user if user is not None else _DEFAULT_USER, key or ""


def _from_basic(request: Request) -> tuple[str, str] | None:
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error:
        decoded = ""
    if scheme.lower() != "basic" or ":" not in decoded:
        message = "Invalid authentication: only 'Basic' HTTP authentication is supported"
        raise errors.refusal(errors.AUTHENTICATION_FAILED, message)
    user, _, password = decoded.partition(":")
    return user, password


def _from_url(request: Request) -> tuple[str, str] | None:
    if not {"user", "password"} & {name for name, _ in request.fields}:
        return None
    return request.field("user", _DEFAULT_USER), request.field("password")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
