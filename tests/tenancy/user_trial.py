"""A project's own ClickHouse user on the engine itself, in a process of its own: `python -m tests.tenancy.user_trial`.

The engine keeps no users that statements make, but it knows those of its file, and it interprets a statement before
it says that it cannot keep the result. So a statement that comes as far as that would be kept by a server.

    statements FOLDER FORM   every statement, with the user in the file; prints how each ended
    filled FOLDER            every table with rows of two projects, by somebody who may do everything
    reads FOLDER             the same tables, by somebody whose rights are those of the statements, in the file's form
"""

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from chdb.state import connect

from openpanel.tenancy import warehouse_user
from openpanel.warehouse import tables, views
from openpanel.warehouse.schema import Clustered, Form, Single, render

DATABASE: Final = "panel"
SECRET: Final = "sec_" + "ab" * 20
FORMS: Final[dict[str, Form]] = {"single": Single(), "clustered": Clustered()}
OPEN: Final = (
    "<password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
)
ADMINISTRATOR: Final = f"<default>{OPEN}<access_management>1</access_management></default>"
CODE: Final = re.compile(r"Code: (\d+)")


class Engine:
    """The engine with a file of users."""

    def __init__(self, folder: Path, *, users: str, profile: str = "", quota: str = "") -> None:
        (folder / "users.xml").write_text(
            f"<clickhouse><profiles><default>{profile}</default></profiles>"
            f"<quotas><default>{quota}</default></quotas><users>{users}</users></clickhouse>"
        )
        configuration = folder / "config.xml"
        configuration.write_text(
            f"<clickhouse><users_config>{folder / 'users.xml'}</users_config></clickhouse>"
        )
        self._connection = connect(f"{folder / 'data'}?config-file={configuration}")

    def run(self, sql: str) -> list[Any]:
        cursor = self._connection.cursor()
        cursor.execute(sql)
        return list(cursor.fetchall() or ())

    def outcome(self, sql: str) -> int:
        """0, or the code of the error."""
        try:
            self.run(sql)
        except Exception as error:  # noqa: BLE001 - the engine has one type for all of them
            found = CODE.search(str(error))
            return int(found[1]) if found else -1
        return 0


def every_statement(project: str, form: Form) -> tuple[str, ...]:
    """Those that make the user, and those that take it away."""
    place: Any = {"database": DATABASE, "form": form}
    profile = warehouse_user.profile_name(project, secret=SECRET, **place)
    return (
        warehouse_user.creation(project, secret=SECRET),
        *warehouse_user.rights(project, secret=SECRET, **place),
        *warehouse_user.removal(project, profiles=[profile], **place),
    )


def statements(folder: Path, form: str) -> object:
    """How each statement ended, and what is asked about users."""
    known = (
        f"<openpanel_shop>{OPEN}<grants><query>GRANT SELECT ON panel.events</query></grants></openpanel_shop>"
    )
    engine = Engine(folder, users=ADMINISTRATOR + known)
    engine.run(f"CREATE DATABASE {DATABASE}")
    ends = [(engine.outcome(sql), sql) for sql in every_statement("shop", FORMS[form])]
    asked = {"name": "openpanel_shop", "prefix": "default", "database": DATABASE, "services": "default"}
    questions = (warehouse_user.EXISTS, warehouse_user.PROFILES, warehouse_user.COUNTS)
    return {"ends": ends, "answers": [engine.run(_filled_in(sql, asked)) for sql in questions]}


def filled(folder: Path) -> object:
    """One row of each project in every table."""
    engine = Engine(folder, users=ADMINISTRATOR)
    engine.run(f"CREATE DATABASE {DATABASE}")
    engine.run(f"USE {DATABASE}")
    for sql in (sql for each in (*tables.ALL, *views.ALL) for sql in render(each, form=Single())):
        engine.run(sql)
    engine.run("CREATE TABLE schema_migrations (number UInt32) ENGINE = MergeTree ORDER BY number")
    for table in (table for table in tables.ALL if table.scope == "data"):
        dates = [column.name for column in table.written if "Date" in column.type]  # what is old is not kept
        columns, now = ", ".join(["project_id", *dates]), ", now()" * len(dates)
        engine.run(f"INSERT INTO {table.name} ({columns}) VALUES ('shop'{now}), ('other'{now})")
    return {table: sorted(_projects(engine, table)) for table in _data()}


def reads(folder: Path) -> object:
    """What somebody with the user's rights sees and may do."""
    texts = warehouse_user.rights("shop", secret=SECRET, database=DATABASE, form=Single())
    engine = Engine(
        folder,
        users=f"<default>{OPEN}{_grants(texts)}{_filters(texts)}</default>",
        profile=_profile(texts),
        quota=_quota(texts),
    )
    tried = {
        "insert": f"INSERT INTO {DATABASE}.events (project_id) VALUES ('shop')",
        "drop": f"DROP TABLE {DATABASE}.events",
        "migrations": f"SELECT * FROM {DATABASE}.schema_migrations",
        "file": "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "make a user": "CREATE USER other",
        "more threads": "SELECT 1 SETTINGS max_threads = 9",
        "write after all": "SET readonly = 0",
        "fewer threads": "SELECT 1 SETTINGS max_threads = 2",
    }
    return {
        "seen": {table: _projects(engine, table) for table in _data()},
        "tried": {name: engine.outcome(sql) for name, sql in tried.items()},
    }


def _data() -> list[str]:
    return [f"{DATABASE}.{table.name}" for table in tables.ALL if table.scope == "data"]


def _projects(engine: Engine, table: str) -> list[str]:
    return [project for (project,) in engine.run(f"SELECT DISTINCT project_id FROM {table}")]


def _filled_in(sql: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+):String\}", lambda found: f"'{values[found[1]]}'", sql)


def _grants(texts: Iterable[str]) -> str:
    granted = [text.partition(" TO ")[0] for text in texts if text.startswith("GRANT")]
    return f"<grants>{''.join(f'<query>{text}</query>' for text in granted)}</grants>"


def _filters(texts: Iterable[str]) -> str:
    form = re.compile(r"POLICY OR REPLACE `openpanel_shop` ON `panel`\.`(\w+)` FOR SELECT USING (.+) TO ")
    found = [form.search(text) for text in texts]
    rows = "".join(f"<{each[1]}><filter>{each[2]}</filter></{each[1]}>" for each in found if each)
    return f"<databases><{DATABASE}>{rows}</{DATABASE}></databases>"


def _profile(texts: Iterable[str]) -> str:
    text = next(text for text in texts if "SETTINGS PROFILE" in text)
    limits = re.findall(r"(\w+) = (\d+) (?:MAX (\d+)|CONST)", text)
    values = "".join(f"<{name}>{value}</{name}>" for name, value, _ in limits)
    bounds = "".join(
        f"<{name}>{f'<max>{most}</max>' if most else '<readonly/>'}</{name}>" for name, _, most in limits
    )
    return f"{values}<constraints>{bounds}</constraints>"


def _quota(texts: Iterable[str]) -> str:
    text = next(text for text in texts if text.startswith("CREATE QUOTA"))
    most = "".join(f"<{name}>{value}</{name}>" for name, value in re.findall(r"(\w+) = (\d+)", text))
    return f"<interval><duration>3600</duration>{most}</interval>"


if __name__ == "__main__":
    part = {"statements": statements, "filled": filled, "reads": reads}[sys.argv[1]]
    sys.stdout.write(json.dumps(part(Path(sys.argv[2]), *sys.argv[3:])))  # type: ignore[operator]
    sys.stdout.flush()
    os._exit(0)
