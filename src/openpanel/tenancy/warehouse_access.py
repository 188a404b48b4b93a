"""Makes a project's own ClickHouse user and takes it away, on servers that keep users made by SQL.

What the statements are stands in `warehouse_user`. A crash between two of them is mended by the next call.
"""

from collections.abc import Callable, Iterator
from typing import Final

from openpanel.tenancy import warehouse_user
from openpanel.tenancy.report import Change, Issued
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form

SUBJECT: Final = "@warehouse"  # where clients have their name; theirs have no such character


def ensure(
    warehouse: Warehouse,
    *,
    project: str,
    form: Form,
    fresh_secret: Callable[[], str],
    deliver: Callable[[str, Issued], None],
) -> Iterator[Change]:
    """Make the user and its rights what they should be. Its secret is delivered before it opens anything."""
    user = warehouse_user.user_name(project)
    if not warehouse.query(warehouse_user.EXISTS, parameters={"name": user}):
        issued = Issued(user, fresh_secret())
        deliver(SUBJECT, issued)
        warehouse.command(warehouse_user.creation(project, secret=issued.secret))
        yield Change("warehouse user", SUBJECT, "created", issued)
    wanted = warehouse_user.profile_name(project, database=warehouse.database, form=form)
    present = _profiles(warehouse, project)
    if wanted not in present:
        for statement in warehouse_user.rights(project, database=warehouse.database, form=form):
            warehouse.command(statement)
        yield Change("warehouse user", user, "rights granted")
    for outdated in present:
        if outdated != wanted:
            warehouse.command(warehouse_user.drop_profile(outdated))


def remove(warehouse: Warehouse, *, project: str, form: Form) -> None:
    """Take the user away; what is not there is left."""
    profiles = _profiles(warehouse, project)
    for statement in warehouse_user.removal(
        project, database=warehouse.database, form=form, profiles=profiles
    ):
        warehouse.command(statement)


def _profiles(warehouse: Warehouse, project: str) -> list[str]:
    parameters = {"prefix": warehouse_user.profile_prefix(project)}
    return [name for (name,) in warehouse.query(warehouse_user.PROFILES, parameters=parameters)]
