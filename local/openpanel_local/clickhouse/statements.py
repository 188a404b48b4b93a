"""What kind of statement a text is, whether it is allowed, and where the data of an insert begins.

The engine as a library obeys its caller; grants and settings (`configuration`) hold most of what a server would
refuse. What they cannot hold is refused here, by the words of the statement: files written and read by the
client side of ClickHouse, disks and engines that name a folder, several statements in one request.
"""

import enum
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from openpanel_local.clickhouse import errors
from openpanel_local.clickhouse.lexer import Kind, Token, significant

DEFAULT_FORMAT = "TabSeparated"
KEPT = 256  # statements that are remembered
KEPT_BYTES = 32_768  # of one that is worth remembering

# Their documents put one after another are one document: such answers stream block by block.
_CONCATENABLE = frozenset(
    name.lower()
    for name in (
        *("Native", "RowBinary", "MsgPack", "LineAsString", "RawBLOB", "Null", "CSV", "TabSeparated", "TSV"),
        *("TabSeparatedRaw", "TSVRaw", "Raw", "JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow"),
        *("JSONCompactEachRow", "JSONCompactStringsEachRow"),
    )
)
_STREAMS = frozenset({"SELECT", "WITH", "FROM", "("})
_READS = _STREAMS | {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK", "VALUES"}
_RETURNS = _READS | {"KILL", "BACKUP", "RESTORE"}
# The grants on table engines do not cover these. They name files, programs or memory, or run texts as statements.
_REFUSED_ENGINES = frozenset(
    {
        *("embeddedrocksdb", "executable", "executablepool", "filelog", "arrowstream", "keepermap"),
        *("queryrunner", "timeseries", "fuzzquery", "fuzzjson"),
    }
)
_REFUSED_PAIRS = frozenset({("INTO", "OUTFILE"), ("FROM", "INFILE")})
_DISK_STATEMENTS = frozenset({"BACKUP", "RESTORE"})  # they name the disk `backups`; a grant watches over it
_OPENING, _CLOSING = b"([{", b")]}"
_NOT_OF_AN_INSERT_WITH_DATA = frozenset({"SELECT", "WITH", "FROM", ";", "\\G"})
_INSERT_PREFIX = frozenset({"INTO", "TABLE", "FUNCTION"})
_AFTER_FORMAT = re.compile(rb"[ \t\f]*(?:\r\n|\n|\r)?")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)


class Action(enum.Enum):
    """How the engine is asked."""

    STREAM = "stream"  # a result, block by block
    RETURN = "return"  # a result, as a whole
    RUN = "run"  # no result
    INSERT = "insert"  # data follows the statement


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, allowed. `format` is the answer's or, of an insert, the data's; '' where there is none."""

    action: Action
    text: bytes
    format: str = ""
    data_at: int = 0  # in the text that was read; data of an insert
    target_end: int = 0  # in `text`, of an insert; what follows are its settings
    reads_only: bool = False  # nothing is lost when it is stopped half way


def read(text: bytes, *, complete: bool, default_format: str = DEFAULT_FORMAT) -> Statement | None:
    """The statement that `text` begins with; None: more of the text is needed (never when `complete`).

    Only an insert with data is recognised before its text is complete: the data may be of any length.
    """
    first = next(significant(text), None)
    if first is None:
        if complete:
            raise errors.refusal(errors.SYNTAX_ERROR, "Syntax error: Empty query")
        return None
    if _word(text, first) == "INSERT" and (complete or first.end < len(text)):
        insert = _insert(text, complete=complete)
        if insert is not None or not complete:
            return insert
    if not complete:
        return None
    # Values come as parameters, so that the same texts come again and again; cutting a long one takes milliseconds.
    return _known(text, default_format) if len(text) <= KEPT_BYTES else _whole(text, default_format)


def _insert(text: bytes, *, complete: bool) -> Statement | None:
    """An insert whose data follows; None: it has none, or the text ends before that can be seen."""
    head: list[Token] = []
    ending: str | None = None
    settings_at: int | None = None
    for token in _at_top(text, head):
        if ending is not None:  # the name after FORMAT
            return _with_format(text, head, token, settings_at, complete=complete)
        word = "" if _is_target(text, head) else _word(text, token)
        cut_off = not complete and token.end == len(text)
        if cut_off or word in _NOT_OF_AN_INSERT_WITH_DATA:
            break
        if word == "SETTINGS" and settings_at is None:
            settings_at = token.start
        if word == "VALUES":
            _check(text, head)
            end = token.start if settings_at is None else settings_at
            return Statement(Action.INSERT, text[: token.start], "Values", token.end, target_end=end)
        ending = word if word == "FORMAT" else None
    return None


def _at_top(text: bytes, head: list[Token]) -> Iterator[Token]:
    """The tokens outside all brackets; `head` collects every token before the one given."""
    depth = 0
    for token in significant(text):
        piece = text[token.start : token.end]
        if piece in _CLOSING and depth > 0:
            depth -= 1
        elif depth == 0:
            yield token
        if piece in _OPENING:
            depth += 1
        head.append(token)


def _is_target(text: bytes, head: Sequence[Token]) -> bool:
    """Whether what follows `head` is (a part of) the table's name, which may look like a keyword."""
    if not head:
        return False
    last = _word(text, head[-1])
    return last == "." or (last in _INSERT_PREFIX | {"INSERT"} and len(head) <= 3)


