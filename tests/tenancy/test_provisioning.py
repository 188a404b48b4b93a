"""Bringing a project to its manifest: twice changes nothing, a crash anywhere changes nothing in the end."""

import errno
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from openpanel import tenancy
from openpanel.identity.credentials import verify_secret
from openpanel.metadata import (
    ClientRecord,
    Condition,
    Database,
    EventMeta,
    Filter,
    NewClient,
    ProjectRecord,
    Unavailable,
    Webhook,
    clients,
    event_meta,
    lock,
    organizations,
    projects,
)
from openpanel.tenancy import AnalyticsProject, Issued, Report
from openpanel.tenancy.provisioning import STEPS, lock_name, run
from openpanel.warehouse import Warehouse
from tests.tenancy.conftest import Surroundings
from tests.tenancy.manifests import WEB, manifest

READER = {"name": "reader", "type": "read"}
FULL: dict[str, Any] = {
    "displayName": "Shop",
    "organization": "shop-owners",
    "domains": ["https://a.example"],
    "timeZone": "Asia/Seoul",
    "ingest": {"rateLimit": {"messagesPerSecond": 5, "burst": 6}, "trustedSenders": ["10.0.0.0/8"]},
    "clients": [WEB, READER],
    "retention": {"events": 30, "replays": 7},
    "quota": {"eventsPerMonth": 1000},
    "privacy": {
        "truncateIp": True, "honourDoNotTrack": True, "honourGlobalPrivacyControl": True, "cookieless": True,
        "allowUnsafeRevenue": True,
    },
    "filters": [
        {"type": "profileId", "value": "bot"},
        {
            "type": "event", "value": "*",
            "conditions": [{"name": "referrerName", "operator": "is", "values": ["spam"]}],
        },
    ],
    "events": [{"name": "paid", "conversion": True, "icon": "cart", "colour": "#00ff00"}],
    "webhooks": [{"url": "https://hook.example", "events": ["paid"], "secretName": "hook"}],
    "deletionPolicy": "Delete",
}  # fmt: skip
_numbers = itertools.count(1)


def a_name() -> str:
    return f"p-{next(_numbers)}"


def ensure(wanted: AnalyticsProject, around: Surroundings) -> Report:
    return run(wanted, world=around.world, steps=STEPS)


def test_everything_of_a_manifest_arrives(around: Surroundings) -> None:
    wanted = manifest(name := a_name(), **FULL)

    ensure(wanted, around)

    assert projects.load(around.database, project=name) == ProjectRecord(
        id=name,
        name="Shop",
        organization="shop-owners",
        timezone="Asia/Seoul",
        cors=("https://a.example",),
        filters=(
            Filter("profile_id", "bot"),
            Filter("event", "*", (Condition("referrer_name", "is", ("spam",)),)),
        ),
        allow_unsafe_revenue=True,
        truncate_ip=True,
        honour_dnt=True,
        honour_gpc=True,
        cookieless=True,
        rate_limit=5.0,
        rate_burst=6,
        pool="shared",
        retention_days={
            "events": 30, "sessions": None, "aggregates": None, "replays": 7, "bots": None, "deadLetters": None,
        },
        trusted_senders=("10.0.0.0/8",),
        quota_events=1000,
        webhooks=(Webhook("https://hook.example", ("paid",), "hook"),),
        deletion_policy="Delete",
    )  # fmt: skip
    assert event_meta.listed(around.database, project=name) == (
        EventMeta("paid", conversion=True, icon="cart", colour="#00ff00"),
    )
    assert _limits(around.warehouse, name) == {"events": 30, "replays": 7}


def test_secrets_are_issued_once_and_open_their_client(around: Surroundings) -> None:
    wanted = manifest(name := a_name(), **FULL)

    report = ensure(wanted, around)

    assert set(report.issued) == {"web", "reader"}
    assert around.delivered == report.issued
    for client in clients.listed(around.database, project=name):
        client_id, secret = report.issued[client.name]
        assert client_id == client.id
        assert verify_secret(secret, hashes=client.secret_hashes)


def test_no_secret_is_kept_in_clear_text(around: Surroundings) -> None:
    report = ensure(manifest(a_name(), **FULL), around)

    with around.database.session() as session:
        kept = session.scalar(
            text("SELECT string_agg(s::text, '') || string_agg(c::text, '') FROM client_secrets s, clients c")
        )

    assert all(secret not in str(kept) for _, secret in report.issued.values())
    assert all(secret not in repr(report) for _, secret in report.issued.values())


def test_a_second_call_changes_nothing(around: Surroundings) -> None:
    wanted = manifest(name := a_name(), **FULL)
    ensure(wanted, around)
    before = _state(around, name)
    around.told.clear()

    report = ensure(wanted, around)

    assert (report.changes, report.issued, around.told) == ((), {}, [])
    assert _state(around, name) == before


