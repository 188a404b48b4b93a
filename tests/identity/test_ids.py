"""Ids keep the values they have: what is in a warehouse was made with them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.identity import ids

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "vectors.json").read_text())


@pytest.mark.parametrize("case", VECTORS["hash64"], ids=lambda case: "|".join(case["parts"]))
def test_hash_keeps_its_value(case: dict[str, Any]) -> None:
    assert ids.to_hex(ids.hash64(*case["parts"])) == case["id"]


@pytest.mark.parametrize("case", VECTORS["device_id"], ids=lambda case: case["why"])
def test_device_keeps_its_id(case: dict[str, Any]) -> None:
    device = ids.device_id(
        salt=bytes.fromhex(case["salt"]),
        project=case["project"],
        ip=case["ip"],
        user_agent=case["user_agent"],
    )

    assert ids.to_hex(device) == case["id"]


@pytest.mark.parametrize("case", VECTORS["session_id"], ids=lambda case: case["why"])
def test_session_keeps_its_id(case: dict[str, Any]) -> None:
    session = ids.session_id(
        project=case["project"], device=ids.from_hex(case["device"]) or 0, at_ms=case["at_ms"]
    )

    assert ids.to_hex(session) == case["id"]


def test_parts_of_a_hash_do_not_run_together() -> None:
    assert ids.hash64("ab", "c") != ids.hash64("a", "bc")


def test_missing_agent_is_the_unknown_agent() -> None:
    salt = b"s" * 32

    missing = ids.device_id(salt=salt, project="p", ip="192.0.2.1", user_agent="")

    assert missing == ids.device_id(salt=salt, project="p", ip="192.0.2.1", user_agent=ids.UNKNOWN_AGENT)


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_every_id_comes_back_from_its_outside_form(number: int) -> None:
    assert ids.from_hex(ids.to_hex(number)) == number


@pytest.mark.parametrize(
    "text", ["", "ff", "0" * 17, "00000000000000FF", "0x000000000000ff", "00000000000000f\n"]
)
def test_other_text_is_no_id_of_ours(text: str) -> None:
    assert ids.from_hex(text) is None


def test_own_id_from_outside_stays_the_device() -> None:
    assert ids.foreign_device("demo", "00000000000000ff") == 255


def test_zero_from_outside_is_not_the_missing_device() -> None:
    assert ids.foreign_device("demo", "0" * 16) != ids.NO_ID


def test_foreign_device_belongs_to_its_project() -> None:
    assert ids.foreign_device("one", "phone") != ids.foreign_device("two", "phone")


def test_device_that_is_given_as_a_profile_is_the_person_of_that_device() -> None:
    device = ids.foreign_device("demo", "phone")

    assert ids.person_of_profile(ids.to_hex(device)) == device


def test_profile_of_zeros_is_somebody() -> None:
    assert ids.person_of_profile("0" * 16) != ids.NO_ID


@given(st.text(), st.text())
def test_any_text_can_be_hashed(one: str, other: str) -> None:
    assert 0 <= ids.hash64(one, other) < 2**64


def test_lone_surrogate_can_be_hashed() -> None:
    assert ids.person_of_profile("\ud800") != ids.person_of_profile("\ud801")


def test_candidate_changes_with_the_half_hour() -> None:
    def session(at_ms: int) -> int:
        return ids.session_id(project="demo", device=7, at_ms=at_ms)

    assert session(0) == session(ids.SESSION_TIMEOUT_MS - 1)
    assert session(0) != session(ids.SESSION_TIMEOUT_MS)
