"""`openpanel delete project NAME`: take a project away."""

from typing import Annotated

import typer

from openpanel_local import installation
from openpanel_local.commands.get import known_kind
from openpanel_local.commands.options import Data, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA

Kind = Annotated[str, typer.Argument(help="project")]
Name = Annotated[str, typer.Argument(help="Which one.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def delete(kind: Kind, name: Name, data: Data = DEFAULT_DATA, yes: Yes = False) -> None:
    """Delete a project: its clients stop at once, its data go if its manifest says so."""
    from openpanel_local import stores  # noqa: PLC0415 - drivers only where they are needed

    known_kind(kind)
    where = layout(data)
    with stores.opened(where, installation.furnished(where)) as opened:
        stores.known_project(opened, name)
        if not yes and not typer.confirm(f"Delete project {name}? Its clients stop at once."):
            raise CommandError(ExitCode.DECLINED, f"project {name} stays")
        report = stores.remove(opened, name)
    typer.echo("\n".join(str(change) for change in report.changes) or f"project {name} was gone already")
