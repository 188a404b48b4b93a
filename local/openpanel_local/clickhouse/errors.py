"""Errors as ClickHouse tells them over HTTP: a number, a text with the number's name, and a status.

`Refusal` is the only error that the rooms of this package raise at a client; what the engine raises is turned
into one by `from_engine`. Numbers and statuses are ClickHouse's own.
"""

import re
import secrets

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_SETTING = 115
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
SOCKET_TIMEOUT = 209
QUERY_IS_TOO_LARGE = 229
CANNOT_DECOMPRESS = 271
SUPPORT_IS_DISABLED = 344
QUERY_WAS_CANCELLED = 394
NOT_ENOUGH_SPACE = 243
ACCESS_DENIED = 497
PY_EXCEPTION_OF_UDF = 800
AUTHENTICATION_FAILED = 516
STD_EXCEPTION = 1001

_NAMES = {
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    SYNTAX_ERROR: "SYNTAX_ERROR",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    READONLY: "READONLY",
    TOO_MANY_SIMULTANEOUS_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    SOCKET_TIMEOUT: "SOCKET_TIMEOUT",
    QUERY_IS_TOO_LARGE: "QUERY_IS_TOO_LARGE",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    SUPPORT_IS_DISABLED: "SUPPORT_IS_DISABLED",
    QUERY_WAS_CANCELLED: "QUERY_WAS_CANCELLED",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    STD_EXCEPTION: "STD_EXCEPTION",
}

# ClickHouse's exceptionCodeToHTTPStatus; what is not here is 500.
_STATUSES = {
    401: (194,),
    403: (192, 193, 497, 512, 516),
    400: (
        *(6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441),
        *(675, 676),
    ),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 209, 439),
}
_STATUS_OF = {code: status for status, codes in _STATUSES.items() for code in codes}

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
# Where the data of an insert was kept is nothing that the client knows; around such an error stands another.
_WRAPPED = re.compile(
    r"Code: (\d+)\. DB::Exception: (Code: \1\. DB::Exception: .*) \(version [^)]+\)\. \(\w+\)", re.DOTALL
)
_WHERE_DATA_WAS = re.compile(
    r"(: \(in file/uri /dev/fd/\d+\))|(: While executing File)?: data for INSERT was parsed from file"
)
_TAG_LENGTH = 16


class Refusal(Exception):
    """An error to answer a client with; `text` is whole, from "Code: " to the version."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return _STATUS_OF.get(self.code, 500)


def refusal(code: int, message: str) -> Refusal:
    """An error of the front's own, worded like the engine's."""
    return Refusal(code, f"Code: {code}. DB::Exception: {message} ({_NAMES[code]})")


def from_engine(error: Exception) -> Refusal:
    """What the engine raised; an error without a number (of the library around it) gets ClickHouse's catch-all."""
    text = str(error).strip()
    if wrapped := _WRAPPED.fullmatch(text):
        text = _WHERE_DATA_WAS.sub("", wrapped[2])
    if match := _CODE.match(text):
        if int(match[1]) == PY_EXCEPTION_OF_UDF:  # the only such function is the one that `engine` closes
            return refusal(ACCESS_DENIED, "Not enough privileges: the function file is not available")
        return Refusal(int(match[1]), text)
    return refusal(STD_EXCEPTION, text or type(error).__name__)


def body(error: Refusal, *, version: str) -> bytes:
    """The text of an error answer: servers end it with their version, the engine as a library does not."""
    suffix = f" (version {version})"
    text = error.text if error.text.endswith(suffix) else error.text + suffix
    return (text + "\n").encode("utf-8", "replace")


def new_tag() -> str:
    """A mark for this answer's trailer that no result can contain by chance."""
    return secrets.token_hex(_TAG_LENGTH // 2)


def trailer(error: Refusal, *, tag: str, version: str) -> bytes:
    """What ends an answer that fails after it has begun; clients recognise it by the tag of the header."""
    message = body(error, version=version)
    marked = tag.encode()
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
        marked,
        message,
        len(message),
        marked,
    )
