"""`openpanel up`: start everything, and tell the person what to do with it."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from openpanel_local import detached, manifests, up
from openpanel_local.commands.options import Data, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.installation import API_PROCESSES_MAX, Wishes
from openpanel_local.layout import DEFAULT_DATA
from openpanel_local.news import Failed, News, Progress, Started
from openpanel_local.output import table
from openpanel_local.snippet import snippet
from openpanel_local.typed import typed
from openpanel_local.up import UpOrder

Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "-f", "--filename", help="Manifest, folder or -; none: a first project, on the first start."
    ),
]
_PORT = {"min": 1, "max": 65_535, "show_default": False}
IngestPort = Annotated[
    int | None, typer.Option("--ingest-port", help="Port of the ingest API. [3000]", **_PORT)
]
DashboardPort = Annotated[
    int | None, typer.Option("--dashboard-port", help="Port of the dashboard. [3001]", **_PORT)
]
ApiPort = Annotated[int | None, typer.Option("--api-port", help="Port of the public API. [3002]", **_PORT)]
ApiProcesses = Annotated[
    int | None,
    typer.Option(
        "--api-processes", help="API processes on the same port. [one per core]", min=1, max=API_PROCESSES_MAX
    ),
]


def start(
    *,
    data: Data = DEFAULT_DATA,
    detach: Detach = False,
    ingest_port: IngestPort = None,
    dashboard_port: DashboardPort = None,
    api_port: ApiPort = None,
    api_processes: ApiProcesses = None,
    filename: Files = None,
) -> None:
    """Start everything on this machine; ports and sizes are remembered for the next time."""
    where = layout(data)
    wishes = Wishes(ingest_port, dashboard_port, api_port, api_processes)
    order = UpOrder(str(where.data), wishes, _checked(manifests.read(filename or ())))
    told = partial(tell, data=where.data)
    code = detached.start(order, where, told) if detach else up.run(order, told)
    raise typer.Exit(code)


def tell(news: News, *, data: Path) -> None:
    """Say it: progress and trouble to standard error, what one asked for to standard output."""
    match news:
        case Progress(text=text):
            typer.echo(f"  {text}", err=True)
        case Started():
            typer.echo(welcome(news, data=data))
            sys.stdout.flush()
        case Failed():
            typer.echo(complaint(news), err=True)
        case _:
            typer.echo("stopped", err=True)


def welcome(news: Started, *, data: Path) -> str:
    """What to do now."""
    ways = [(way.client, way.type, way.id, way.secret) for way in news.ways]
    sender = next((way.id for way in news.ways if way.type == "write"), "")
    parts = [
        f"openpanel is ready after {news.seconds:.1f} s (process {news.pid})",
        table(
            ("", ""),
            [
                ("dashboard", news.dashboard_url),
                ("ingest", news.ingest_url),
                ("public API", news.api_url),
            ],
        ).strip("\n"),
        f"Sign in (once, then the browser stays signed in):\n{news.sign_in_url}",
    ]
    if ways:
        clients = table(("CLIENT", "TYPE", "ID", "SECRET"), ways)
        parts.append(f"Credentials of project {news.project}:\n{clients}")
    if sender:
        tag = snippet(ingest_url=news.ingest_url, client_id=sender).rstrip()
        parts.append(f"Paste this into the <head> of a page:\n{tag}")
    if news.project:
        command = typed("demo", news.project, data=data)
        parts.append(f"Or fill it with believable traffic, from a second terminal:\n{command}")
    return "\n\n".join(parts)


def complaint(news: Failed) -> str:
    """What went wrong, with the end of the log that knows more."""
    lines = [f"error: {news.message}"]
    if news.lines:
        lines += [f"the end of {news.log}:", *(f"  {line}" for line in news.lines)]
    return "\n".join(lines)


def _checked(texts: manifests.Texts) -> manifests.Texts:
    """Refuse bad manifests before anything is started."""
    if texts:
        from openpanel.tenancy import ManifestRefused, parse_all  # noqa: PLC0415 - not needed without manifests

        try:
            parse_all(texts, snapshots=False)
        except ManifestRefused as refused:
            raise CommandError(ExitCode.REFUSED, f"{refused}\nnothing was started") from refused
    return texts
