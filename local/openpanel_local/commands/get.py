"""`openpanel get projects`: what is there."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from openpanel_local import installation, output
from openpanel_local.commands.options import Data, Output, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA
from openpanel_local.output import Form

if TYPE_CHECKING:
    from openpanel.metadata import ProjectRecord

HEAD = ("NAME", "DISPLAY NAME", "ORGANIZATION", "TIME ZONE", "DOMAINS")

Kind = Annotated[str, typer.Argument(help="What to list; there are projects.")]
Name = Annotated[str | None, typer.Argument(help="Only this one.")]


def get(
    kind: Kind = "projects", name: Name = None, data: Data = DEFAULT_DATA, form: Output = Form.TABLE
) -> None:
    """List projects."""
    from openpanel_local import stores  # noqa: PLC0415 - drivers only where they are needed

    known_kind(kind)
    where = layout(data)
    with stores.opened(where, installation.furnished(where)) as opened:
        shown = stores.projects(opened) if name is None else (stores.known_project(opened, name),)
    if form is Form.TABLE:
        typer.echo(output.table(HEAD, [_row(project) for project in shown]))
    else:
        typer.echo(output.for_programs([_data(project) for project in shown], form))


def known_kind(kind: str) -> None:
    """There is one kind of thing; `CommandError` for any other word."""
    if kind.lower() not in {"project", "projects", "analyticsproject", "analyticsprojects", "aproj"}:
        raise CommandError(ExitCode.USAGE, f"there is no kind {kind}; there are: projects")


def _row(project: "ProjectRecord") -> tuple[str, ...]:
    domains = ", ".join(project.cors) or "-"
    return (project.id, project.name, project.organization, project.timezone, domains)


def _data(project: "ProjectRecord") -> dict[str, Any]:
    return {
        "name": project.id,
        "displayName": project.name,
        "organization": project.organization,
        "timeZone": project.timezone,
        "domains": list(project.cors),
        "retentionDays": dict(project.retention_days),
    }
