"""`openpanel credentials PROJECT`: what a program needs to send or to read."""

import json
import shlex
from enum import StrEnum
from typing import Annotated

import typer

from openpanel_local import credentials, installation
from openpanel_local.commands.options import Data, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.installation import Installation
from openpanel_local.layout import DEFAULT_DATA


class Shape(StrEnum):
    """What `-o` takes here: both are for programs."""

    JSON = "json"
    ENV = "env"


Project = Annotated[str, typer.Argument(help="Name of the project.")]
Client = Annotated[
    str | None, typer.Option("--client", help="Name of the client; none: the first that may send.")
]
Output = Annotated[Shape, typer.Option("-o", "--output", help="How to print them.")]


def show_credentials(
    project: Project, client: Client = None, data: Data = DEFAULT_DATA, form: Output = Shape.JSON
) -> None:
    """Print the credentials of one client and the addresses to use them at."""
    where = layout(data)
    known = installation.required(where)
    name, found = credentials.client(where, project, name=client)
    if not found.secret:
        message = f"the secret of client {name} in project {project} was not issued on this machine"
        raise CommandError(ExitCode.UNKNOWN, message)
    shown = as_data(known, project=project, client=name, found=found)
    typer.echo(json.dumps(shown, indent=2) if form is Shape.JSON else as_env(shown))


def as_data(known: Installation, *, project: str, client: str, found: credentials.Secret) -> dict[str, str]:
    """What JSON shows."""
    return {
        "project": project,
        "client": client,
        "type": found.type,
        "clientId": found.id,
        "clientSecret": found.secret,
        "ingestUrl": known.ingest_url,
        "apiUrl": known.api_url,
        "dashboardUrl": known.dashboard_url,
    }


def as_env(shown: dict[str, str]) -> str:
    """The same as lines that a shell can read."""
    return "\n".join(f"OPENPANEL_{_upper(name)}={shlex.quote(value)}" for name, value in shown.items())


def _upper(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name)
