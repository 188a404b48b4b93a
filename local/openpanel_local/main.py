"""The `openpanel` command: its parts put together, and the one place where errors become messages and exit codes."""

import sys

import typer

from openpanel_local.commands import apply, credentials, delete, demo, down, get, logs, status, up
from openpanel_local.exits import CommandError, ExitCode

app = typer.Typer(
    name="openpanel",
    help="Web and product analytics on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.start)
app.command("status")(status.show_status)
app.command("down")(down.stop)
app.command("logs")(logs.show_logs)
app.command("apply")(apply.apply_manifests)
app.command("get")(get.get)
app.command("delete")(delete.delete)
app.command("credentials")(credentials.show_credentials)
app.command("demo")(demo.send_demo)


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


if __name__ == "__main__":
    main()
