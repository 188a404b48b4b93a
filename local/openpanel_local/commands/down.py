"""`openpanel down`: stop everything and wait until it has stopped."""

import os
import signal
from typing import Final

import psutil
import typer

from openpanel_local.commands.options import Data, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA
from openpanel_local.supervise import folder_lock

PATIENCE_S: Final = 20.0  # twice what an orderly stop may take


def stop(data: Data = DEFAULT_DATA) -> None:
    """Stop everything in order; what was collected stays in the data folder."""
    where = layout(data)
    holder = folder_lock.holder(where.lock)
    if not holder:
        typer.echo(f"{where.data} is not running")
        return
    try:
        supervisor = psutil.Process(holder)
        os.kill(holder, signal.SIGTERM)
        supervisor.wait(PATIENCE_S)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass  # it ended by itself in this moment
    except PermissionError as error:
        raise CommandError(ExitCode.FAILED, f"process {holder} belongs to somebody else") from error
    except psutil.TimeoutExpired as error:
        message = f"process {holder} has not stopped within {PATIENCE_S:.0f} s"
        raise CommandError(ExitCode.FAILED, message) from error
    typer.echo(f"{where.data} is stopped")
