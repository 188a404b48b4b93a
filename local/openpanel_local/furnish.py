"""The heavy part of a start, in a process of its own: `python -m openpanel_local.furnish` (see `furnishing`).

First it makes the engines' folders ready. While the supervisor starts them, it loads what the second part needs:
migrations, first manifests, the first user's way in.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from openpanel_local.engines import (
    Command,
    EngineFailedError,
    EngineMissingError,
    clickhouse,
    postgres,
    valkey,
)
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.furnishing import Engine, Order, Outcome, Prepared
from openpanel_local.installation import required
from openpanel_local.layout import Layout


def prepare(order: Order) -> Prepared:
    """Make the folders ready, side by side."""
    layout = Layout(Path(order.data))
    ports = required(layout).ports
    with ThreadPoolExecutor() as threads:
        commands = (
            (threads.submit(valkey.prepare, layout.valkey, port=ports.valkey), ports.valkey),
            (threads.submit(postgres.prepare, layout.postgres, port=ports.postgres), ports.postgres),
            (threads.submit(clickhouse.prepare, layout.clickhouse, port=ports.clickhouse), ports.clickhouse),
        )
    try:
        engines = tuple(_engine(command.result(), port) for command, port in commands)
    except (EngineMissingError, EngineFailedError, OSError) as error:
        return Prepared(message=f"an engine cannot be prepared: {error}")
    return Prepared(
        engines=engines,
        redis_url=valkey.url(layout.valkey, port=ports.valkey),
        postgres_url=postgres.url(layout.postgres, port=ports.postgres),
        clickhouse_url=clickhouse.url(layout.clickhouse, port=ports.clickhouse),
    )


def furnish(order: Order, *, postgres_url: str) -> Outcome:
    """Do the rest; what was done before is done again without effect."""
    from openpanel.tenancy import ManifestRefused, parse_all  # noqa: PLC0415 - see `main`
    from openpanel_local import stores  # noqa: PLC0415

    layout = Layout(Path(order.data))
    try:
        projects = parse_all(order.manifests)
        with stores.opened(layout, required(layout)) as opened:
            stores.migrate(opened, postgres_url=postgres_url)
            stores.apply(opened, projects)
            token = stores.sign_in_token(opened)
    except ManifestRefused as refused:
        return Outcome(code=ExitCode.REFUSED, message=str(refused))
    except CommandError as error:
        return Outcome(code=error.code, message=error.message)
    return Outcome(sign_in_token=token, projects=tuple(project.name for project in projects))


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    prepared = prepare(order)
    _answer(prepared)
    # The supervisor starts the engines now; loading takes as long as that.
    import openpanel_local.stores  # noqa: F401, PLC0415

    if sys.stdin.buffer.readline():
        _answer(furnish(order, postgres_url=prepared.postgres_url))


def _engine(command: Command, port: int) -> Engine:
    return Engine(
        name=command.name,
        argv=command.argv,
        cwd=str(command.cwd),
        env=dict(command.env),
        stop_signal=int(command.stop_signal),
        port=port,
        user=command.user,
        group=command.group,
    )


def _answer(value: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
