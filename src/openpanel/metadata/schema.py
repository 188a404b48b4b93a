"""Brings the tables of a PostgreSQL database to this version of the program.

Safe to run twice, from several processes at once (they queue behind a lock) and after a crash (each migration is
one transaction that either happened or did not).

Alembic is loaded by the functions that use it: services import this room and never migrate.
"""

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from openpanel.metadata.database import Database, connect_arguments, driver_url
from openpanel.metadata.errors import SchemaNewer, translated
from openpanel.metadata.locks import held

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS: Final = "openpanel.metadata:migrations"
LOCK_NAME: Final = "openpanel.metadata.migrations"
QUEUE_S: Final = 120.0  # seconds to wait while another process migrates
LOCK_TIMEOUT_MS: Final = (
    4_000  # a migration that cannot get its table soon must not block the readers behind it
)
STATEMENT_TIMEOUT_MS: Final = 60_000


def migrate(url: str) -> None:
    """Apply every migration that is missing."""
    from alembic import command  # noqa: PLC0415

    arguments = connect_arguments(
        application="openpanel-migrate", statement_ms=STATEMENT_TIMEOUT_MS, lock_ms=LOCK_TIMEOUT_MS
    )
    engine = create_engine(driver_url(url), poolclass=NullPool, connect_args=arguments)
    with translated(), engine.connect() as connection, held(connection, name=LOCK_NAME, wait_s=QUEUE_S):
        connection.execute(
            text(
                "SELECT set_config('statement_timeout', :statement, false), set_config('lock_timeout', :lock, false)"
            ),
            {"statement": f"{STATEMENT_TIMEOUT_MS}ms", "lock": f"{LOCK_TIMEOUT_MS}ms"},
        )
        config = configuration(connection)
        _refuse_newer(connection, config)
        connection.commit()  # each migration is a transaction of its own
        command.upgrade(config, "head")


def _refuse_newer(connection: Connection, config: "Config") -> None:
    """What a later version of the program made is left alone."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    present = set(MigrationContext.configure(connection).get_current_heads())
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if unknown := present - known:
        names = ", ".join(sorted(unknown))
        raise SchemaNewer(
            f"the tables are of a newer version of the program (migration {names}); use that version"
        )


def is_current(database: Database) -> bool:
    """Whether the tables are of exactly this version."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    with translated(), database.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_heads()
        return set(present) == set(ScriptDirectory.from_config(configuration(connection)).get_heads())


def configuration(connection: Connection) -> "Config":
    """Alembic's configuration without a file: the scripts in this package, on the given connection."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config
