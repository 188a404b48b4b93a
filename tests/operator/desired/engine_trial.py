"""Loads the configuration files of a ClickHouse server into the engine and asks what it made of them, in JSON.

Run as a process of its own, because the engine ends its process when the in-memory Keeper was used.
"""

import json
import os
import sys
from pathlib import Path

from chdb.state import connect

QUESTIONS = {
    "macros": "SELECT macro, substitution FROM system.macros ORDER BY macro",
    "clusters": "SELECT cluster, shard_num, replica_num, host_name, port, internal_replication"
    " FROM system.clusters ORDER BY ALL",
    "settings": "SELECT name, value FROM system.server_settings WHERE changed",
    "changeable": "SELECT name FROM system.server_settings"
    " WHERE changeable_without_restart = 'Yes' AND name NOT LIKE '%.%'",
    "profile": "SELECT name, value FROM system.settings WHERE changed",
    "logs": "SELECT name, engine_full FROM system.tables WHERE database = 'system' AND name = 'query_log'",
    "directories": "SELECT name, type FROM system.user_directories",
}


def main(files: Path, data: Path) -> None:
    """Print the answers."""
    connection = connect(f"{data}?config-file={files / 'config.xml'}")
    cursor = connection.cursor()
    cursor.execute("SYSTEM FLUSH LOGS")  # makes the tables of logs
    answers = {}
    for name, question in QUESTIONS.items():
        cursor.execute(question)
        answers[name] = cursor.fetchall()
    sys.stdout.write(json.dumps(answers))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
