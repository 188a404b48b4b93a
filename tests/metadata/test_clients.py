"""Credentials: what a client may, which secrets count when, and that every change is told."""

from datetime import timedelta

import pytest

from openpanel.metadata import Database, NotFound, announcements, clients, projects
from tests.metadata.builders import NOON, a_client, a_project

HOUR = timedelta(hours=1)
LONG_AGO = NOON - timedelta(days=1_000)  # before all that other tests leave behind


def test_a_client_is_read_with_its_project(database: Database) -> None:
    project = a_project(database, cors=("*",))
    new = a_client(database, project=project, name="web", ignore_cors_and_secret=True, managed=True)

    found = clients.load(database, client_id=new.id)

    assert found is not None
    assert (found.id, found.name, found.type, found.project) == (new.id, "web", "write", project)
    assert (found.secret_hashes, found.revoked, found.managed) == (("hash-1",), False, True)
    assert found.ignore_cors_and_secret


@pytest.mark.parametrize("client_id", ["", "x", "00000000-0000-4000-8000-000000000000", "a\0b", "é" * 40])
def test_an_unknown_client_is_none(database: Database, client_id: str) -> None:
    assert clients.load(database, client_id=client_id) is None


def test_during_the_overlap_both_secrets_count(database: Database) -> None:
    client = a_client(database, project=a_project(database)).id

    clients.rotate(database, client_id=client, secret_hash="hash-2", at=NOON, until=NOON + HOUR)

    assert _hashes(database, client, at=NOON) == ("hash-2", "hash-1")
    assert _hashes(database, client, at=NOON + HOUR) == ("hash-2",)


def test_a_second_rotation_does_not_prolong_the_first_secret(database: Database) -> None:
    client = a_client(database, project=a_project(database)).id
    clients.rotate(database, client_id=client, secret_hash="hash-2", at=NOON, until=NOON + HOUR)

    clients.rotate(
        database, client_id=client, secret_hash="hash-3", at=NOON + HOUR / 2, until=NOON + 2 * HOUR
    )

    assert _hashes(database, client, at=NOON + HOUR) == ("hash-3", "hash-2")


def test_the_end_of_the_overlap_is_told_to_caches(database: Database) -> None:
    client = a_client(database, project=a_project(database)).id
    clients.rotate(database, client_id=client, secret_hash="hash-2", at=NOON, until=NOON + HOUR)

    found = clients.load(database, client_id=client, at=NOON)

    assert found is not None
    assert found.secrets_valid_until == NOON + HOUR


def test_expired_secrets_are_forgotten_and_told(database: Database) -> None:
    client = a_client(database, project=a_project(database)).id
    clients.rotate(database, client_id=client, secret_hash="hash-2", at=LONG_AGO, until=LONG_AGO + HOUR)
    _forget_news(database)

    assert clients.forget_expired(database, at=LONG_AGO) == 0
    assert clients.forget_expired(database, at=LONG_AGO + HOUR) == 1
    assert [topic for _, topic in announcements.pending(database)] == [f"client:{client}"]


def test_the_last_rotation_is_the_newest_secret(database: Database) -> None:
    client = a_client(database, project=a_project(database)).id

    clients.rotate(database, client_id=client, secret_hash="hash-2", at=NOON + HOUR, until=NOON + HOUR)

    assert clients.last_rotation(database, client_id=client) == NOON + HOUR


def test_a_revoked_client_stays_known_and_frees_its_name(database: Database) -> None:
    project = a_project(database)
    client = a_client(database, project=project, name="web").id

    assert clients.revoke(database, client_id=client, at=NOON)
    assert not clients.revoke(database, client_id=client, at=NOON)

    found = clients.load(database, client_id=client)
    assert found is not None
    assert found.revoked
    assert clients.listed(database, project=project.id) == ()
    a_client(database, project=project, name="web")


def test_a_revoked_client_cannot_be_rotated(database: Database) -> None:
    client = a_client(database, project=a_project(database)).id
    clients.revoke(database, client_id=client, at=NOON)

    with pytest.raises(NotFound):
        clients.rotate(database, client_id=client, secret_hash="hash-2", at=NOON, until=NOON)


def test_a_manifest_takes_a_client_over_and_says_what_changed(database: Database) -> None:
    project = a_project(database)
    client = a_client(database, project=project).id

    def put() -> tuple[str, ...]:
        return clients.put_managed(
            database, client_id=client, organization=project.organization, client_type="read",
            ignore_cors_and_secret=False,
        )  # fmt: skip

    assert put() == ("type", "managed")
    assert put() == ()


def test_clients_are_listed_by_name(database: Database) -> None:
    project = a_project(database)
    for name in ("web", "admin", "reader"):
        a_client(database, project=project, name=name)

    assert [each.name for each in clients.listed(database, project=project.id)] == ["admin", "reader", "web"]


def test_a_client_of_a_deleted_project_says_so(database: Database) -> None:
    project = a_project(database)
    client = a_client(database, project=project).id
    projects.mark_deleted(database, project=project.id, at=NOON, policy="Retain")

    found = clients.load(database, client_id=client)

    assert found is not None
    assert found.project is not None
    assert found.project.deleted


def _hashes(database: Database, client: str, *, at: object) -> tuple[str, ...]:
    found = clients.load(database, client_id=client, at=at)  # type: ignore[arg-type]
    assert found is not None
    return found.secret_hashes


def _forget_news(database: Database) -> None:
    announcements.done(database, numbers=[number for number, _ in announcements.pending(database)])
