"""Profiles as they were told."""

from datetime import UTC, datetime

from openpanel.analytics.asking import ask
from openpanel.analytics.described_profiles import DescribedProfile, DescribedProfiles
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert


def test_profile_is_what_was_told_last(warehouse: Warehouse, insert: Insert, project: str) -> None:
    told = {"project_id": project, "profile_id": "ana", "created_at": 1_000}
    insert(tables.PROFILES, [{**told, "first_name": "Ana", "email": "old@example.com", "version": 1}])
    insert(
        tables.PROFILES,
        [{**told, "first_name": "Ana", "email": "new@example.com", "properties": {"plan": "pro"}, "groups": ("acme",), "version": 2}],
    )  # fmt: skip

    (profile,) = ask(warehouse, DescribedProfiles(project, ("ana",))).values()

    assert (profile.first_name, profile.email) == ("Ana", "new@example.com")
    assert (profile.properties, profile.groups) == ({"plan": "pro"}, ("acme",))
    assert profile.created_at == _moment(1)


def test_erased_profile_is_unknown(warehouse: Warehouse, insert: Insert, project: str) -> None:
    for version, deleted in ((1, 0), (2, 1)):
        insert(
            tables.PROFILES,
            [{"project_id": project, "profile_id": "dan", "version": version, "deleted": deleted}],
        )

    assert ask(warehouse, DescribedProfiles(project, ("dan",))) == {}


def test_many_profiles_are_answered_at_once_without_those_nobody_described(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    told = {"project_id": project, "created_at": 1_000, "version": 1}
    insert(
        tables.PROFILES,
        [
            {**told, "profile_id": "eve", "first_name": "Eve", "properties": {"plan": "pro"}, "groups": ("acme",)},
            {**told, "profile_id": "fay", "email": "fay@example.com"},
            {**told, "profile_id": "gil"},
        ],
    )  # fmt: skip

    found = ask(warehouse, DescribedProfiles(project, ("eve", "fay", "nobody")))

    assert found == {
        "eve": DescribedProfile("eve", "Eve", "", "", "", {"plan": "pro"}, ("acme",), _moment(1)),
        "fay": DescribedProfile("fay", "", "", "fay@example.com", "", {}, (), _moment(1)),
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
