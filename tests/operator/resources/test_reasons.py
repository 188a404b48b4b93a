"""Conditions and reasons: each explained once, none unknown to the API server's form, none forgotten."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import openpanel_operator
from openpanel_operator import scaling
from openpanel_operator.resources.reasons import (
    CLUSTER_CONDITIONS,
    PROJECT_CONDITIONS,
    ConditionType,
    Reason,
)

FORM = re.compile(r"[A-Z][A-Za-z0-9]*")  # of a reason, as the API conventions have it


@pytest.mark.parametrize("word", [*ConditionType, *Reason])
def test_a_word_has_the_form_that_programs_expect(word: str) -> None:
    assert FORM.fullmatch(word)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_names_cause_and_cure(reason: Reason) -> None:
    cause, _, cure = reason.meaning.rstrip(".").partition("; ")

    assert reason.meaning.endswith(".")
    assert cause
    assert cure or "," in cause or ", so " in reason.meaning


@pytest.mark.parametrize("condition", ConditionType)
def test_a_condition_belongs_to_a_kind_and_is_explained(condition: ConditionType) -> None:
    assert condition in CLUSTER_CONDITIONS + PROJECT_CONDITIONS
    assert condition.meaning.endswith(".")


def test_no_meaning_is_told_twice() -> None:
    meanings = [word.meaning for word in (*ConditionType, *Reason)]

    assert len(meanings) == len(set(meanings))


def test_every_reason_of_the_scaler_is_explained() -> None:
    assert {reason.value for reason in scaling.Reason} <= {reason.value for reason in Reason}


def test_a_reason_is_its_word() -> None:
    assert {reason.value: reason for reason in Reason}["SecretMissing"] is Reason.SECRET_MISSING
    assert f"{Reason.SECRET_MISSING}" == "SecretMissing"


# Where reasons are told apart, not given.
NOT_REPORTING = {"reasons.py", "verdict.py", "scaling.py"}


def reported() -> Iterator[str]:
    """The names of all reasons that some code gives."""
    root = Path(openpanel_operator.__file__).parent
    for path in (each for each in root.rglob("*.py") if each.name not in NOT_REPORTING):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Reason":
                yield node.attr


def test_every_reason_is_given_by_something() -> None:
    """One that is only explained would have people look for what never comes."""
    given = set(reported()) | {reason.name for reason in scaling.Reason}

    assert [reason.name for reason in Reason if reason.name not in given] == []
