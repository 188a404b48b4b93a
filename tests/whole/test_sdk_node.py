"""The published `@openpanel/sdk`, unmodified, in Node: what a server sends comes out of the export."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.whole.installation import PATIENCE_S, Platform

SDK = Path(__file__).parents[1] / "sdk"

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def sent(platform: Platform) -> dict[str, Any]:
    clients = platform.project("sdk-node")
    program = subprocess.run(
        ["node", "programs/server.mjs"],
        cwd=SDK,
        env={
            **os.environ,
            "INGEST_URL": platform.ingest_url,
            "CLIENT_ID": clients["web"].client_id,
            "CLIENT_SECRET": clients["web"].client_secret,
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    assert program.stderr == ""
    rows = platform.until(clients["reader"], lambda rows: any(row["name"] == "after_clear" for row in rows))
    return {
        "printed": json.loads(program.stdout),
        "rows": {row["name"]: row for row in rows},
        "clients": clients,
    }


def test_every_call_is_answered_with_both_ids(sent: dict[str, Any]) -> None:
    answers = sent["printed"]["answers"]

    for call in ("anonymous", "track", "increment", "decrement", "unknown", "grouped", "revenue", "cleared"):
        assert set(answers[call]) >= {"deviceId", "sessionId"}, call
        assert all(
            isinstance(answers[call][key], str) and answers[call][key] for key in ("deviceId", "sessionId")
        )


def test_properties_are_flattened_and_joined_with_global_ones(sent: dict[str, Any]) -> None:
    row = sent["rows"]["server_started"]

    assert row["properties"]["plan"] == "pro"
    assert row["properties"]["version"] == "1.2.3"
    assert row["properties"]["nested.deep.0"] == "1"
    assert row["properties"]["nested.deep.1"] == "2"


def test_events_after_identify_carry_the_profile(sent: dict[str, Any]) -> None:
    assert sent["rows"]["invoice_sent"]["profileId"] == "user-1"
    assert sent["rows"]["invoice_sent"]["properties"]["amount"] == "12.5"


def test_profile_keeps_names_and_the_sum_of_increments(sent: dict[str, Any]) -> None:
    profile = sent["rows"]["after_clear"]["profile"] or sent["rows"]["invoice_sent"]["profile"]

    assert profile["firstName"] == "Ada"
    assert profile["lastName"] == "Lovelace"
    assert profile["email"] == "ada@example.com"
    assert profile["properties"]["seats"] == "4"


def test_revenue_lands_once_with_its_amount(sent: dict[str, Any]) -> None:
    assert sent["rows"]["revenue"]["revenue"] == 4900
    assert sum(row.get("revenue") or 0 for row in sent["rows"].values()) == 4900


def test_events_after_clear_carry_no_profile(sent: dict[str, Any]) -> None:
    assert sent["rows"]["after_clear"]["profileId"] in ("", sent["rows"]["after_clear"]["deviceId"])


def test_group_of_the_sender_is_kept_on_the_event(sent: dict[str, Any]) -> None:
    assert sent["rows"]["report_opened"]["groups"] == ["acme"]


def test_group_is_described_and_its_member_known(platform: Platform, sent: dict[str, Any]) -> None:
    reader = sent["clients"]["reader"]

    group = platform.insight(reader, "/groups/acme", lambda found: found["group"]["name"] == "Acme")["group"]
    member = platform.insight(
        reader, "/profiles/user-1", lambda found: found["profile"]["groups"] == ["acme"]
    )

    assert (group["id"], group["type"], group["properties"]) == ("acme", "company", {"size": "12"})
    assert member["profile"]["id"] == "user-1"


def test_increment_makes_a_profile_that_nobody_described(platform: Platform, sent: dict[str, Any]) -> None:
    reader = sent["clients"]["reader"]

    found = platform.insight(
        reader, "/profiles/user-2", lambda found: "visits" in found["profile"]["properties"]
    )

    assert found["profile"]["properties"] == {"visits": "1"}


def test_alias_of_the_package_sends_nothing_and_that_of_the_route_makes_two_one(
    platform: Platform, sent: dict[str, Any]
) -> None:
    web, reader = sent["clients"]["web"], sent["clients"]["reader"]
    assert sent["printed"]["answers"].get("alias") is None

    for message in (
        {"type": "track", "payload": {"name": "done_as_ada", "profileId": "ada"}},
        {"type": "alias", "payload": {"profileId": "user-1", "alias": "ada"}},
    ):
        answer = httpx.post(
            f"{platform.ingest_url}/track", json=message, headers=web.headers, timeout=PATIENCE_S
        )
        assert answer.status_code == 200, answer.text

    platform.insight(
        reader,
        "/profiles/user-1",
        lambda found: "done_as_ada" in {event["name"] for event in found["recentEvents"]},
    )
