"""`openpanel demo PROJECT`: fill a project with believable traffic, to have something to look at."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer

from openpanel_local import credentials, installation, output
from openpanel_local.commands.options import Data, Output, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA, Layout
from openpanel_local.output import Form

if TYPE_CHECKING:
    from openpanel.metadata import ProjectRecord
    from openpanel_local.demo.batches import Target
    from openpanel_local.demo.run import Run, Seen

ELSEWHERE: Final = (
    "https://northwind.example"  # where the shop is when the project names no site; cannot exist
)

Project = Annotated[str, typer.Argument(help="Name of the project.")]
Days = Annotated[int, typer.Option("--days", min=1, max=730, help="How far back.")]
Visitors = Annotated[int, typer.Option("--visitors", min=1, max=1_000_000, help="How many people.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same people.")]


def send_demo(
    project: Project,
    *,
    days: Days = 30,
    visitors: Visitors = 2_000,
    seed: Seed = 1,
    data: Data = DEFAULT_DATA,
    form: Output = Form.TABLE,
) -> None:
    """Send the traffic of a small shop through the ingest API: past days, and people who are there right now."""
    import httpx  # noqa: PLC0415 - slow to load, like the parsers and tables below

    from openpanel_local.demo.run import Run, Wanted, resumed  # noqa: PLC0415
    from openpanel_local.demo.send import NotAcknowledgedError, Sender  # noqa: PLC0415

    where = layout(data)
    known = installation.furnished(where)
    target, zone = _target(where, known, project)
    file = where.demo_of(project)
    kept = resumed(file, Wanted(project, seed, days, visitors), now_ms=_now_ms())
    with httpx.Client(base_url=known.ingest_url.replace("localhost", installation.HOST)) as client:
        run = Run(
            file, kept,
            sender=Sender(client, random=random.random), target=target, zone=zone, now_ms=_now_ms,
        )  # fmt: skip
        try:
            _completed(run)
        except (NotAcknowledgedError, KeyboardInterrupt) as broken:
            done = f"{run.kept.acknowledged:,} events are acknowledged; the same command goes on from here"
            reason = "broken off" if isinstance(broken, KeyboardInterrupt) else str(broken)
            raise CommandError(ExitCode.INCOMPLETE, f"{reason}; {done}") from broken
    acknowledged = run.kept.acknowledged
    if form is Form.TABLE:
        typer.echo(f"{acknowledged:,} events of {project} are acknowledged")
    else:
        typer.echo(output.for_programs({"project": project, "acknowledged": acknowledged}, form))


def _completed(run: "Run") -> None:
    with _bar() as seen:
        run.complete(seen)


def _target(where: Layout, known: installation.Installation, project: str) -> "tuple[Target, ZoneInfo]":
    from openpanel_local import stores  # noqa: PLC0415 - drivers only where they are needed
    from openpanel_local.demo.batches import Target  # noqa: PLC0415

    ways = credentials.clients(where, project)
    with stores.opened(where, known) as opened:
        record = stores.known_project(opened, project)
    target = Target(
        origin=_origin(record),
        importer=_headers(project, ways, types=("root", "read")),
        sender=_headers(project, ways, types=("write",)),
    )
    return target, ZoneInfo(record.timezone)


def _headers(project: str, ways: dict[str, credentials.Secret], *, types: tuple[str, ...]) -> dict[str, str]:
    for type_ in types:
        for way in ways.values():
            if way.type == type_ and way.secret:
                return {"openpanel-client-id": way.id, "openpanel-client-secret": way.secret}
    message = f"project {project} has no client of type {' or '.join(types)} whose secret is known here"
    raise CommandError(ExitCode.UNKNOWN, message)


def _origin(record: "ProjectRecord") -> str:
    """The project's own site, if it names one."""
    named = next((domain for domain in record.cors if "*" not in domain), "")
    if not named:
        return ELSEWHERE
    return (named if "://" in named else f"https://{named}").rstrip("/")


@contextmanager
def _bar() -> "Iterator[Seen]":
    """A progress bar on standard error; nothing where nobody looks."""
    from rich.console import Console  # noqa: PLC0415 - slow to load, and only this command draws
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("visits"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("visits", total=None)

        def seen(through: int, total: int) -> None:
            progress.update(task, completed=through, total=total)

        yield seen


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
