"""People, their sign-in links and their browsers."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from openpanel.metadata import (
    Database,
    MembershipRecord,
    UserRecord,
    dashboard_sessions,
    sign_in_links,
    users,
)
from tests.metadata.builders import NOON, a_user, an_organization

QUARTER = timedelta(minutes=15)
LONG_AGO = NOON - timedelta(days=1_000)  # before all that other tests leave behind


def test_a_person_is_made_once_per_address(database: Database) -> None:
    first = users.ensure(database, wanted=UserRecord(str(uuid4()), "Ada@Example.com", first_name="Ada"))

    again = users.ensure(database, wanted=UserRecord(str(uuid4()), "ada@example.COM"))

    assert again == first
    assert first.email == "ada@example.com"
    assert users.by_email(database, email="ADA@example.com") == first
    assert users.load(database, user=first.id) == first


def test_nobody_is_found_where_nobody_is(database: Database) -> None:
    assert users.by_email(database, email="nobody@example.com") is None
    assert users.load(database, user=str(uuid4())) is None


def test_owners_are_those_who_set_it_up(database: Database) -> None:
    owner, guest = a_user(database, owner=True), a_user(database)

    assert owner in users.owners(database)
    assert guest not in users.owners(database)


def test_joining_again_changes_the_role(database: Database) -> None:
    person, organization = a_user(database).id, an_organization(database)

    users.join(database, user=person, organization=organization, role="member")
    users.join(database, user=person, organization=organization, role="admin")

    assert users.memberships(database, user=person) == (MembershipRecord(person, organization, "admin"),)


def test_a_link_signs_in_once(database: Database) -> None:
    person = a_user(database)
    sign_in_links.issue(database, user=person.id, token="once", at=NOON, expires_at=NOON + QUARTER)

    assert not sign_in_links.was_used(database, user=person.id)
    assert sign_in_links.redeem(database, token="once", at=NOON) == person
    assert sign_in_links.redeem(database, token="once", at=NOON) is None
    assert sign_in_links.was_used(database, user=person.id)


def test_a_link_ends_at_its_end(database: Database) -> None:
    person = a_user(database)
    sign_in_links.issue(database, user=person.id, token="late", at=NOON, expires_at=NOON + QUARTER)

    assert sign_in_links.redeem(database, token="late", at=NOON + QUARTER) is None


def test_a_link_without_an_end_waits(database: Database) -> None:
    person = a_user(database)
    sign_in_links.issue(database, user=person.id, token="patient", at=NOON, expires_at=None)

    assert sign_in_links.redeem(database, token="patient", at=NOON + timedelta(days=400)) == person


def test_a_new_link_ends_the_older_one(database: Database) -> None:
    person = a_user(database)
    sign_in_links.issue(database, user=person.id, token="older", at=NOON, expires_at=None)
    sign_in_links.issue(database, user=person.id, token="newer", at=NOON, expires_at=None)

    assert sign_in_links.redeem(database, token="older", at=NOON) is None
    assert sign_in_links.redeem(database, token="newer", at=NOON) == person


def test_odd_tokens_sign_nobody_in(database: Database) -> None:
    for token in ("", "\0", "\ud800", "x" * 100_000):
        assert sign_in_links.redeem(database, token=token, at=NOON) is None
        assert dashboard_sessions.load(database, token=token, at=NOON) is None


def test_a_session_is_its_person_until_it_ends(database: Database) -> None:
    person = a_user(database)
    dashboard_sessions.begin(database, user=person.id, token="cookie", at=NOON, expires_at=NOON + QUARTER)

    found = dashboard_sessions.load(database, token="cookie", at=NOON)

    assert found is not None
    assert (found.user, found.created_at, found.expires_at) == (person, NOON, NOON + QUARTER)
    assert dashboard_sessions.load(database, token="cookie", at=NOON + QUARTER) is None


def test_a_session_in_use_is_extended(database: Database) -> None:
    person = a_user(database)
    dashboard_sessions.begin(database, user=person.id, token="used", at=NOON, expires_at=NOON + QUARTER)

    dashboard_sessions.extend(database, token="used", expires_at=NOON + 2 * QUARTER)

    assert dashboard_sessions.load(database, token="used", at=NOON + QUARTER) is not None


def test_signing_out_ends_the_session(database: Database) -> None:
    person = a_user(database)
    dashboard_sessions.begin(database, user=person.id, token="out", at=NOON, expires_at=NOON + QUARTER)

    dashboard_sessions.end(database, token="out")

    assert dashboard_sessions.load(database, token="out", at=NOON) is None


def test_sessions_that_are_over_are_forgotten(database: Database) -> None:
    person = a_user(database)
    dashboard_sessions.begin(
        database, user=person.id, token="over", at=LONG_AGO, expires_at=LONG_AGO + QUARTER
    )

    assert dashboard_sessions.forget_expired(database, at=LONG_AGO) == 0
    assert dashboard_sessions.forget_expired(database, at=LONG_AGO + QUARTER) == 1


def test_no_token_is_kept_in_clear_text(database: Database) -> None:
    person = a_user(database)
    sign_in_links.issue(database, user=person.id, token="clear-link", at=NOON, expires_at=None)
    dashboard_sessions.begin(database, user=person.id, token="clear-cookie", at=NOON, expires_at=NOON)

    with database.session() as session:
        kept = session.scalar(
            text(
                "SELECT string_agg(l::text, '') || string_agg(s::text, '') FROM sign_in_links l, dashboard_sessions s"
            )
        )

    assert isinstance(kept, str)
    assert "clear-link" not in kept
    assert "clear-cookie" not in kept
