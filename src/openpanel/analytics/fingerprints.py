"""A question's identity: equal for equal questions, in every process of this release, however much later they are asked.

A period that runs is the same period a moment later; how far it has come is a step of the clock beside it. So is the
moment that a question calls `now`; whoever gives it the rows of an earlier one must ask as of that (`asked_at`).
Another release may read other columns for the same question. Knows no store and no clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

from openpanel.analytics.periods import Period
from openpanel.analytics.statements import milliseconds

NOW: Final = "now"  # the field of a question that is as of a moment
T = TypeVar("T")


def code_of(folder: Path) -> bytes:
    """What tells the code in a folder from that of every other release."""
    digest = blake2b(digest_size=20)
    for file in sorted(folder.glob("*.py")):
        text = file.read_bytes()
        digest.update(f"{file.name}:{len(text)}:".encode() + text)
    return digest.digest()


CODE: Final = code_of(Path(__file__).parent)  # of the questions, which also read what they wrote


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`key`: what is asked. `step`: until when, of what is as of now; 0 when all of it is over."""

    key: str
    step: int
    now: datetime | None = field(compare=False)  # what the question calls so


def fingerprint(question: object, *, step: timedelta) -> Fingerprint:
    """The question's identity, with the clock in steps of this length."""
    running: list[int] = []
    nows: list[datetime] = []
    digest = blake2b(digest_size=20, key=CODE)
    for part in _parts(question, running, nows):
        digest.update(f"{len(part)}:{part}".encode(errors="surrogatepass"))
    length = step // timedelta(milliseconds=1)
    return Fingerprint(digest.hexdigest(), max(running) // length if running else 0, max(nows, default=None))


def asked_at(question: T, now: datetime) -> T:
    """The same question, asked at that moment. What it has lists of is left alone: no answer is read by their `now`."""
    if not is_dataclass(question) or isinstance(question, type):
        return question
    changed: dict[str, Any] = {}
    for each in fields(question):
        part = getattr(question, each.name)
        then = now if each.name == NOW and isinstance(part, datetime) else asked_at(part, now)
        if then != part:
            changed[each.name] = then
    return replace(question, **changed) if changed else question


def _parts(value: object, running: list[int], nows: list[datetime]) -> Iterator[str]:
    """The value as texts that tell it from every other; moments up to which something runs go beside."""
    if isinstance(value, Period) and value.running_until is not None:
        running.append(milliseconds(value.running_until))
        yield from _parts(("running", value.start, value.end, value.shift), running, nows)
    elif is_dataclass(value):
        yield f"{type(value).__module__}.{type(value).__qualname__}("
        for each in fields(value):
            yield each.name
            part = getattr(value, each.name)
            if each.name == NOW and isinstance(part, datetime):
                running.append(milliseconds(part))
                nows.append(part)
            else:
                yield from _parts(part, running, nows)
        yield ")"
    elif isinstance(value, Mapping):
        yield "{"
        for key in sorted(value, key=repr):
            yield from _parts((key, value[key]), running, nows)
        yield "}"
    elif isinstance(value, tuple | list):
        yield "["
        for item in value:
            yield from _parts(item, running, nows)
        yield "]"
    else:
        yield f"{type(value).__name__}:{value!r}"