def _before(name: str) -> AnalyticsProject:
    """What a project was before it became `FULL`."""
    return manifest(name, clients=[WEB, {"name": "old", "type": "root"}], events=[{"name": "old"}])


@pytest.fixture(scope="module")
def undisturbed(database: Database, warehouse: Warehouse) -> dict[str, object]:
    """All that is stored of a project that became `FULL` in one go."""
    around = Surroundings(database, warehouse)
    ensure(_before(name := a_name()), around)
    ensure(manifest(name, **FULL), around)
    return _untimed(_state(around, name))


@pytest.mark.parametrize("steps", range(len(STEPS)), ids=[f"after-{step.__name__}" for step in STEPS])
def test_a_crash_after_any_step_ends_the_same(
    around: Surroundings, undisturbed: dict[str, object], steps: int
) -> None:
    wanted = manifest(name := a_name(), **FULL)
    ensure(_before(name), around)
    around.told.clear()

    run(wanted, world=around.world, steps=STEPS[: steps + 1])
    ensure(wanted, around)

    assert _untimed(_state(around, name)) == undisturbed
    assert set(around.told) == {
        f"project:{name}",
        *(f"client:{number}" for number in _changed_clients(around, name)),
    }


@pytest.mark.parametrize("failing", range(3))
def test_news_that_could_not_be_told_are_told_later(around: Surroundings, failing: int) -> None:
    wanted = manifest(name := a_name(), **FULL)
    calls = itertools.count()

    def announce(topic: str) -> None:
        if next(calls) == failing:
            raise ConnectionError
        around.told.append(topic)

    with pytest.raises(ConnectionError):
        run(wanted, world=replace(around.world, announce=announce), steps=STEPS)
    ensure(wanted, around)

    ids = [client.id for client in clients.listed(around.database, project=name)]
    assert set(around.told) == {f"project:{name}", *(f"client:{number}" for number in ids)}


def test_a_secret_is_delivered_before_its_client_exists(around: Surroundings) -> None:
    wanted = manifest(name := a_name(), clients=[WEB])

    def deliver(_client: str, _issued: tenancy.Issued) -> None:
        raise OSError

    with pytest.raises(OSError):
        run(wanted, world=replace(around.world, deliver=deliver), steps=STEPS)

    assert clients.listed(around.database, project=name) == ()
    report = ensure(wanted, around)
    assert tenancy.opens(report.issued["web"], database=around.database, at=around.now)


def test_a_client_that_left_the_manifest_is_revoked_at_once(around: Surroundings) -> None:
    report = ensure(manifest(name := a_name(), clients=[WEB, READER]), around)
    around.told.clear()

    second = ensure(manifest(name, clients=[WEB]), around)

    gone = report.issued["reader"].client_id
    assert [str(change) for change in second.changes] == ["client reader: revoked"]
    assert around.told == [f"client:{gone}"]
    assert _client(around, gone).revoked


def test_a_client_that_comes_back_gets_new_credentials(around: Surroundings) -> None:
    first = ensure(manifest(name := a_name(), clients=[READER]), around)
    ensure(manifest(name), around)

    second = ensure(manifest(name, clients=[READER]), around)

    assert second.issued["reader"].client_id != first.issued["reader"].client_id
    assert not tenancy.opens(first.issued["reader"], database=around.database, at=around.now)


def test_a_client_made_by_hand_is_left_alone(around: Surroundings) -> None:
    ensure(wanted := manifest(name := a_name()), around)
    by_hand = NewClient("11111111-1111-4111-8111-111111111111", "mine", name, "default", "read", "hash")
    clients.create(around.database, client=by_hand, at=around.now)

    assert ensure(wanted, around).changes == ()
    assert [client.name for client in clients.listed(around.database, project=name)] == ["mine"]


def test_a_client_whose_type_changes_keeps_its_secret(around: Surroundings) -> None:
    first = ensure(manifest(name := a_name(), clients=[READER]), around)

    second = ensure(manifest(name, clients=[{**READER, "type": "root"}]), around)

    assert [str(change) for change in second.changes] == ["client reader: changed type"]
    assert _client(around, first.issued["reader"].client_id).type == "root"
    assert tenancy.opens(first.issued["reader"], database=around.database, at=around.now)


def test_a_project_that_moves_takes_its_clients_to_the_other_organization(around: Surroundings) -> None:
    report = ensure(manifest(name := a_name(), clients=[READER]), around)

    ensure(manifest(name, clients=[READER], organization="elsewhere"), around)

    assert _client(around, report.issued["reader"].client_id).organization == "elsewhere"
    assert organizations.load(around.database, organization="elsewhere") is not None


