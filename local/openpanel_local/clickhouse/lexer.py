"""ClickHouse SQL cut into tokens, exactly as the engine cuts it.

`statements` trusts these borders to tell what stands inside a string or a comment from what the engine will
obey, so every rule of the engine's own lexer is here: nested comments, heredocs, typographic quotes, numbers
that swallow a sign (`1e--1` holds no comment). A test compares both on random text.
"""

import enum
import re
from collections.abc import Iterator
from typing import NamedTuple


class Kind(enum.Enum):
    """What a token is, as far as anyone here cares."""

    WORD = "word"  # a keyword or an identifier without quotes
    QUOTED = "quoted"  # an identifier in quotes
    STRING = "string"
    NUMBER = "number"
    SYMBOL = "symbol"
    BLANK = "blank"  # whitespace or a comment
    ERROR = "error"  # the engine refuses the statement at this token


class Token(NamedTuple):
    """A piece of the text from `start` to `end`."""

    kind: Kind
    start: int
    end: int


# Most of any statement, and free of all special cases; what does not match is looked at with care.
_PLAIN = re.compile(
    rb"([ \t\n\r\f\v]+)"
    rb"|([A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_$']))"
    rb"|([(){}\[\],;=*+%?^:|@<>])"
    rb"|('[^'\\]*'(?!'))"
    rb"|(`[^`\\]*`(?!`))"
)
_PLAIN_KINDS = (Kind.BLANK, Kind.WORD, Kind.SYMBOL, Kind.STRING, Kind.QUOTED)
_SPACE = re.compile(
    rb"(?:[ \t\n\r\f\v]|\xc2[\x85\xa0]|\xe1\xa0\x8e|\xe2\x80[\x80-\x8d\xa8\xa9\xaf]|\xe2\x81[\x9f\xa0]"
    rb"|\xe3\x80\x80|\xef\xbb\xbf)+"
)
_LINE_COMMENT = re.compile(rb"(?:--|//|#[ !])[^\n]*")
_COMMENT_BORDER = re.compile(rb"/\*|\*/")
_WORD = re.compile(rb"[A-Za-z_$][A-Za-z0-9_$]*")
_DIGITS = rb"[0-9](?:_?[0-9])*"
_HEX_DIGITS = rb"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
# The exponent needs a character after its letter, and its sign one after that; digits are not needed.
_EXPONENT = rb"(?:[eE](?=.)(?:[+-](?=.))?(?:%b)?)?" % _DIGITS
_HEX_EXPONENT = rb"(?:[pP](?=.)(?:[+-](?=.))?(?:%b)?)?" % _DIGITS
_NUMBER = re.compile(
    rb"(?:0[xX](?=[0-9a-fA-F])%b(?:\.(?:%b)?)?%b|(?:0[bB](?=[01]))?%b(?:\.(?:%b)?)?%b)"
    % (_HEX_DIGITS, _HEX_DIGITS, _HEX_EXPONENT, _DIGITS, _DIGITS, _EXPONENT),
    re.DOTALL,
)
_FRACTION = re.compile(rb"\.(?:%b)?%b" % (_DIGITS, _EXPONENT), re.DOTALL)
_MEMBER = re.compile(_DIGITS)  # after a dot: `x.1.1` is not `x` and `.1.1`
_WORD_TAIL = re.compile(rb"[A-Za-z0-9_]+")
_CLOSED = {
    b"'": re.compile(rb"'(?:[^'\\]|\\.|'')*+'(?!')", re.DOTALL),
    b'"': re.compile(rb'"(?:[^"\\]|\\.|"")*+"(?!")', re.DOTALL),
    b"`": re.compile(rb"`(?:[^`\\]|\\.|``)*+`(?!`)", re.DOTALL),
}
_BYTES_LITERAL = re.compile(rb"(?:[xX]'[0-9a-fA-F]*'|[bB]'[01]*')")
_TYPOGRAPHIC = {
    b"\xe2\x80\x98": (b"\xe2\x80\x99", Kind.STRING),
    b"\xe2\x80\x9c": (b"\xe2\x80\x9d", Kind.QUOTED),
}
_VALUE_KINDS = frozenset({Kind.WORD, Kind.QUOTED, Kind.NUMBER})


def tokens(text: bytes) -> Iterator[Token]:
    """All tokens of `text` from left to right, without gaps."""
    position = 0
    before: Token | None = None  # the last token that is not blank
    while position < len(text):
        plain = _PLAIN.match(text, position)
        if plain is not None:
            token = Token(_PLAIN_KINDS[(plain.lastindex or 1) - 1], position, plain.end())
        else:
            token = _special(text, position, before)
        yield token
        position = token.end
        if token.kind is not Kind.BLANK:
            before = token


