"""A question's identity: equal for equal questions, in every process, however much later they are asked.

A period that runs is the same period a moment later; how far it has come is a step of the clock beside it. So is the
moment that a question calls `now`. Knows no store and no clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from openpanel.analytics.periods import Period
from openpanel.analytics.statements import milliseconds

NOW: Final = "now"  # the field of a question that is as of a moment


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`key`: what is asked. `step`: until when, of what is as of now; 0 when all of it is over."""

    key: str
    step: int


def fingerprint(question: object, *, step: timedelta) -> Fingerprint:
    """The question's identity, with the clock in steps of this length."""
    running: list[int] = []
    digest = blake2b(digest_size=20)
    for part in _parts(question, running):
        digest.update(f"{len(part)}:{part}".encode(errors="surrogatepass"))
    length = step // timedelta(milliseconds=1)
    return Fingerprint(digest.hexdigest(), max(running) // length if running else 0)


def _parts(value: object, running: list[int]) -> Iterator[str]:
    """The value as texts that tell it from every other; moments up to which something runs go beside."""
    if isinstance(value, Period) and value.running_until is not None:
        running.append(milliseconds(value.running_until))
        yield from _parts(("running", value.start, value.end, value.shift), running)
    elif is_dataclass(value):
        yield f"{type(value).__module__}.{type(value).__qualname__}("
        for field in fields(value):
            yield field.name
            part = getattr(value, field.name)
            if field.name == NOW and isinstance(part, datetime):
                running.append(milliseconds(part))
            else:
                yield from _parts(part, running)
        yield ")"
    elif isinstance(value, Mapping):
        yield "{"
        for key in sorted(value, key=repr):
            yield from _parts((key, value[key]), running)
        yield "}"
    elif isinstance(value, tuple | list):
        yield "["
        for item in value:
            yield from _parts(item, running)
        yield "]"
    else:
        yield f"{type(value).__name__}:{value!r}"
