"""How many random worlds a twin is compared on: a few at every run, as many as wished before a release.

`OPENPANEL_TWIN_WORLDS=1000 pytest tests/analytics/twin tests/analytics/test_overview_twin.py` takes a thousand new ones
for each test; without it each test takes the number that it names, the same ones at every run. What is said of a
failure ends with the `OPENPANEL_TWIN_SEED` that brings the same worlds again.
"""

import os
from collections.abc import Callable
from functools import partial, update_wrapper
from random import SystemRandom
from typing import Any, Final

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from openpanel.warehouse import Warehouse
from tests.analytics.worlds import Insert, Loadable, loading_ahead

WORLDS: Final = int(os.environ.get("OPENPANEL_TWIN_WORLDS") or 0)
SEED: Final = int(os.environ.get("OPENPANEL_TWIN_SEED") or (SystemRandom().getrandbits(32) if WORLDS else 0))

_ON_ONE: Final = "on_one_world"

Test = Callable[..., None]
Twin = Callable[[Warehouse, Insert], None]


def random_worlds(usual: int, **strategies: SearchStrategy[Any]) -> Callable[[Test], Twin]:
    """The test is asked so often, each time with what is drawn anew, worlds among it.

    All is drawn twice and in the same order: to load the worlds many at a time, and then to ask about them.
    """

    def over_them(test: Test) -> Twin:
        def twin(warehouse: Warehouse, insert: Insert) -> None:
            with loading_ahead(insert) as take:

                def load_it(**drawn: Any) -> None:
                    for world in drawn.values():
                        if isinstance(world, Loadable):
                            take(world)

                repeat(load_it)
            repeat(partial(test, warehouse, insert))

        def repeat(call: Test) -> None:
            _repeat(call, usual, strategies, name=test.__name__)

        update_wrapper(twin, test)
        del twin.__wrapped__  # type: ignore[attr-defined]  # its parameters are no fixtures
        twin.__dict__[_ON_ONE] = test
        return twin

    return over_them


def on_one_world(twin: Twin) -> Test:
    """The test behind `random_worlds`, to be asked of a world that is given."""
    test: Test = twin.__dict__[_ON_ONE]
    return test


def _repeat(call: Test, usual: int, strategies: dict[str, SearchStrategy[Any]], *, name: str) -> None:
    """No limit of time: an engine answers, on a machine that may be busy."""

    def each(**drawn: Any) -> None:
        call(**drawn)

    each.__name__ = each.__qualname__ = name
    chosen = settings(
        max_examples=WORLDS or usual, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    try:
        seed(f"{name} {SEED}")(chosen(given(**strategies)(each)))()
    except Exception as failure:
        failure.add_note(f"OPENPANEL_TWIN_SEED={SEED}")
        raise
