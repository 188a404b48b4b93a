"""`openpanel sign-in`: a new link that signs the first user in, for another browser or when the last one was used."""

import typer

from openpanel_local import installation
from openpanel_local.commands.options import Data, layout
from openpanel_local.layout import DEFAULT_DATA
from openpanel_local.up import SIGN_IN_PATH


def sign_in(data: Data = DEFAULT_DATA) -> None:
    """Print a link that signs a browser in once; the link before it ends."""
    from openpanel_local import stores  # noqa: PLC0415 - drivers only where they are needed

    where = layout(data)
    known = installation.furnished(where)
    with stores.opened(where, known) as opened:
        typer.echo(f"{known.dashboard_url}{SIGN_IN_PATH}{stores.sign_in_token(opened)}")
