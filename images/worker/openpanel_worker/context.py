"""What the orders of this process work with. RQ calls orders by name, so they find it here.

Put here once by the entry point, before the first order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openpanel_worker.drain import Drain
    from openpanel_worker.forgetting import Forgetting


@dataclass(frozen=True, slots=True)
class Context:
    """Makes what an order needs."""

    drain: "Callable[[str, int], Drain]"
    """For a pool and one of its shards; both must be this worker's."""
    forgetting: "Forgetting"


class NoContext(RuntimeError):
    """An order was called outside of a worker."""


_installed: list[Context] = []


def install(context: Context) -> None:
    """Let the orders of this process work with this from now on."""
    _installed[:] = [context]


def current() -> Context:
    """What was installed; raises NoContext."""
    if not _installed:
        raise NoContext("orders run in `python -m openpanel_worker` only")
    return _installed[0]
