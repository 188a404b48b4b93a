"""A project's own ClickHouse user: what its statements say, as the engine itself takes them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from openpanel.tenancy import warehouse_access, warehouse_user
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Clustered, Form, Single
from tests.tenancy.user_trial import DATABASE, SECRET, every_statement

ROOT = Path(__file__).parents[2]
TRIED_WITHIN_S = 280
FORMS = [pytest.param(Single(), id="single"), pytest.param(Clustered(), id="clustered")]
NOT_KEPT = {
    495,
    514,
}  # "would be kept, but the storage is read-only", and "there is none": nothing else is wrong


def tried(part: str, folder: Path, *more: str) -> Any:
    """What the trial printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tenancy.user_trial", part, str(folder), *more],
        cwd=ROOT,
        env={"TZ": "UTC", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=TRIED_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


def rights_of(project: str, form: Form) -> tuple[str, ...]:
    return warehouse_user.rights(project, secret=SECRET, database="panel", form=form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("project", ["shop", "a-b-1", "o'brien`s\\"])
def test_engine_reads_every_statement(warehouse: Warehouse, project: str, form: Form) -> None:
    for statement in every_statement(project, form):
        [(read,)] = warehouse.query("SELECT formatQuery({sql:String})", parameters={"sql": statement})
        assert read


@pytest.mark.parametrize("form", ["single", "clustered"])
def test_engine_takes_every_statement_as_far_as_to_where_it_would_be_kept(tmp_path: Path, form: str) -> None:
    seen = tried("statements", tmp_path, form)

    making = [code for code, sql in seen["ends"] if not sql.startswith("DROP")]
    taking = [code for code, sql in seen["ends"] if sql.startswith("DROP")]
    assert set(making) == NOT_KEPT, seen["ends"]
    assert set(taking) <= {0, 495}, seen["ends"]  # 0: what is not there is left
    assert seen["answers"] == [[["openpanel_shop"]], [["default"]], [[0, 1, 0]]]


@pytest.mark.timeout(2 * TRIED_WITHIN_S + 60)
def test_whoever_has_these_rights_sees_rows_of_the_project_alone_and_changes_nothing(tmp_path: Path) -> None:
    there = tried("filled", tmp_path)
    seen = tried("reads", tmp_path)

    assert set(there) == {f"{DATABASE}.{table.name}" for table in tables.ALL if table.scope == "data"}
    assert all(projects == ["other", "shop"] for projects in there.values()), there
    assert seen["seen"] == {table: ["shop"] for table in there}
    refused = {name: code for name, code in seen["tried"].items() if code != 0}
    assert set(seen["tried"]) - set(refused) == {"fewer threads"}
    assert set(refused.values()) <= {164, 452, 497}, refused  # read-only, beyond a bound, no right


def test_rows_of_other_projects_are_out_of_reach() -> None:
    rights = rights_of("shop", Single())

    granted = [text for text in rights if text.startswith("GRANT")]
    limited = [text for text in rights if "USING project_id = 'shop' TO `openpanel_shop`" in text]
    named = [table.name for table in tables.ALL if table.scope == "data"]
    assert granted == [f"GRANT SELECT ON `panel`.`{name}` TO `openpanel_shop`" for name in named]
    assert len(limited) == len(granted)
    assert not any("schema_migrations" in text for text in rights)


@pytest.mark.parametrize("project", ["services", "shop"])
def test_no_name_of_a_project_makes_its_policy_that_of_the_services(project: str) -> None:
    """One policy instead of two would leave the project's user without any, and it would read all rows."""
    policies = [text for text in rights_of(project, Single()) if text.startswith("CREATE ROW POLICY")]

    assert len({text.split(" FOR SELECT ")[0] for text in policies}) == len(policies)
    assert {text.rpartition(" TO ")[2] for text in policies} == {"CURRENT_USER", f"`openpanel_{project}`"}
    assert warehouse_user.user_name(project) != warehouse_user.ALLOW_SERVICES


def test_questions_of_a_cluster_run_under_the_user_on_the_shards_too() -> None:
    rights = rights_of("shop", Clustered())

    assert "GRANT SELECT ON `panel`.`events` TO `openpanel_shop`" in rights
    assert "GRANT SELECT ON `panel`.`events_local` TO `openpanel_shop`" in rights
    assert not any("ON CLUSTER" in text for text in rights)


def test_secret_is_not_in_any_text() -> None:
    assert not any(SECRET in text for text in every_statement("shop", Single()))


def test_profile_is_another_when_the_rights_or_the_secret_are() -> None:
    def name(secret: str = SECRET, database: str = "panel", form: Form | None = None) -> str:
        return warehouse_user.profile_name("shop", secret=secret, database=database, form=form or Single())

    assert name() == name()
    assert len({name(), name(form=Clustered()), name(database="other"), name(secret="another")}) == 4


class Server(Warehouse):
    """The part of a server that keeps users: it notes statements and answers what they would have left behind."""

    def __init__(self) -> None:
        super().__init__("http://nobody@127.0.0.1:1", database="panel")
        self.users: list[str] = []
        self.profiles: list[str] = []
        self.statements: list[str] = []
        self.fails_at = -1

    def query(self, sql: str, *, parameters: Mapping[str, object] | None = None, **_: Any) -> list[Any]:
        wanted = parameters or {}
        if sql == warehouse_user.EXISTS:
            return [(name,) for name in self.users if name == wanted["name"]]
        if sql == warehouse_user.COUNTS:
            kinds = ("CREATE ROW POLICY", "GRANT", "CREATE QUOTA")
            return [tuple(len({text for text in self.statements if text.startswith(kind)}) for kind in kinds)]
        return [(name,) for name in self.profiles if name.startswith(str(wanted["prefix"]))]

    def command(self, sql: str, **_: Any) -> None:
        if len(self.statements) == self.fails_at:
            self.fails_at = -1
            raise ConnectionError
        self.statements.append(sql)
        name = sql.split("`")[1]
        if sql.startswith("CREATE USER"):
            self.users.append(name)
        elif sql.startswith("CREATE SETTINGS PROFILE"):
            self.profiles.append(name)
        elif sql.startswith("DROP SETTINGS PROFILE"):
            self.profiles.remove(name)


def ensured(server: Server, *, secret: str = SECRET) -> list[str]:
    changes = warehouse_access.ensure(server, project="shop", secret=secret, form=Single())
    return [str(change) for change in changes]


def test_second_call_changes_nothing() -> None:
    server = Server()

    assert ensured(server) == [
        "warehouse user openpanel_shop: created",
        "warehouse user openpanel_shop: rights granted",
    ]
    done = list(server.statements)

    assert ensured(server) == []
    assert server.statements == done


@pytest.mark.parametrize("step", [0, 1, 5, 20])
def test_crash_between_two_statements_is_mended_by_the_next_call(step: int) -> None:
    server, whole = Server(), Server()
    ensured(whole)
    server.fails_at = step
    with pytest.raises(ConnectionError):
        ensured(server)

    ensured(server)

    assert set(server.statements) == set(whole.statements)
    assert (server.users, server.profiles) == (whole.users, whole.profiles)


@pytest.mark.parametrize("kind", ["CREATE ROW POLICY", "GRANT", "CREATE QUOTA"])
def test_what_somebody_took_away_is_made_again(kind: str) -> None:
    server = Server()
    ensured(server)
    taken = next(text for text in server.statements if text.startswith(kind))
    server.statements = [text for text in server.statements if text != taken]

    assert ensured(server) == ["warehouse user openpanel_shop: rights granted"]
    assert taken in server.statements


def test_another_secret_is_told_and_the_profile_of_the_one_before_goes() -> None:
    server = Server()
    ensured(server)
    server.statements.clear()

    assert ensured(server, secret="sec_other") == ["warehouse user openpanel_shop: rights granted"]

    told = [text for text in server.statements if text.startswith("ALTER USER")]
    assert len(told) == 1
    assert server.profiles == [
        warehouse_user.profile_name("shop", secret="sec_other", database="panel", form=Single())
    ]


def test_profile_of_former_rights_goes_when_the_new_ones_are_there() -> None:
    server = Server()
    server.profiles = ["openpanel_shop:old", "openpanel_shop-2:other"]

    ensured(server)

    kept = warehouse_user.profile_name("shop", secret=SECRET, database="panel", form=Single())
    assert sorted(server.profiles) == sorted(["openpanel_shop-2:other", kept])


def test_removed_user_leaves_nothing() -> None:
    server = Server()
    ensured(server)
    server.statements.clear()

    warehouse_access.remove(server, project="shop", form=Single())

    assert server.statements[0] == "DROP USER IF EXISTS `openpanel_shop`"
    assert server.profiles == []
