"""The catalogues: complete, without leftovers, and chosen as the reader wants."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from openpanel_dashboard import languages
from openpanel_dashboard.languages import NAMES, choose

ROOT = Path(languages.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "say": None, "N_": None}


def sentences() -> set[str]:
    found = extract_from_dir(ROOT, method_map=METHODS, keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


def catalogue(code: str) -> Catalog:
    with (ROOT / "locale" / code / "LC_MESSAGES" / "dashboard.po").open("rb") as source:
        return read_po(source, locale=code)


@pytest.mark.parametrize("code", [code for code in NAMES if code != languages.DEFAULT])
def test_every_sentence_is_translated_and_none_is_left_over(code: str) -> None:
    translated = {message.id for message in catalogue(code) if message.id and message.string}

    assert sentences() - translated == set()
    assert translated - sentences() == set()


@pytest.mark.parametrize("code", [code for code in NAMES if code != languages.DEFAULT])
def test_translations_fill_in_the_same_values(code: str) -> None:
    for message in catalogue(code):
        if message.id and message.python_format:
            assert list(message.check(catalogue(code))) == []


@pytest.mark.parametrize("code", [code for code in NAMES if code != languages.DEFAULT])
def test_sentences_are_no_markup(code: str) -> None:
    """Templates put sentences into the page as they are: a browser would take a tag in them for one."""
    texts = {str(text) for message in catalogue(code) if message.id for text in (message.id, message.string)}

    assert [text for text in texts if set("<>&") & set(text)] == []


@pytest.mark.parametrize(
    ("cookie", "accept", "code"),
    [
        ("ko", "en", "ko"),
        ("", "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("", "de,ko;q=0.2,en;q=0.6", "en"),
        ("", "fr", "en"),
        ("xx", "ko", "ko"),
        ("", "", "en"),
        ("", "ko;q=nonsense", "en"),
        ("", "ko;q=0", "en"),
    ],
)
def test_reader_gets_the_language_they_asked_for(cookie: str, accept: str, code: str) -> None:
    assert choose(cookie, accept) == code


def test_countries_are_named_in_the_language() -> None:
    known = languages.load()

    assert known["ko"].country("KR") == "대한민국"
    assert known["en"].country("kr") == "South Korea"
    assert known["en"].country("zz9") == "zz9"
