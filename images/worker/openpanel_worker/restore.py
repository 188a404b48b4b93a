"""`python -m openpanel_worker.restore PROJECT --from URL --name NAME`: brings a project back from a snapshot.

The key of the place comes from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, as other programs have it; without them
the ClickHouse servers use their own. Without `--name` it says which snapshots there are and changes nothing. What it
did is on standard output, why it did not on standard error, how it ended in the exit code.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from os import environ
from typing import Final

import pydantic
import redis
import structlog

from openpanel import metadata
from openpanel.metadata import Database, MetadataError
from openpanel.settings import Settings
from openpanel.stream.blocking import blocking_client
from openpanel.telemetry import configure_logging
from openpanel.tenancy import S3, SnapshotError, restore, snapshots
from openpanel.tenancy.announcing import tell
from openpanel.warehouse import Unavailable, Warehouse, WarehouseError
from openpanel_worker.changes import CHANNEL
from openpanel_worker.exits import Exit, wrong_settings

REDIS_S: Final = 5.0  # seconds for one answer

_log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None, *, keys: Mapping[str, str] = environ) -> int:
    """Do it for the stores that the settings name."""
    configure_logging(service="restore", level="info")
    wanted = parser().parse_args(arguments)
    try:
        settings = Settings()
        place = S3(
            wanted.place, key=keys.get("AWS_ACCESS_KEY_ID", ""), secret=keys.get("AWS_SECRET_ACCESS_KEY", "")
        )
    except pydantic.ValidationError as error:
        return _told(Exit.BAD_SETTINGS, wrong_settings(error))
    except SnapshotError as error:
        return _told(Exit.BAD_SETTINGS, str(error))
    try:
        with (
            Database(settings.postgres_url, application="openpanel-restore") as database,
            Warehouse(settings.clickhouse_url, database=settings.clickhouse_database) as warehouse,
        ):
            ended = bring_back(wanted, database, warehouse, place)
            tell_workers(database, settings.redis_url)
            return ended
    except SnapshotError as error:
        return _told(Exit.AWAY if error.again else Exit.REFUSED, str(error))
    except (metadata.Unavailable, Unavailable) as error:
        return _told(Exit.AWAY, str(error)[:500])
    except (MetadataError, WarehouseError) as error:
        return _told(Exit.REFUSED, str(error)[:500])


def parser() -> argparse.ArgumentParser:
    """What may be said."""
    said = argparse.ArgumentParser(prog="python -m openpanel_worker.restore", description=_WHAT)
    said.add_argument("project", help="the id of the project")
    said.add_argument("--from", dest="place", metavar="URL", required=True, help="spec.snapshots.url")
    said.add_argument("--name", help="which snapshot; without it those that there are, oldest first")
    said.add_argument(
        "--replace", action="store_true", help="delete the rows that the project has; without it they refuse"
    )
    return said


def bring_back(wanted: argparse.Namespace, database: Database, warehouse: Warehouse, place: S3) -> Exit:
    """What `parser` understood, on these stores; raises what `restore` raises."""
    if wanted.name is None:
        for name in snapshots.listed(wanted.project, warehouse=warehouse, place=place):
            sys.stdout.write(f"{name}\n")
        return Exit.DONE
    restored = restore(
        wanted.project, database=database, warehouse=warehouse, place=place, name=wanted.name,
        replace=wanted.replace,
    )  # fmt: skip
    for table, rows in restored.rows.items():
        sys.stdout.write(f"{table} {rows}\n")
    if restored.made:
        sys.stdout.write(f"{restored.project} has no clients yet: apply its AnalyticsProject\n")
    return Exit.DONE


def tell_workers(database: Database, redis_url: str) -> None:
    """Have workers that run forget what they remember of the project's data; where Redis is away, a worker tells it."""
    with suppress(redis.RedisError), blocking_client(redis_url, socket_timeout=REDIS_S) as client:
        tell(database, announce=partial(client.publish, CHANNEL))


def _told(ended: Exit, why: str) -> Exit:
    _log.error("nothing is restored" if ended is Exit.BAD_SETTINGS else "not restored", error=why)
    return ended


_WHAT: Final = "Bring a project back from a snapshot."


if __name__ == "__main__":
    sys.exit(main())
