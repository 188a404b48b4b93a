import json
from pathlib import Path

import pytest

from openpanel.enrich.bots import Bot, BotList, load_entries, suspicion
from openpanel.enrich.user_agent import clean

# Rows are [agent, os, os version, browser, device, brand]; of bots [agent, name, type].
TABLE = json.loads(Path(__file__).with_name("agents.json").read_text(encoding="utf-8"))
PEOPLE = [row for kind in ("desktops", "phones", "tablets", "others") for row in TABLE[kind]]


@pytest.fixture(scope="module")
def bots() -> BotList:
    return BotList()


@pytest.mark.parametrize(("text", "name", "kind"), TABLE["bots"])
def test_declared_programs_are_named(bots: BotList, text: str, name: str, kind: str) -> None:
    assert bots.match(text) == Bot(name, kind)


@pytest.mark.parametrize("row", PEOPLE, ids=lambda row: row[0])
def test_what_people_use_is_no_bot(bots: BotList, row: list[str]) -> None:
    assert bots.match(row[0]) is None


@pytest.mark.parametrize("text", [text for text in TABLE["servers"] if "+https" not in text])
def test_libraries_of_servers_are_no_bots(bots: BotList, text: str) -> None:
    assert bots.match(text) is None


def test_samples_of_the_list_are_found(bots: BotList) -> None:
    samples = [
        sample
        for entry in load_entries()
        if "http-library" not in entry["tags"]
        for sample in entry["instances"]
    ]

    missed = [sample for sample in samples if bots.match(clean(sample)) is None]

    assert len(missed) < 0.01 * len(samples)


def test_names_carry_no_template_text() -> None:
    names = [bot.name for bot in BotList()._bots]

    assert not [name for name in names if any(mark in name for mark in "$\\^[")]


def test_two_categories_make_it_certain() -> None:
    alone = suspicion(
        chromium=True, no_client_hints=True, no_fetch_metadata=True, no_language=True, datacenter=False
    )
    both = suspicion(
        chromium=False, no_client_hints=True, no_fetch_metadata=True, no_language=False, datacenter=True
    )

    assert alone == ("missing_sec_ch_ua,missing_sec_fetch,missing_accept_language", False)
    assert both == ("missing_sec_fetch,datacenter_ip", True)


def test_missing_client_hints_count_for_chromium_only() -> None:
    assert (
        suspicion(
            chromium=False, no_client_hints=True, no_fetch_metadata=False, no_language=False, datacenter=False
        )
        is None
    )
