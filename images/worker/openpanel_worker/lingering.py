"""How long a drain order waits for a fuller block.

An insert costs the warehouse much the same whatever its size. So blocks are made rarer while it is busy with the
inserts of each moment, and are not waited for once nothing more comes.
"""

from collections.abc import Callable
from typing import Final

WORTHWHILE: Final = 40_000  # events that are not waited for to become more
BUSY: Final = (
    3_000  # events that came in while the last block was made: then events are seen some seconds later
)
INSERTS_SHARE: Final = (
    3.0  # a wait lasts so many times as long as the last insert took, so inserts take a quarter
)
BUSY_INSERTS_SHARE: Final = 6.0
LONGEST_S: Final = 1.0  # with a second for insert and commit, an event is visible within two
LONGEST_BUSY_S: Final = 2.0
LOOKING_S: Final = 0.1  # it is looked so often what has come


def linger(
    waiting: Callable[[], int],
    wait: Callable[[float], bool],
    *,
    enough: int,
    shortest_s: float,
    inserting_s: float,
) -> None:
    """Wait for a fuller block: until `enough` events wait, patience is at its end, or nothing more comes.

    `wait` waits so many seconds and says whether the process is to stop; `inserting_s` is what the last insert took.
    """
    waited_s, there = 0.0, waiting()
    while there < enough:
        step_s = min(LOOKING_S, patience(shortest_s, inserting_s=inserting_s, waiting=there) - waited_s)
        if step_s <= 0 or wait(step_s):
            return
        waited_s += step_s
        before, there = there, waiting()
        if there == before and there >= BUSY:  # fewer: what is in hand was taken off just now
            return


def patience(shortest_s: float, *, inserting_s: float, waiting: int) -> float:
    """Seconds to wait at most, with so many events waiting already."""
    if waiting < BUSY:
        return max(shortest_s, min(INSERTS_SHARE * inserting_s, LONGEST_S))
    return max(shortest_s, min(BUSY_INSERTS_SHARE * inserting_s, LONGEST_BUSY_S))
