"""Names that scanners leave behind are refused, names that people give are not."""

import pytest

from openpanel.wire.names import ATTACKS, fault_of, fault_of_past

GOOD = [
    "screen_view",
    "link_out",
    "Sign up",
    "checkout: step 2/3",
    "/pricing",
    "/blog/2026/my-post",
    "/docs/php",
    "button.click",
    "user.profile.updated",
    "price ($)",
    "100% done",
    "select plan",
    "union joined",
    "order by phone",
    "sleep tracker opened",
    "file uploaded: report.pdf",
    "구매 완료",
    "événement",
    "a <b> c",
    "it's done",
    "$pageview",
    "app.json parsed",
    "C# course",
]


@pytest.mark.parametrize("name", GOOD)
def test_ordinary_name_passes(name: str) -> None:
    assert fault_of(name) == ""


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_found_anywhere_in_any_case(attack: str) -> None:
    assert fault_of(f"x {attack.upper()} y") == "Event name looks like an attack"


@pytest.mark.parametrize(
    "name",
    [
        "/index.php",
        "/a/b/c.PHP?x=1",
        "/wp-login",
        "/blog/wp-content/x",
        "/.env",
        "/.well-known",
        "/app/.git",
        "/config.yml",
        "/backup.sql",
        "/package.json",
        "/phpmyadmin",
        "/PMA/index",
        "/cgi-bin/test",
    ],
)
def test_probed_path_is_refused(name: str) -> None:
    assert fault_of(name) == "Event name looks like an attack"


def test_imported_sessions_keep_their_names() -> None:
    assert fault_of("session_start") == "Event name is reserved"
    assert fault_of_past("session_start") == ""
    assert fault_of_past("") == "Event name is empty"
