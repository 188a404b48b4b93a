"""`python -m openpanel_worker.migrate`: brings PostgreSQL and every ClickHouse server to what this version needs.

For a Job that runs before the services of a version roll. Twice, at once from two places, or after a crash in the
middle: the end is the same. Says what it did in one line per store; how it ended is in the exit code. With `--wait` it
tries again while stores do not answer yet: between two pods of a Job lie up to six minutes, however soon they do.
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import pydantic
import structlog

from openpanel import metadata
from openpanel.metadata import Database, MetadataError
from openpanel.settings import Settings
from openpanel.telemetry import configure_logging
from openpanel.warehouse import Unavailable, Warehouse, WarehouseError, migrations, topology
from openpanel.warehouse.schema import Clustered, Form, Single
from openpanel_worker.exits import Exit, wrong_settings

LOCK: Final = "openpanel.warehouse.migrations"
LOCK_WAIT_S: Final = 300.0  # another Job may be at work
PAUSE_S: Final = 2.0  # between two tries

_log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Migrate all stores that the settings name."""
    configure_logging(service="migrate", level="info")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # every step of its own, and what it loads
    wanted = parser().parse_args(arguments)
    try:
        settings = Settings()
        urls, form = servers(settings), form_of(settings)
    except pydantic.ValidationError as error:
        _log.error("settings cannot be right", error=wrong_settings(error))
        return Exit.BAD_SETTINGS
    except ValueError as error:
        _log.error("settings cannot be right", error=str(error))
        return Exit.BAD_SETTINGS
    if settings.clickhouse_shards or isinstance(form, Single):
        once = partial(migrate, settings.postgres_url, urls, database=settings.clickhouse_database, form=form)
    else:
        once = partial(_migrate_all_of, form.cluster, settings)
    return _until_they_answer(once, wait_s=wanted.wait)


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    told = argparse.ArgumentParser(
        prog="python -m openpanel_worker.migrate",
        description="Bring PostgreSQL and every ClickHouse server to what this version needs.",
    )
    told.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to try again while a store does not answer (default: not at all)",
    )
    return told


def _until_they_answer(once: Callable[[], Exit], *, wait_s: float) -> Exit:
    """Try until the stores answer, and begin no try after `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    ended = once()
    while ended is Exit.AWAY and time.monotonic() + PAUSE_S < deadline:
        time.sleep(PAUSE_S)
        ended = once()
    return ended


def _migrate_all_of(cluster: str, settings: Settings) -> Exit:
    """The same where only the cluster's name is told: one server says which others there are."""
    try:
        urls = topology.server_urls(settings.clickhouse_url, cluster=cluster)
    except Unavailable as error:
        _log.error("a store does not answer", error=str(error)[:500])
        return Exit.AWAY
    except WarehouseError as error:
        _log.error("a store cannot be migrated", error=str(error)[:500])
        return Exit.REFUSED
    if not urls:
        wrong = f"OPENPANEL_CLICKHOUSE_CLUSTER: system.clusters has no {cluster!r}; it is a name in remote_servers"
        _log.error("settings cannot be right", error=wrong)
        return Exit.BAD_SETTINGS
    return migrate(
        settings.postgres_url, urls, database=settings.clickhouse_database, form=Clustered(cluster=cluster)
    )


def form_of(settings: Settings) -> Form:
    """The form of the tables: a cluster's where one is named."""
    return Clustered(cluster=settings.clickhouse_cluster) if settings.clickhouse_cluster else Single()


def servers(settings: Settings) -> list[str]:
    """The addresses of all ClickHouse servers; raises ValueError."""
    named = [url.strip() for url in settings.clickhouse_shards.split(",") if url.strip()]
    if named and not settings.clickhouse_cluster:
        raise ValueError(
            "OPENPANEL_CLICKHOUSE_SHARDS names servers, and OPENPANEL_CLICKHOUSE_CLUSTER no cluster"
        )
    urls = list(dict.fromkeys(named)) or [settings.clickhouse_url]
    for number, url in enumerate(urls, start=1):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            # Not the address itself: it has a password.
            raise ValueError(f"address {number} of ClickHouse is not http[s]://user:password@host:port")
    return urls


def migrate(postgres_url: str, urls: Sequence[str], *, database: str, form: Form) -> Exit:
    """Migrate PostgreSQL, then each server under a lock that PostgreSQL keeps."""
    try:
        metadata.migrate(postgres_url)
        _log.info("postgres is migrated")
        with Database(postgres_url, application="openpanel-migrate") as locks:
            for url in urls:
                with metadata.lock(locks, LOCK, wait_s=LOCK_WAIT_S):
                    _migrate_server(url, database=database, form=form)
    except (metadata.Unavailable, Unavailable) as error:
        _log.error("a store does not answer", error=str(error)[:500])
        return Exit.AWAY
    except (MetadataError, WarehouseError) as error:
        _log.error("a store cannot be migrated", error=str(error)[:500])
        return Exit.REFUSED
    return Exit.DONE


def _migrate_server(url: str, *, database: str, form: Form) -> None:
    with Warehouse(url, database=database) as warehouse:
        done = migrations.migrate(warehouse, form=form)
    _log.info(
        "clickhouse is migrated",
        server=urlsplit(url).hostname,
        database=database,
        done=[f"{migration.number} {migration.name}" for migration in done],
    )


if __name__ == "__main__":
    sys.exit(main())
