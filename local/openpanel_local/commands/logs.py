"""`openpanel logs`: what the services say."""

import os
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from openpanel_local import installation
from openpanel_local.commands.options import Data, layout
from openpanel_local.credentials import no_such
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA, Layout
from openpanel_local.supervise import logs

LOOK_EVERY_S: Final = 0.3

Service = Annotated[str | None, typer.Argument(help="A service or one process of it; none: all of them.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of the past.")]


def show_logs(
    service: Service = None, data: Data = DEFAULT_DATA, follow: Follow = False, lines: Lines = 50
) -> None:
    """Show the end of the logs, and with --follow what comes."""
    where = layout(data)
    if not where.logs.exists():
        installation.required(where)  # which says how to start one
    files = _files(where, service)
    growing = [logs.Growing(file) for file in files]
    for file in files:
        for line in logs.tail(file, lines=lines):
            _say(file, line, named=len(files) > 1)
    while follow:
        time.sleep(LOOK_EVERY_S)
        for log in growing:
            for line in log.new().splitlines():
                _say(log.log, line, named=len(files) > 1)


def _files(where: Layout, service: str | None) -> list[Path]:
    # Not `glob`, which passes over a folder that it may not look into.
    files = sorted(where.logs / name for name in os.listdir(where.logs))
    there = {file.stem: file for file in files if file.suffix == ".log"}
    chosen = [
        file
        for name, file in there.items()
        if service is None or name == service or name.startswith(f"{service}-")
    ]
    if service is not None and not chosen:
        raise CommandError(ExitCode.UNKNOWN, no_such("log of", service, there=there))
    return chosen


def _say(file: Path, line: str, *, named: bool) -> None:
    typer.echo(f"{file.stem:<11} {line}" if named else line)
