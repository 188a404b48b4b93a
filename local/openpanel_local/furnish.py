"""The heavy part of a start, in a process of its own (see `furnishing`): it knows the folder from the environment."""

import os
from pathlib import Path

from openpanel.tenancy import ManifestRefused, parse_all
from openpanel_local import files, stores
from openpanel_local.engines import postgres
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.furnishing import Order, Outcome
from openpanel_local.installation import required
from openpanel_local.layout import DATA_VARIABLE, Layout


def furnish(layout: Layout, order: Order) -> Outcome:
    """Do it; what was done before is done again without effect."""
    installation = required(layout)
    try:
        projects = parse_all(order.manifests, snapshots=False)
        with stores.opened(layout, installation) as opened:
            stores.migrate(
                opened, postgres_url=postgres.url(layout.postgres, port=installation.ports.postgres)
            )
            stores.apply(opened, projects)
            token = stores.sign_in_token(opened)
    except ManifestRefused as refused:
        return Outcome(code=ExitCode.REFUSED, message=str(refused))
    except CommandError as error:
        return Outcome(code=error.code, message=error.message)
    return Outcome(sign_in_token=token, projects=tuple(project.name for project in projects))


def main() -> None:
    layout = Layout(Path(os.environ[DATA_VARIABLE]))
    order = files.read(layout.furnish_order, Order, otherwise="start again") or Order()
    files.write(layout.furnish_outcome, furnish(layout, order), durable=False)


if __name__ == "__main__":
    main()