def significant(text: bytes) -> Iterator[Token]:
    """The tokens of `text` that are neither whitespace nor comments."""
    return (token for token in tokens(text) if token.kind is not Kind.BLANK)


def _special(text: bytes, at: int, before: Token | None) -> Token:
    if match := _SPACE.match(text, at) or _LINE_COMMENT.match(text, at):
        return Token(Kind.BLANK, at, match.end())
    first = text[at : at + 1]
    if first in _CLOSED:
        return _quoted(text, at, first)
    if first.isdigit():
        return _number(text, at, before)
    if first == b".":
        return _dot(text, at, before)
    if first == b"/" and text.startswith(b"/*", at):
        return _comment(text, at)
    return _word_or_symbol(text, at)


def _quoted(text: bytes, at: int, quote: bytes) -> Token:
    match = _CLOSED[quote].match(text, at)
    if match is None:
        return Token(Kind.ERROR, at, len(text))
    return Token(Kind.STRING if quote == b"'" else Kind.QUOTED, at, match.end())


def _number(text: bytes, at: int, before: Token | None) -> Token:
    member = before is not None and text[before.start : before.end] == b"." and before.kind is Kind.SYMBOL
    match = (_MEMBER if member else _NUMBER).match(text, at)
    end = match.end() if match else at + 1
    tail = _WORD_TAIL.match(text, end)
    if tail is None:
        return Token(Kind.NUMBER, at, end)
    whole = text[at : tail.end()]
    is_word = whole.replace(b"_", b"").isalnum()
    return Token(Kind.WORD if is_word else Kind.ERROR, at, tail.end())


def _dot(text: bytes, at: int, before: Token | None) -> Token:
    after_value = before is not None and (
        before.kind in _VALUE_KINDS or text[before.start : before.end] in {b")", b"]"}
    )
    if at > 0 and (after_value or not text[at + 1 : at + 2].isdigit()):
        return Token(Kind.SYMBOL, at, at + 1)
    match = _FRACTION.match(text, at)
    return Token(Kind.NUMBER, at, match.end() if match else at + 1)


def _comment(text: bytes, at: int) -> Token:
    depth = 0
    for border in _COMMENT_BORDER.finditer(text, at):
        depth += 1 if border.group() == b"/*" else -1
        if depth == 0:
            return Token(Kind.BLANK, at, border.end())
    return Token(Kind.ERROR, at, len(text))


def _word_or_symbol(text: bytes, at: int) -> Token:
    if closing := _TYPOGRAPHIC.get(text[at : at + 3]):
        return _typographic(text, at, *closing)
    if text.startswith(b"$", at) and (end := _heredoc_end(text, at)):
        return Token(Kind.STRING, at, end)
    if text[at : at + 1] in b"xXbB" and text.startswith(b"'", at + 1) and at + 2 < len(text):
        literal = _BYTES_LITERAL.match(text, at)
        return Token(Kind.STRING, at, literal.end()) if literal else Token(Kind.ERROR, at, len(text))
    if text.startswith(b"$", at) and not _WORD_TAIL.match(text, at + 1):
        return Token(Kind.SYMBOL, at, at + 1)
    if match := _WORD.match(text, at):
        return Token(Kind.WORD, at, match.end())
    return _symbol(text, at)


def _typographic(text: bytes, at: int, closing: bytes, kind: Kind) -> Token:
    end = text.find(closing, at + 3)
    if end < 0:
        return Token(Kind.ERROR, at, len(text))
    return Token(kind, at, end + 3)


def _heredoc_end(text: bytes, at: int) -> int:
    """Where `$tag$ … $tag$` ends; 0: it is none."""
    name_end = text.find(b"$", at + 1)
    if name_end < 0:
        return 0
    mark = text[at : name_end + 1]
    closing = text.find(mark, name_end + 1)
    return closing + len(mark) if closing >= 0 else 0


def _symbol(text: bytes, at: int) -> Token:
    if text[at : at + 2] in {b"->", b"\\G"}:
        return Token(Kind.SYMBOL, at, at + 2)
    known = text[at : at + 1] in b"()[]{},;+-*/%=<>?^:|@" or text.startswith(b"!=", at)
    minus = text.startswith(b"\xe2\x88\x92", at)
    return Token(Kind.SYMBOL if known or minus else Kind.ERROR, at, at + (3 if minus else 1))
