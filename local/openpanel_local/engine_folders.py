"""The three engines' folders made ready, and how each engine is started from its own."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from openpanel_local.engines import (
    Command,
    EngineFailedError,
    EngineMissingError,
    clickhouse,
    postgres,
    valkey,
)
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.installation import Ports
from openpanel_local.layout import Layout


@dataclass(frozen=True, slots=True)
class Prepared:
    """How the engines are started, each with its port, and where they will answer."""

    engines: Sequence[tuple[Command, int]]
    redis_url: str
    postgres_url: str
    clickhouse_url: str


def prepare(layout: Layout, ports: Ports) -> Prepared:
    """Make the folders ready, side by side; `CommandError` when that cannot be. Run before every start."""
    with ThreadPoolExecutor() as threads:
        commands = (
            (threads.submit(valkey.prepare, layout.valkey, port=ports.valkey), ports.valkey),
            (threads.submit(postgres.prepare, layout.postgres, port=ports.postgres), ports.postgres),
            (threads.submit(clickhouse.prepare, layout.clickhouse, port=ports.clickhouse), ports.clickhouse),
        )
    try:
        return Prepared(
            engines=tuple((command.result(), port) for command, port in commands),
            redis_url=valkey.url(layout.valkey, port=ports.valkey),
            postgres_url=postgres.url(layout.postgres, port=ports.postgres),
            clickhouse_url=clickhouse.url(layout.clickhouse, port=ports.clickhouse),
        )
    except (EngineMissingError, EngineFailedError, OSError) as error:
        raise CommandError(ExitCode.NOT_STARTED, f"an engine cannot be prepared: {error}") from error