def _with_format(
    text: bytes, head: Sequence[Token], name: Token, settings_at: int | None, *, complete: bool
) -> Statement | None:
    if not complete and name.end == len(text):
        return None
    match = _AFTER_FORMAT.match(text, name.end)
    data_at = match.end() if match else name.end
    if not complete and data_at == len(text) and not text.endswith(b"\n"):
        return None  # the line break that belongs to the statement may still come
    _check(text, head[:-1])
    head_end = head[-1].start  # without FORMAT: the engine is told the format apart
    target_end = head_end if settings_at is None else settings_at
    return Statement(Action.INSERT, text[:head_end], _name(text, name), data_at, target_end=target_end)


@lru_cache(maxsize=KEPT)
def _known(text: bytes, default_format: str) -> Statement:
    return _whole(text, default_format)


def _whole(text: bytes, default_format: str) -> Statement:
    found = list(significant(text))
    end = next((i for i, token in enumerate(found) if text[token.start : token.end] in {b";", b"\\G"}), None)
    if end is not None:
        _refuse_second_statement(text, found[end:])
        text, found = text[: found[end].start], found[:end]
    if not found:
        raise errors.refusal(errors.SYNTAX_ERROR, "Syntax error: Empty query")
    words = _check(text, found)
    if words[0] not in _RETURNS:
        return Statement(Action.RUN, text)
    output = _output_format(text, found, words) or default_format
    # Totals come after the last block and a stream does not have them.
    totals = ("WITH", "TOTALS") in itertools.pairwise(words)
    streams = words[0] in _STREAMS and output.lower() in _CONCATENABLE and not totals
    action = Action.STREAM if streams else Action.RETURN
    return Statement(action, text, output, reads_only=words[0] in _READS)


def _refuse_second_statement(text: bytes, rest: Sequence[Token]) -> None:
    for token in rest:
        if text[token.start : token.end] != b";":
            where = f"failed at position {rest[0].start + 1} (end of query)"
            message = f"Syntax error (Multi-statements are not allowed): {where}"
            raise errors.refusal(errors.SYNTAX_ERROR, message)


def _check(text: bytes, found: Sequence[Token]) -> list[str]:
    """Refuse what grants and settings do not stop; gives the words of the statement."""
    words = [_word(text, token) for token in found]
    for pair in _REFUSED_PAIRS.intersection(itertools.pairwise(words)):
        message = f"{' '.join(pair)} is not available over HTTP; an identifier of that name needs quotes"
        raise errors.refusal(errors.SUPPORT_IS_DISABLED, message)
    for i, word in enumerate(words):
        if (
            word == "("
            and i > 0
            and words[0] not in _DISK_STATEMENTS
            and _name(text, found[i - 1]).lower() == "disk"
        ):
            raise errors.refusal(errors.ACCESS_DENIED, "a statement may not define a disk")
        if word == "ENGINE":
            _refuse_engine([_name(text, token) for token in found[i + 1 : i + 3]])
    return words


def _refuse_engine(following: Sequence[str]) -> None:
    named = next((name for name in following if name != "="), "")
    if named.lower() in _REFUSED_ENGINES:
        raise errors.refusal(errors.ACCESS_DENIED, f"the engine {named} is not available")


def _output_format(text: bytes, found: Sequence[Token], words: Sequence[str]) -> str:
    """The name in `… FORMAT name` or `… FORMAT name SETTINGS …`; '' without one."""
    for i in range(len(found) - 2, 0, -1):
        if words[i] != "FORMAT" or found[i + 1].kind not in {Kind.WORD, Kind.QUOTED}:
            continue
        if i + 2 == len(found) or words[i + 2] == "SETTINGS":
            return _name(text, found[i + 1])
    return ""


def _word(text: bytes, token: Token) -> str:
    """A keyword in capitals or a symbol; '' for what the engine does not take as either."""
    if token.kind in (Kind.WORD, Kind.SYMBOL):  # a tuple: an enum's hash is slow
        return text[token.start : token.end].decode("ascii", "replace").upper()
    return ""


def _name(text: bytes, token: Token) -> str:
    """What an identifier names, its quotes and escapes taken away; other tokens as they stand."""
    piece = text[token.start : token.end]
    if token.kind is Kind.QUOTED:
        width = 3 if piece.startswith(b"\xe2") else 1
        quote, inner = piece[:width], piece[width:-width]
        piece = _ESCAPE.sub(_unescaped, inner.replace(quote * 2, quote))
    return piece.decode("utf-8", "replace")


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else match[2]
