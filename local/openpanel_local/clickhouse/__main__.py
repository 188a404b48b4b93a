"""`python -m openpanel_local.clickhouse`: options, and the exit code when the folder or port is taken or the data damaged."""

import argparse
import os
import sys
from pathlib import Path

from openpanel_local.clickhouse import logs
from openpanel_local.clickhouse.configuration import Config, default_memory_mb
from openpanel_local.clickhouse.damage import DamagedError
from openpanel_local.clickhouse.server import InUseError, serve

_EXIT_IN_USE = 75  # EX_TEMPFAIL: try again later
_EXIT_DAMAGED = 65  # EX_DATAERR


def main() -> None:
    """Serve as the command line says."""
    logs.configure()
    try:
        serve(_config(_parser().parse_args()))
    except InUseError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_EXIT_IN_USE)
    except DamagedError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_EXIT_DAMAGED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m openpanel_local.clickhouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps everything")
    parser.add_argument("--port", type=int, required=True, help="port of the HTTP interface")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--user", default="openpanel", help="name of the one user")
    parser.add_argument(
        "--password-file", type=Path, required=True, help="file that holds the user's password"
    )
    parser.add_argument("--memory-mb", type=int, default=_memory_mb(), help="memory limit of the engine")
    parser.add_argument("--max-queries", type=int, default=16, help="statements at once, besides inserts")
    parser.add_argument("--max-inserts", type=int, default=8, help="inserts of data at once")
    parser.add_argument(
        "--queue-wait", type=float, default=10.0, help="seconds a statement waits for its turn"
    )
    parser.add_argument("--cluster", default="", help="name of a cluster with this server as its only shard")
    return parser


def _config(options: argparse.Namespace) -> Config:
    return Config(
        data=options.data.resolve(),
        password=options.password_file.read_text("utf-8").strip(),
        port=options.port,
        host=options.host,
        user=options.user,
        memory_mb=options.memory_mb,
        threads=os.cpu_count() or 1,
        max_reads=options.max_queries,
        max_inserts=options.max_inserts,
        queue_wait_s=options.queue_wait,
        cluster=options.cluster,
    )


def _memory_mb() -> int:
    return default_memory_mb(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


if __name__ == "__main__":
    main()
