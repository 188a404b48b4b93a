"""One run of the demo, picked up where it broke off.

Seed, size and moment are kept until the run is complete: a second attempt makes the same requests with the same
keys, and begins with the first one that was not acknowledged.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from openpanel_local import files
from openpanel_local.demo import batches, traffic
from openpanel_local.demo.batches import Target
from openpanel_local.demo.send import Batch, Sender
from openpanel_local.demo.traffic import Plan

RESUMABLE_MS: Final = 24 * 3_600 * 1_000  # for as long are keys remembered; after that a new run is begun


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for."""

    project: str
    seed: int
    days: int
    visitors: int


class Kept(msgspec.Struct, frozen=True):
    """How far a run has come. Requests are counted over all of its parts."""

    wanted: Wanted
    until_ms: int
    requests: int = 0
    acknowledged: int = 0
    now_ms: int = 0  # when the part about the present began; 0: not yet


Seen = Callable[[int, int], None]  # visits that are through, and all visits


def resumed(file: Path, wanted: Wanted, *, now_ms: int) -> Kept:
    """The run that is to be completed, or a new one."""
    kept = files.read(file, Kept, otherwise="the demo begins anew")
    if kept is not None and kept.wanted == wanted and now_ms - kept.until_ms < RESUMABLE_MS:
        return kept
    return Kept(wanted, until_ms=now_ms)


class Run:
    """A run from where it was to its end."""

    def __init__(
        self,
        file: Path,
        kept: Kept,
        *,
        sender: Sender,
        target: Target,
        zone: ZoneInfo,
        now_ms: Callable[[], int],
    ) -> None:
        self.kept = kept
        self._file = file
        self._sender = sender
        self._target = target
        self._now_ms = now_ms
        self._place = 0  # in the sequence of all requests
        wanted = kept.wanted
        self._plan = Plan(
            wanted.project, wanted.seed, wanted.visitors, wanted.days, until_ms=kept.until_ms, zone=zone
        )

    def complete(self, seen: Seen) -> int:
        """Send what is left; how many events were acknowledged in all. `NotAcknowledgedError` breaks it off."""
        begins = traffic.begins(self._plan)
        through = 0
        for step in batches.past(begins, self._plan, self._target):
            self._deliver(step.batch)
            through += step.visits
            seen(through, len(begins))
        for batch in batches.people(begins, self._plan, self._target):
            self._deliver(batch)
        if not self.kept.now_ms:
            self._keep(now_ms=self._now_ms())
        for batch in batches.present(self._plan, self._target, now_ms=self.kept.now_ms):
            self._deliver(batch)
        self._file.unlink(missing_ok=True)
        return self.kept.acknowledged

    def _deliver(self, batch: Batch) -> None:
        self._place += 1
        if self._place <= self.kept.requests:
            return  # an earlier attempt has done it
        counted = self._sender.deliver(batch)
        self._keep(requests=self._place, acknowledged=self.kept.acknowledged + counted)

    def _keep(self, **changes: int) -> None:
        self.kept = msgspec.structs.replace(self.kept, **changes)
        files.write(self._file, self.kept, durable=False)
