"""Tokens end where the engine's own lexer ends them, on any text."""

import json
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpanel_local.clickhouse.lexer import Kind, significant, tokens

Ask = Callable[..., httpx.Response]
Tokens = list[tuple[Kind, int, int]]

FRAGMENTS = [
    *(
        "'",
        '"',
        "`",
        "\\",
        "\\'",
        "--",
        "-",
        "->",
        "/*",
        "*/",
        "/",
        "//",
        "*",
        "\n",
        " ",
        "\t",
        "#",
        "# ",
        "#!",
        "!",
        "!=",
    ),
    *(
        "1",
        "1e",
        "0x",
        "0xf",
        "0b1",
        "0b2",
        "e",
        "p",
        "x",
        "x'",
        "b'",
        "_",
        "1_0",
        ".",
        "..",
        "$",
        "$a$",
        "$$",
        "a",
        "into",
    ),
    *(
        "‘",
        "’",
        "“",
        "”",
        "−",
        "\u00a0",
        "\u2002",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        "\\G",
        ">",
        "<",
        "=",
        ":",
        "::",
    ),
    *("@", "|", "?", "^", "+", "%", "0", "9", "\x00", "é", "文"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join)
SAFE = st.sampled_from(["select 1 ", "\n", "/* x */", "-- x\n", "(a, b) "])
HIDING = st.sampled_from(
    [
        "'{}'",
        '"{}"',
        "`{}`",
        "/* {} */",
        "-- {}\n",
        "$tag${}$tag$",
        "‘{}’",
        "“{}”",
        "'\\' {}'",
        "/* /* */ {} */",
    ]
)

ENGINES_KINDS = {
    "BareWord": Kind.WORD,
    "QuotedIdentifier": Kind.QUOTED,
    "StringLiteral": Kind.STRING,
    "HereDoc": Kind.STRING,
    "Number": Kind.NUMBER,
    "Whitespace": Kind.BLANK,
    "Comment": Kind.BLANK,
}


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(TEXTS, min_size=20, max_size=20))
def test_every_token_is_the_engines(ask: Ask, texts: list[str]) -> None:
    answer = ask(
        "SELECT arrayMap(t -> tokenizeQuery(unhex(t)), {texts:Array(String)}) FORMAT JSONCompactEachRow",
        param_texts=str([text.encode().hex() for text in texts]),
    )

    for text, found in zip(texts, json.loads(answer.text)[0], strict=True):
        ours = [(token.kind, token.start, token.end) for token in tokens(text.encode())]
        assert _comparable(ours) == _comparable(_of_engine(found)), text


@given(st.binary(max_size=200))
def test_any_bytes_are_cut_without_gaps(text: bytes) -> None:
    found = list(tokens(text))

    assert [token.start for token in found] == [0, *(token.end for token in found)][: len(found)]
    assert (found[-1].end if found else 0) == len(text)


@given(before=SAFE, hiding=HIDING, after=SAFE)
def test_words_are_found_outside_quotes_and_comments_only(before: str, hiding: str, after: str) -> None:
    text = (before + hiding.format(" into outfile ") + after + "INTO OUTFILE").encode()

    words = [text[t.start : t.end].lower() for t in significant(text) if t.kind is Kind.WORD]

    assert words.count(b"outfile") == 1
    assert words[-2:] == [b"into", b"outfile"]


@pytest.mark.parametrize("text", ["1e--1", "0x1p--1", "1_0.5e--1", ".5e--1", "x.1.1", "1e-", "0xg", "1a$b"])
def test_signs_and_dots_of_numbers_are_no_comments(ask: Ask, text: str) -> None:
    found = json.loads(ask("SELECT tokenizeQuery({t:String}) FORMAT JSONCompactEachRow", param_t=text).text)[
        0
    ]

    assert [tuple(token) for token in tokens(text.encode())] == _of_engine(found)


def _of_engine(found: list[object]) -> Tokens:
    result = []
    for entry in found:
        start, end, name = entry.values() if isinstance(entry, dict) else tuple(entry)  # type: ignore[arg-type]  # of JSON
        other = Kind.ERROR if name.startswith("Error") else Kind.SYMBOL
        result.append((ENGINES_KINDS.get(name, other), int(start), int(end)))
    return result


def _comparable(found: Tokens) -> list[object]:
    """Neighbouring blanks and symbols as one, and nothing after the first error: there the engine stops."""
    merged: list[object] = []
    last: tuple[Kind, int, int] | None = None
    for kind, start, end in found:
        if kind is Kind.ERROR:
            return [*merged, "error", start]
        if last is not None and kind is last[0] and kind in {Kind.BLANK, Kind.SYMBOL}:
            merged[-1] = last = (kind, last[1], end)
        else:
            last = (kind, start, end)
            merged.append(last)
    return merged
