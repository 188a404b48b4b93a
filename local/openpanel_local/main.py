"""The `openpanel` command: its parts put together, and the one place where errors become messages and exit codes."""

import errno
import sys
from typing import Final

import typer

from openpanel_local.commands import (
    apply,
    credentials,
    delete,
    demo,
    down,
    erase_person,
    export_person,
    get,
    logs,
    sign_in,
    status,
    up,
)
from openpanel_local.exits import CommandError, ExitCode

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

app = typer.Typer(
    name="openpanel",
    help="Web and product analytics on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up", short_help="Start everything; Ctrl-C stops it.")(up.start)
app.command("status", short_help="Is everything ready? Exit code 0 says yes.")(status.show_status)
app.command("down", short_help="Stop everything; what was collected stays.")(down.stop)
app.command("logs", short_help="Show what the services say.")(logs.show_logs)
app.command("sign-in", short_help="Print a new sign-in link.")(sign_in.sign_in)
app.command("apply", short_help="Make projects what their manifests say.")(apply.apply_manifests)
app.command("get", short_help="List projects.")(get.get)
app.command("delete", short_help="Delete a project.")(delete.delete)
app.command("erase-person", short_help="Erase everything about one person.")(erase_person.erase_person)
app.command("export-person", short_help="Write everything about one person to a file.")(
    export_person.export_person
)
app.command("credentials", short_help="Print the credentials of a client.")(credentials.show_credentials)
app.command("demo", short_help="Fill a project with believable traffic.")(demo.send_demo)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except CommandError as error:
        typer.echo(f"error: {error.message}", err=True)
        for line in error.lines:
            typer.echo(f"  {line}", err=True)
        sys.exit(error.code)
    except PermissionError as error:
        typer.echo(f"error: {error.filename} belongs to somebody else", err=True)
        sys.exit(ExitCode.FAILED)
    except OSError as error:
        if error.errno not in NO_ROOM and not error.filename:
            raise
        what_to_do = "; make room and repeat the command" if error.errno in NO_ROOM else ""
        typer.echo(f"error: {error.strerror}: {error.filename or 'the data folder'}{what_to_do}", err=True)
        sys.exit(ExitCode.FAILED)


if __name__ == "__main__":
    main()
