"""How long to wait before a dead process is started again. Pure: randomness is given, time is a number."""

from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.2  # a single crash should hardly be noticed
FACTOR: Final = 2.0
LONGEST_S: Final = 30.0
JITTER: Final = (
    0.25  # share of the wait that is drawn, so that processes that died together do not return together
)
HEALTHY_S: Final = 30.0  # a process that was ready for this long starts with a clean sheet


class Backoff:
    """The waits of one process: they double from death to death, up to a limit, and begin anew after health."""

    def __init__(self, *, random: Callable[[], float]) -> None:
        """`random` gives numbers from 0 up to 1."""
        self._random = random
        self.failures = 0  # deaths since the last time that the process was healthy

    def after_death(self, *, ready_for_s: float) -> float:
        """The wait in seconds after a run that was ready for so long (0: never)."""
        if ready_for_s >= HEALTHY_S:
            self.failures = 0
        self.failures += 1
        wait = min(LONGEST_S, FIRST_S * FACTOR ** min(self.failures - 1, 30))
        return wait * (1 - JITTER * self._random())
