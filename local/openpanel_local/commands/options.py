"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from openpanel_local.layout import DATA_VARIABLE, Layout
from openpanel_local.output import Form

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar=DATA_VARIABLE,
        help="Folder that holds everything of an installation.",
        show_default=True,
    ),
]
Output = Annotated[Form, typer.Option("-o", "--output", help="How to print it.")]


def layout(data: Path) -> Layout:
    """The folder as an absolute path, since services run elsewhere."""
    return Layout(data.expanduser().resolve())
