"""Formulas over series: `A / B * 100`, read by a small parser of its own and computed on numbers.

    + − * / % ^        the usual ones; ^ binds strongest and from the right, % has the sign of its divisor
    ( )                up to 50 deep; up to 100 operators in all
    abs ceil floor round sqrt log log10 exp min max     `round(x, digits)`, up to 15; `log` is the natural one
    A B C …            the series by its place

What cannot be computed (a division by nothing, the root of a negative number, a series without a value) is `None`,
never 0. Pure: nothing is ever evaluated as code.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_LENGTH: Final = 1_000  # characters
MAX_DEPTH: Final = 50  # of parentheses, signs and powers
MAX_OPERATORS: Final = 100
MAX_DIGITS: Final = 15  # that `round` leaves, on either side of the point: what a number holds


class BadFormula(ValueError):
    """The text is no formula. `position` counts characters from 0."""

    def __init__(self, text: str, *, position: int, reason: str) -> None:
        super().__init__(f"formula {text[:60]!r} at {position + 1}: {reason}")
        self.text = text
        self.position = position
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written."""

    value: float


@dataclass(frozen=True, slots=True)
class Letter:
    """The value of a series."""

    letter: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator, and what it is applied to."""

    name: str
    arguments: "tuple[Expression, ...]"


Expression = Number | Letter | Call


def parse(text: str, *, letters: Sequence[str]) -> Expression:
    """The formula over these series. Raises `BadFormula`."""
    if len(text) > MAX_LENGTH:
        raise BadFormula(text, position=MAX_LENGTH, reason=f"at most {MAX_LENGTH} characters")
    return _Parser(text, letters).whole()


def compute(expression: Expression, values: Mapping[str, float | None]) -> float | None:
    """The formula's value, `None` where it has none."""
    match expression:
        case Number(value):
            return value if math.isfinite(value) else None
        case Letter(letter):
            return values.get(letter)
        case Call(name, arguments):
            given = [compute(argument, values) for argument in arguments]
            return _applied(
                _FUNCTIONS[name].apply, [number for number in given if number is not None], len(given)
            )


def _applied(apply: Callable[..., float], numbers: list[float], wanted: int) -> float | None:
    if len(numbers) < wanted:
        return None
    try:
        found = apply(*numbers)
    except (ArithmeticError, ValueError):
        return None
    return float(found) if math.isfinite(found) else None


def _round(value: float, digits: float = 0) -> float:
    """Halves go away from zero, as people round."""
    if abs(digits) > MAX_DIGITS:
        raise ValueError(digits)
    scale = 10 ** int(digits)
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


@dataclass(frozen=True, slots=True)
class _Function:
    apply: Callable[..., float]
    least: int
    most: int


_FUNCTIONS: Final[Mapping[str, _Function]] = {
    "+": _Function(lambda a, b: a + b, 2, 2),
    "-": _Function(lambda a, b: a - b, 2, 2),
    "*": _Function(lambda a, b: a * b, 2, 2),
    "/": _Function(lambda a, b: a / b, 2, 2),
    "%": _Function(lambda a, b: a % b, 2, 2),
    "^": _Function(math.pow, 2, 2),
    "negative": _Function(lambda a: -a, 1, 1),
    "abs": _Function(abs, 1, 1),
    "ceil": _Function(math.ceil, 1, 1),
    "floor": _Function(math.floor, 1, 1),
    "round": _Function(_round, 1, 2),
    "sqrt": _Function(math.sqrt, 1, 1),
    "log": _Function(math.log, 1, 1),
    "log10": _Function(math.log10, 1, 1),
    "exp": _Function(math.exp, 1, 1),
    "min": _Function(lambda *each: min(each), 1, 50),
    "max": _Function(lambda *each: max(each), 1, 50),
}
_OPERATORS: Final = frozenset("+-*/%^")
NAMES: Final = tuple(name for name in _FUNCTIONS if name.isalnum() and name != "negative")

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[-+*/%^(),]))",
    re.ASCII,
)


class _Parser:
    """Reads from left to right; each method reads what binds stronger than the one that calls it."""

    def __init__(self, text: str, letters: Sequence[str]) -> None:
        self._text = text
        self._letters = frozenset(letters)
        self._tokens = self._split()
        self._next = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._sum()
        if self._next < len(self._tokens):
            raise self._refusal(f"{self._peek()!r} is too much")
        return found

    def _split(self) -> list[tuple[str, str, int]]:
        tokens = []
        place = 0
        end = len(self._text.rstrip())
        while place < end:
            match = _TOKEN.match(self._text, place)
            if match is None or match.lastgroup is None:
                place += len(self._text[place:]) - len(self._text[place:].lstrip())
                reason = f"{self._text[place]!r} is not part of a formula"
                raise BadFormula(self._text, position=place, reason=reason)
            tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            place = match.end()
        operators = [place for _, text, place in tokens if text in _OPERATORS]
        if len(operators) > MAX_OPERATORS:
            reason = f"at most {MAX_OPERATORS} operators"
            raise BadFormula(self._text, position=operators[MAX_OPERATORS], reason=reason)
        return tokens

    def _sum(self) -> Expression:
        found = self._product()
        while self._peek() in {"+", "-"}:
            found = Call(self._take(), (found, self._product()))
        return found

    def _product(self) -> Expression:
        found = self._signed()
        while self._peek() in {"*", "/", "%"}:
            found = Call(self._take(), (found, self._signed()))
        return found

    def _signed(self) -> Expression:
        if self._peek() not in {"+", "-"}:
            return self._power()
        sign = self._take()
        inner = self._deeper(self._signed)
        return Call("negative", (inner,)) if sign == "-" else inner

    def _power(self) -> Expression:
        base = self._single()
        if self._peek() != "^":
            return base
        return Call(self._take(), (base, self._deeper(self._signed)))

    def _single(self) -> Expression:
        if self._next == len(self._tokens):
            raise self._refusal("something is missing at the end")
        kind, text, _ = self._tokens[self._next]
        if kind == "number":
            return Number(float(self._take()))
        if text == "(":
            self._take()
            inner = self._deeper(self._sum)
            self._expect(")")
            return inner
        if kind == "word":
            return self._named(text)
        raise self._refusal(f"{text!r} where a value is expected")

    def _named(self, text: str) -> Expression:
        if text in self._letters:
            self._take()
            return Letter(text)
        if text not in NAMES:
            known = ", ".join((*sorted(self._letters), *NAMES))
            raise self._refusal(f"{text!r} is no series and no function, expected one of {known}")
        self._take()
        self._expect("(")
        arguments = [self._deeper(self._sum)]
        while self._peek() == ",":
            self._take()
            arguments.append(self._deeper(self._sum))
        self._expect(")")
        function = _FUNCTIONS[text]
        if not function.least <= len(arguments) <= function.most:
            raise self._refusal(f"{text} takes {function.least} to {function.most} values")
        if text == "round" and len(arguments) > 1 and abs(compute(arguments[1], {}) or 0) > MAX_DIGITS:
            raise self._refusal(f"round takes up to {MAX_DIGITS} digits")
        return Call(text, tuple(arguments))

    def _deeper(self, read: Callable[[], Expression]) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refusal(f"at most {MAX_DEPTH} deep")
        found = read()
        self._depth -= 1
        return found

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise self._refusal(f"{sign!r} is missing")
        self._next += 1

    def _refusal(self, reason: str) -> BadFormula:
        at = self._tokens[self._next][2] if self._next < len(self._tokens) else len(self._text)
        return BadFormula(self._text, position=at, reason=reason)
