"""`openpanel apply`: make projects what their manifests say."""

from typing import Annotated

import typer

from openpanel_local import installation, manifests, output
from openpanel_local.commands.options import Data, Output, layout
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DEFAULT_DATA
from openpanel_local.output import Form

Files = Annotated[
    list[str],
    typer.Option("-f", "--filename", help="Manifest, folder of manifests, or - for standard input."),
]


def apply_manifests(filename: Files, data: Data = DEFAULT_DATA, form: Output = Form.TABLE) -> None:
    """Apply AnalyticsProject manifests: all of them, or none when one is refused."""
    # Drivers and models are loaded only by the commands that need them.
    from openpanel.tenancy import ManifestRefused, parse_all  # noqa: PLC0415
    from openpanel_local import stores  # noqa: PLC0415

    where = layout(data)
    try:
        projects = parse_all(manifests.read(filename), snapshots=False)
    except ManifestRefused as refused:
        raise CommandError(ExitCode.REFUSED, f"{refused}\nnothing was applied") from refused
    with stores.opened(where, installation.furnished(where)) as opened:
        reports = stores.apply(opened, projects)
    done = [(report.project, [str(change) for change in report.changes]) for report in reports]
    typer.echo(_lines(done) if form is Form.TABLE else output.for_programs(_data(done), form))


def _lines(done: list[tuple[str, list[str]]]) -> str:
    return "\n".join(line for project, changes in done for line in _told(project, changes))


def _told(project: str, changes: list[str]) -> list[str]:
    if not changes:
        return [f"{project}: as it was"]
    return [f"{project}:", *(f"  {change}" for change in changes)]


def _data(done: list[tuple[str, list[str]]]) -> list[dict[str, object]]:
    return [{"project": project, "changes": changes} for project, changes in done]
