"""Secrets: how they look, that only the right one passes, and what is remembered of checks."""

import pytest

from openpanel.identity.credentials import Verdicts, hash_secret, new_secret, verdict_key, verify_secret

# Made with the parameters of today; a secret handed out must pass for as long as its hash is kept.
KEPT = "$argon2id$v=19$m=19456,t=2,p=1$JVWkE7+yb7YDI1MHq7u0Rg$gY1B/Mn+eNTm0GYXXQ8rKLlLP2f/iWqSJ42zWoYcAjY"


def test_secret_has_its_form() -> None:
    assert new_secret(lambda size: bytes(range(size))) == "sec_" + bytes(range(20)).hex()


def test_hash_made_earlier_still_verifies() -> None:
    assert verify_secret("sec_write", hashes=[KEPT])


def test_secret_verifies_against_any_of_its_hashes() -> None:
    assert verify_secret("sec_b", hashes=[hash_secret("sec_a"), hash_secret("sec_b")])


@pytest.mark.parametrize(
    ("secret", "hashes"),
    [
        pytest.param("sec_other", [KEPT], id="another secret"),
        pytest.param("", [KEPT], id="empty"),
        pytest.param("sec_write", [], id="client without a secret"),
        pytest.param("sec_write", ["not a hash"], id="broken hash"),
        pytest.param("\ud800", [KEPT], id="lone surrogate"),
        pytest.param("s" * 10_000, [KEPT], id="too long to be looked at"),
    ],
)
def test_nothing_else_verifies(secret: str, hashes: list[str]) -> None:
    assert not verify_secret(secret, hashes=hashes)


def test_same_secret_never_has_the_same_hash() -> None:
    assert hash_secret("sec_a") != hash_secret("sec_a")


def test_verdict_is_remembered() -> None:
    verdicts = Verdicts(capacity=2)

    verdicts.remember(b"good", verdict=True)
    verdicts.remember(b"bad", verdict=False)

    assert (verdicts.recall(b"good"), verdicts.recall(b"bad"), verdicts.recall(b"new")) == (True, False, None)


def test_guesses_do_not_push_a_known_client_out() -> None:
    verdicts = Verdicts(capacity=2)
    verdicts.remember(b"good", verdict=True)

    for guess in range(100):
        verdicts.remember(b"%d" % guess, verdict=False)

    assert verdicts.recall(b"good") is True
    assert verdicts.recall(b"0") is None


def test_least_recently_used_verdict_goes_first() -> None:
    verdicts = Verdicts(capacity=2)
    verdicts.remember(b"a", verdict=True)
    verdicts.remember(b"b", verdict=True)
    verdicts.recall(b"a")

    verdicts.remember(b"c", verdict=True)

    assert (verdicts.recall(b"a"), verdicts.recall(b"b")) == (True, None)


def test_rotated_secret_finds_no_old_verdict() -> None:
    before = verdict_key("client", secret="sec_a", hashes=["one"])

    assert before != verdict_key("client", secret="sec_a", hashes=["two"])
    assert before != verdict_key("other", secret="sec_a", hashes=["one"])
    assert b"sec_a" not in before
