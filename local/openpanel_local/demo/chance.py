"""Chance that is the same for the same seed, and drawing from weighted things."""

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Weighted(Protocol):
    """Something that is more or less likely."""

    @property
    def weight(self) -> float: ...


_Thing = TypeVar("_Thing", bound=Weighted)


def stream(*parts: object) -> random.Random:
    """A source of chance of its own for whatever the parts name, so that nothing depends on the order of drawing."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - it is to be foreseen


def pick(things: Sequence[_Thing], chance: random.Random) -> _Thing:
    """One of the things, the heavy ones more often."""
    return chance.choices(things, weights=[thing.weight for thing in things])[0]
