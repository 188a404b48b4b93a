"""`openpanel erase-person PROJECT PROFILE`: have everything about one person erased."""

from typing import TYPE_CHECKING, Annotated

import typer

from openpanel_local import installation, output
from openpanel_local.commands.options import Data, Output, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA
from openpanel_local.output import Form

if TYPE_CHECKING:
    from openpanel.metadata import PersonErasure

Project = Annotated[str, typer.Argument(help="Name of the project.")]
Whom = Annotated[str, typer.Argument(help="The person's profile id; with --device the id of a device.")]
Device = Annotated[bool, typer.Option("--device", help="The id is that of a device.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is done, and print the receipt.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def erase_person(
    project: Project,
    whom: Whom,
    data: Data = DEFAULT_DATA,
    *,
    form: Output = Form.TABLE,
    device: Device = False,
    wait: Wait = False,
    yes: Yes = False,
) -> None:
    """Erase one person: events, sessions, profile, recordings, under all its ids. Nothing takes it back."""
    from openpanel_local import people, stores  # noqa: PLC0415 - drivers only where they are needed

    where = layout(data)
    with stores.opened(where, installation.furnished(where)) as opened:
        stores.known_project(opened, project)
        if not yes and not typer.confirm(
            f"Erase everything about {whom} in {project}? Nothing takes it back."
        ):
            raise CommandError(ExitCode.DECLINED, f"{whom} stays")
        asked = people.ask(opened, project, whom, is_device=device)
        found = people.wait(opened, asked) if wait else asked
    typer.echo(_lines(found) if form is Form.TABLE else output.for_programs(_data(found), form))


def _lines(found: "PersonErasure") -> str:
    if found.state != "done":
        return f"erasure {found.id} of {found.project} is asked for; a worker carries it out"
    rows = [f"  {table}: {number:,}" for table, number in found.receipt["rows"].items()]
    stays = [f"  {each}" for each in found.receipt["stays"]]
    return "\n".join([f"erasure {found.id}: rows removed", *(rows or ["  none"]), "what stays", *stays])


def _data(found: "PersonErasure") -> dict[str, object]:
    return {"id": found.id, "project": found.project, "state": found.state, "receipt": dict(found.receipt)}
