"""A project's own ClickHouse user: what its statements say, as the engine's parser reads them."""

from collections.abc import Mapping
from typing import Any

import pytest

from openpanel.tenancy import Issued, warehouse_access, warehouse_user
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Clustered, Form, Single

FORMS = [pytest.param(Single(), id="single"), pytest.param(Clustered(), id="clustered")]
SECRET = "sec_" + "ab" * 20


def every_statement(project: str, form: Form) -> tuple[str, ...]:
    profile = warehouse_user.profile_name(project, database="panel", form=form)
    return (
        warehouse_user.creation(project, secret=SECRET),
        *warehouse_user.rights(project, database="panel", form=form),
        *warehouse_user.removal(project, database="panel", form=form, profiles=[profile]),
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("project", ["shop", "a-b-1", "o'brien`s\\"])
def test_engine_reads_every_statement(warehouse: Warehouse, project: str, form: Form) -> None:
    for statement in every_statement(project, form):
        [(read,)] = warehouse.query("SELECT formatQuery({sql:String})", parameters={"sql": statement})
        assert read


def test_rows_of_other_projects_are_out_of_reach() -> None:
    rights = warehouse_user.rights("shop", database="panel", form=Single())

    granted = [text for text in rights if text.startswith("GRANT")]
    limited = [text for text in rights if "USING project_id = 'shop' TO `openpanel_shop`" in text]
    named = [table.name for table in tables.ALL if table.scope == "data"]
    assert granted == [f"GRANT SELECT ON `panel`.`{name}` TO `openpanel_shop`" for name in named]
    assert len(limited) == len(granted)
    assert not any("schema_migrations" in text for text in rights)


def test_questions_of_a_cluster_run_under_the_user_on_the_shards_too() -> None:
    rights = warehouse_user.rights("shop", database="panel", form=Clustered())

    assert "GRANT SELECT ON `panel`.`events` TO `openpanel_shop`" in rights
    assert "GRANT SELECT ON `panel`.`events_local` TO `openpanel_shop`" in rights
    assert not any("ON CLUSTER" in text for text in rights)


def test_secret_is_not_in_any_text() -> None:
    assert not any(SECRET in text for text in every_statement("shop", Single()))


def test_profile_is_another_when_the_rights_are() -> None:
    single = warehouse_user.profile_name("shop", database="panel", form=Single())

    assert single == warehouse_user.profile_name("shop", database="panel", form=Single())
    assert single != warehouse_user.profile_name("shop", database="panel", form=Clustered())
    assert single != warehouse_user.profile_name("shop", database="other", form=Single())


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


def ensured(server: Server, delivered: dict[str, Issued]) -> list[str]:
    changes = warehouse_access.ensure(
        server, project="shop", form=Single(), fresh_secret=lambda: SECRET, deliver=delivered.__setitem__
    )
    return [str(change) for change in changes]


def test_second_call_changes_nothing() -> None:
    server, delivered = Server(), dict[str, Issued]()

    assert ensured(server, delivered) == [
        "warehouse user @warehouse: created",
        "warehouse user openpanel_shop: rights granted",
    ]
    done = list(server.statements)

    assert ensured(server, delivered) == []
    assert server.statements == done
    assert delivered == {"@warehouse": Issued("openpanel_shop", SECRET)}


@pytest.mark.parametrize("step", [0, 1, 5, 20])
def test_crash_between_two_statements_is_mended_by_the_next_call(step: int) -> None:
    server, whole = Server(), Server()
    ensured(whole, {})
    server.fails_at = step
    with pytest.raises(ConnectionError):
        ensured(server, {})

    ensured(server, {})

    assert set(server.statements) == set(whole.statements)
    assert (server.users, server.profiles) == (whole.users, whole.profiles)


def test_profile_of_former_rights_goes_when_the_new_ones_are_there() -> None:
    server = Server()
    server.profiles = ["openpanel_shop:old", "openpanel_shop-2:other"]

    ensured(server, {})

    kept = warehouse_user.profile_name("shop", database="panel", form=Single())
    assert sorted(server.profiles) == sorted(["openpanel_shop-2:other", kept])


def test_removed_user_leaves_nothing() -> None:
    server = Server()
    ensured(server, {})
    server.statements.clear()

    warehouse_access.remove(server, project="shop", form=Single())

    assert server.statements[0] == "DROP USER IF EXISTS `openpanel_shop`"
    assert server.profiles == []
