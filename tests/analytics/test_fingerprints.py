"""Equal questions have equal fingerprints, all others others."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from openpanel.analytics.filters import Filter
from openpanel.analytics.fingerprints import code_of, fingerprint
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.people import People, PeopleSelection
from openpanel.analytics.top_pages import TopPages
from tests.analytics.questions import NOW, questions, scope

STEP = timedelta(seconds=10)


def test_each_question_has_a_fingerprint_of_its_own() -> None:
    keys = {
        fingerprint(question, step=STEP).key
        for project in ("p", "q")
        for question in questions(project).values()
    }

    assert len(keys) == 2 * len(questions("p"))


def test_filters_are_not_mixed_up_with_one_another() -> None:
    pairs = [
        (Filter("country", "is", ("a", "b")),),
        (Filter("country", "is", ("a,b",)),),
        (Filter("country", "is", ("a",)), Filter("country", "is", ("b",))),
        (Filter("country", "is", ("a",)),),
        (Filter("country", "is", ("\ud800",)),),
    ]

    assert len({fingerprint(Metrics(scope("p", filters=one)), step=STEP).key for one in pairs}) == len(pairs)


def test_running_period_is_the_same_a_moment_later() -> None:
    now, soon = scope("p"), scope("p", now=NOW + timedelta(seconds=4))
    later = scope("p", now=NOW + timedelta(minutes=1))

    assert now.period != soon.period
    assert fingerprint(TopPages(now), step=STEP) == fingerprint(TopPages(soon), step=STEP)
    assert fingerprint(TopPages(now), step=STEP).key == fingerprint(TopPages(later), step=STEP).key
    assert fingerprint(TopPages(now), step=STEP).step < fingerprint(TopPages(later), step=STEP).step


def test_running_period_is_not_the_one_that_is_over() -> None:
    running = scope("p")
    over = replace(running, period=replace(running.period, running_until=None), previous=None)

    assert fingerprint(TopPages(running), step=STEP).key != fingerprint(TopPages(over), step=STEP).key
    assert fingerprint(TopPages(over), step=STEP).step == 0


def test_question_as_of_now_is_the_same_a_moment_later() -> None:
    now, soon = (People(PeopleSelection("p", "UTC", NOW + timedelta(seconds=after))) for after in (0, 4))
    later = People(PeopleSelection("p", "UTC", NOW + timedelta(minutes=1)))

    assert fingerprint(now, step=STEP) == fingerprint(soon, step=STEP)
    assert fingerprint(now, step=STEP).key == fingerprint(later, step=STEP).key
    assert fingerprint(now, step=STEP).step < fingerprint(later, step=STEP).step


def test_code_with_another_statement_is_other_code(tmp_path: Path) -> None:
    found = []
    for sql in ("SELECT a", "SELECT a, b", "SELECT a"):
        (tmp_path / "question.py").write_text(f"SQL = {sql!r}")
        found.append(code_of(tmp_path))

    assert found[0] == found[2] != found[1]


def test_other_processes_find_the_same_fingerprint() -> None:
    program = (
        "from datetime import timedelta; from openpanel.analytics.fingerprints import fingerprint;"
        "from openpanel.analytics.metrics import Metrics; from tests.analytics.questions import FILTERS, scope;"
        "print(fingerprint(Metrics(scope('p', filters=FILTERS)), step=timedelta(seconds=10)).key)"
    )
    from tests.analytics.questions import FILTERS

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == fingerprint(Metrics(scope("p", filters=FILTERS)), step=STEP).key
