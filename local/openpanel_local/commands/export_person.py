"""`openpanel export-person PROJECT PROFILE -o FILE`: everything that is stored about one person."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from openpanel_local import installation
from openpanel_local.commands.options import Data, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA

Project = Annotated[str, typer.Argument(help="Name of the project.")]
Profile = Annotated[str, typer.Argument(help="The person's profile id, or a device's of one who has none.")]
File = Annotated[
    Path, typer.Option("-o", "--output", help="Where to write it: one JSON object a line. It must not exist.")
]


def export_person(project: Project, profile: Profile, file: File, data: Data = DEFAULT_DATA) -> None:
    """Write everything that is stored about one person to a file that only you can read."""
    from openpanel_local import people, stores  # noqa: PLC0415 - drivers only where they are needed

    where = layout(data)
    with stores.opened(where, installation.furnished(where)) as opened:
        stores.known_project(opened, project)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise CommandError(ExitCode.USAGE, f"{file} exists already") from error
        lines = 0
        with open(handle, "wb") as written:
            for page in people.export(opened, project, profile):
                written.write(msgspec.json.Encoder().encode_lines(page))
                lines += len(page)
    typer.echo(f"{lines:,} lines in {file}")
