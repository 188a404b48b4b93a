"""The embedded engines: Valkey, PostgreSQL and ClickHouse, each prepared, asked whether it is ready, and stopped.

Each of `valkey`, `postgres` and `clickhouse` has the same four names: `prepare` (data folder → `Command`),
`url` (where it answers, with its password), `ready` (does it answer now?) and `running` (all three and the
stop as one context manager). Only tests and one-off tools use `running`; `openpanel up` has a supervisor.
"""

from openpanel_local.engines.command import Command, EngineMissingError
from openpanel_local.engines.process import EngineFailedError, free_port

__all__ = ["Command", "EngineFailedError", "EngineMissingError", "free_port"]
