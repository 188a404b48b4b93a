"""A person of this installation: asked to be erased, waited for, and written to a file."""

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from openpanel import metadata
from openpanel.identity.ids import person_of_profile
from openpanel.metadata import Database, ProjectRecord, organizations, person_erasures, projects
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_local import installation, people, stores
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.installation import Installation, Ports
from openpanel_local.layout import Layout
from openpanel_local.stores import Stores
from tests.local.command_line import openpanel


@pytest.fixture
def opened(  # noqa: PLR0917 - fixtures
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    postgres_url: str,
    clickhouse: Any,
    clickhouse_database: Callable[[], str],
    valkey_url: str,
) -> Iterator[Stores]:
    """The stores of an installation without services, which commands open, too."""
    layout = Layout(tmp_path / "data")
    layout.create()
    installation.save(layout, Installation(Ports(1, 2, 3), furnished=True))
    metadata.migrate(postgres_url)
    with (
        Database(postgres_url) as database,
        Warehouse(clickhouse.url, database=clickhouse_database()) as warehouse,
        redis.Redis.from_url(valkey_url) as connection,
    ):
        migrations.migrate(warehouse, form=Single())
        organizations.ensure(database, organization="acme", name="Acme")
        projects.put(database, wanted=ProjectRecord(id="shop", name="Shop", organization="acme"))
        found = Stores(layout, database, warehouse, connection)

        @contextmanager
        def open_stores(*_: object) -> Iterator[Stores]:
            yield found

        monkeypatch.setattr(stores, "opened", open_stores)
        yield found


def finish(opened: Stores, erasure: str, **receipt: Any) -> None:
    person_erasures.begin(opened.database, project="shop", erasure=erasure)
    person_erasures.finish(opened.database, project="shop", erasure=erasure, looks=1, receipt=receipt)


def test_an_erasure_is_waited_for(opened: Stores) -> None:
    asked = people.ask(opened, "shop", "kim", is_device=False)

    done = people.wait(
        opened, asked, pause=lambda _: finish(opened, asked.id, rows={"events": 3}, stays=["Backups."])
    )

    assert (done.state, done.receipt["rows"]) == ("done", {"events": 3})


def test_an_erasure_that_takes_too_long_is_told(opened: Stores) -> None:
    asked = people.ask(opened, "shop", "9a1f0c3be2d84756", is_device=True)
    seconds = iter((0.0, 1.0, people.WAIT_S + 1))

    with pytest.raises(CommandError, match="does the worker run"):
        people.wait(opened, asked, clock=lambda: next(seconds), pause=lambda _: None)

    assert (asked.device_id, asked.person) == ("9a1f0c3be2d84756", 0x9A1F_0C3B_E2D8_4756)


def test_an_erasure_that_failed_says_why(opened: Stores) -> None:
    asked = people.ask(opened, "shop", "kim", is_device=False)
    person_erasures.fail(opened.database, project="shop", erasure=asked.id, reason="no table")

    with pytest.raises(CommandError, match="failed: no table"):
        people.wait(opened, asked)


def test_nobody_is_erased_without_a_yes(opened: Stores) -> None:
    ended = openpanel(opened.layout.data, "erase-person", "shop", "kim", stdin="n\n")

    assert ended.returncode == ExitCode.DECLINED
    assert person_erasures.waiting(opened.database) == ()


def test_a_person_is_asked_for_by_command(opened: Stores) -> None:
    ended = openpanel(opened.layout.data, "erase-person", "shop", "kim", "--yes", "-o", "json")

    assert [(json.loads(ended.stdout)["project"], json.loads(ended.stdout)["id"])] == [
        *person_erasures.waiting(opened.database)
    ]


def test_a_person_is_written_to_a_file_that_others_cannot_read(opened: Stores, tmp_path: Path) -> None:
    opened.warehouse.command(
        "INSERT INTO events (project_id, name, created_at, event_id, person, profile_id)"
        " SELECT 'shop', 'buy', now64(3), 1, {person:UInt64}, 'kim'",
        parameters={"person": person_of_profile("kim")},
    )
    file = tmp_path / "kim.ndjson"

    first = openpanel(opened.layout.data, "export-person", "shop", "kim", "-o", str(file))
    second = openpanel(opened.layout.data, "export-person", "shop", "kim", "-o", str(file))

    kinds = [json.loads(line)["kind"] for line in file.read_text().splitlines()]
    assert kinds[0] == "person"
    assert kinds.count("event") == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (first.returncode, second.returncode) == (ExitCode.OK, ExitCode.USAGE)
