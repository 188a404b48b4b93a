"""`openpanel status`: is everything ready? Exit code 0 says yes."""

import typer

from openpanel_local import output, status
from openpanel_local.commands.options import Data, Output, layout
from openpanel_local.exits import ExitCode
from openpanel_local.layout import DEFAULT_DATA
from openpanel_local.output import Form
from openpanel_local.status import ServiceStatus, Status

HEAD = ("SERVICE", "STATE", "PID", "UPTIME", "RESTARTS", "MEMORY", "PORT", "LAST DEATH")


def show_status(data: Data = DEFAULT_DATA, form: Output = Form.TABLE) -> None:
    """Show every process and whether it is ready; exit code 0 only when all are."""
    seen = status.look(layout(data))
    typer.echo(_table(seen) if form is Form.TABLE else output.for_programs(status.as_data(seen), form))
    raise typer.Exit(_code(seen))


def _code(seen: Status) -> ExitCode:
    if seen.ready:
        return ExitCode.OK
    return ExitCode.NOT_RUNNING if seen.supervisor is None else ExitCode.NOT_READY


def _table(seen: Status) -> str:
    if not seen.services:
        return f"{seen.data}: {'not running' if seen.supervisor is None else seen.phase}"
    waiting = "unknown" if seen.waiting_events is None else f"{seen.waiting_events:,}"
    used = [
        number
        for number in (seen.supervisor_memory_bytes, *(s.memory_bytes for s in seen.services))
        if number is not None
    ]
    rows = output.table(HEAD, [_row(service) for service in seen.services])
    ready = "everything is ready" if seen.ready else "not everything is ready"
    return (
        f"{rows}\n\n{seen.phase}, {ready}; supervisor {seen.supervisor};"
        f" {output.size(sum(used))} in all; {waiting} events waiting"
    )


def _row(service: ServiceStatus) -> tuple[str, ...]:
    return (
        service.name,
        service.state,
        "-" if service.pid is None else str(service.pid),
        output.duration(service.uptime_s) if service.pid else "-",
        str(service.restarts),
        output.size(service.memory_bytes),
        "-" if service.port is None else str(service.port),
        service.reason or "-",
    )