def test_a_secret_rotates_when_its_time_has_come(around: Surroundings) -> None:
    rotation = {"interval": "30d", "overlap": "1d"}
    wanted = manifest(a_name(), clients=[{**READER, "rotation": rotation}])
    old = ensure(wanted, around).issued["reader"]
    around.now += timedelta(days=30)

    new = ensure(wanted, around).issued["reader"]

    assert new.client_id == old.client_id
    assert around.delivered["reader"] == new
    for later, opened in ((timedelta(0), (True, True)), (timedelta(days=1), (False, True))):
        at = around.now + later
        assert tuple(tenancy.opens(each, database=around.database, at=at) for each in (old, new)) == opened
    assert ensure(wanted, around).changes == ()


def test_secret_that_could_not_be_given_does_not_count_and_the_next_call_gives_another(
    around: Surroundings,
) -> None:
    rotation = {"interval": "30d", "overlap": "1d"}
    wanted = manifest(a_name(), clients=[{**READER, "rotation": rotation}])
    old = ensure(wanted, around).issued["reader"]
    around.now += timedelta(days=30)

    def full(_client: str, _issued: Issued) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        run(wanted, world=replace(around.world, deliver=full), steps=STEPS)

    year = around.now + timedelta(days=365)
    assert tenancy.opens(old, database=around.database, at=year), "nobody replaced it"
    new = ensure(wanted, around).issued["reader"]
    assert around.delivered["reader"] == new
    assert tenancy.opens(new, database=around.database, at=year)
    assert not tenancy.opens(old, database=around.database, at=year)


def test_rotating_by_hand_keeps_the_old_secret_for_the_overlap(around: Surroundings) -> None:
    old = ensure(manifest(name := a_name(), clients=[READER]), around).issued["reader"]
    around.told.clear()

    new = tenancy.rotate(
        name, client="reader", overlap=timedelta(hours=1), database=around.database, announce=around.told.append,
        clock=lambda: around.now, fresh_secret=around.fresh_secret,
    )  # fmt: skip

    assert around.told == [f"client:{old.client_id}"]
    assert tenancy.opens(old, database=around.database, at=around.now)
    assert not tenancy.opens(old, database=around.database, at=around.now + timedelta(hours=1))
    assert tenancy.opens(new, database=around.database, at=around.now + timedelta(hours=1))


def test_while_another_works_on_the_project_nothing_is_touched(
    around: Surroundings, database: Database
) -> None:
    wanted = manifest(name := a_name(), clients=[WEB])

    def impatient(_wanted: AnalyticsProject, _world: object) -> Iterator[tenancy.Change]:
        with pytest.raises(Unavailable), lock(database, lock_name(name), wait_s=0.05):
            pytest.fail("two worked on one project")
        yield from ()

    run(wanted, world=around.world, steps=(impatient,))


def test_ensure_takes_plain_arguments(around: Surroundings) -> None:
    report = tenancy.ensure(
        manifest(name := a_name(), clients=[WEB]), database=around.database, warehouse=around.warehouse,
        announce=around.told.append, clock=lambda: around.now, fresh_secret=around.fresh_secret, pool="own",
    )  # fmt: skip

    assert list(report.issued) == ["web"]
    found = projects.load(around.database, project=name)
    assert found is not None
    assert found.pool == "own"


def _client(around: Surroundings, client_id: str) -> ClientRecord:
    found = clients.load(around.database, client_id=client_id)
    assert found is not None
    return found


def _changed_clients(around: Surroundings, name: str) -> list[str]:
    """The clients of the manifest before and of `FULL`: one new, one gone, and one that moved with the project."""
    with around.database.session() as session:
        return [
            str(number)
            for number in session.scalars(text("SELECT id FROM clients WHERE project_id = :p"), {"p": name})
        ]


def _state(around: Surroundings, name: str) -> dict[str, object]:
    """All that is stored of a project, apart from its name and what is random."""
    record = projects.load(around.database, project=name)
    assert record is not None
    with around.database.session() as session:
        kept = session.execute(
            text(
                "SELECT c.name, c.type, c.organization_id, c.managed, c.revoked_at IS NULL AS live, count(s.id) AS secrets"
                " FROM clients c LEFT JOIN client_secrets s ON s.client_id = c.id"
                " WHERE c.project_id = :project GROUP BY c.id ORDER BY c.name, live"
            ),
            {"project": name},
        )
        rows = [tuple(row) for row in kept]
    return {
        "project": replace(record, id="", name=""),
        "events": event_meta.listed(around.database, project=name),
        "clients": rows,
        "retention": _limits(around.warehouse, name),
    }


def _untimed(state: dict[str, object]) -> dict[str, object]:
    """The same with whether the time zone has changed, and not when."""
    record = state["project"]
    assert isinstance(record, ProjectRecord)
    return {
        **state,
        "project": replace(record, timezone_since=None),
        "time zone changed": record.timezone_since is not None,
    }


def _limits(warehouse: Warehouse, project: str) -> dict[str, int]:
    rows = warehouse.query(
        "SELECT kind, argMax(days, version) AS days FROM retention WHERE project_id = {project:String}"
        " GROUP BY kind HAVING days > 0",
        parameters={"project": project},
    )
    return dict(rows)
