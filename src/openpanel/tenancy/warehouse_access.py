"""Makes a project's own ClickHouse user and takes it away, on servers that keep users made by SQL.

What the statements are stands in `warehouse_user`. A crash between two of them is mended by the next call.
"""

from collections.abc import Iterator

from openpanel.tenancy import warehouse_user
from openpanel.tenancy.report import Change
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form


def ensure(warehouse: Warehouse, *, project: str, secret: str, form: Form) -> Iterator[Change]:
    """Make the user, its secret and its rights what they should be."""
    user = warehouse_user.user_name(project)
    if not warehouse.query(warehouse_user.EXISTS, parameters={"name": user}):
        warehouse.command(warehouse_user.creation(project, secret=secret))
        yield Change("warehouse user", user, "created")
    wanted = warehouse_user.profile_name(project, secret=secret, database=warehouse.database, form=form)
    present = _profiles(warehouse, project)
    if wanted not in present or not _is_whole(warehouse, user, form):
        for statement in warehouse_user.rights(
            project, secret=secret, database=warehouse.database, form=form
        ):
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


def _is_whole(warehouse: Warehouse, user: str, form: Form) -> bool:
    """Whether nobody took a policy, a grant or the quota away."""
    parameters = {"name": user, "services": warehouse_user.ALLOW_SERVICES, "database": warehouse.database}
    [there] = warehouse.query(warehouse_user.COUNTS, parameters=parameters)
    wanted = warehouse_user.least(database=warehouse.database, form=form)
    return all(count >= least for count, least in zip(there, wanted, strict=True))


def _profiles(warehouse: Warehouse, project: str) -> list[str]:
    parameters = {"prefix": warehouse_user.profile_prefix(project)}
    return [name for (name,) in warehouse.query(warehouse_user.PROFILES, parameters=parameters)]
