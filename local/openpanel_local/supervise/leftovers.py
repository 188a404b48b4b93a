"""Ends what a killed supervisor left behind, before a new one starts the same programs.

The kernel already told the children to end (see `launcher`); this is for those that are still at it, for systems
without such a kernel, and for a supervisor that was killed before it could be told.
"""

from collections.abc import Sequence
from typing import Final

import psutil

from openpanel_local.supervise.keeper import kill_group
from openpanel_local.supervise.record import ProcessRecord, still_runs

PATIENCE_S: Final = 3.0  # for what is ending by itself
AFTER_KILL_S: Final = 5.0


def end(records: Sequence[ProcessRecord], *, patience_s: float = PATIENCE_S) -> list[ProcessRecord]:
    """Wait for those that still run, kill what does not end; which ones there were."""
    left = [record for record in records if still_runs(record)]
    _wait(left, seconds=patience_s)
    stubborn = [record for record in left if still_runs(record)]
    for record in stubborn:
        if record.pid is not None:
            kill_group(record.pid)
    _wait(stubborn, seconds=AFTER_KILL_S)
    return left


def _wait(records: Sequence[ProcessRecord], *, seconds: float) -> None:
    processes = [process for record in records if (process := _process(record)) is not None]
    psutil.wait_procs(processes, timeout=seconds)


def _process(record: ProcessRecord) -> psutil.Process | None:
    try:
        return psutil.Process(record.pid)
    except psutil.Error:
        return None
