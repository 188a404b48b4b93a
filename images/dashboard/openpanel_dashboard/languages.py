"""The languages of the pages: which one a reader gets, and the catalogue of its sentences.

Sentences are written in English in the code and looked up by gettext. Catalogues are `.po` files, compiled in
memory when the dashboard starts, so that no compiled copy can be older than its source.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from openpanel_dashboard.formatting import Formatter

FOLDER: Final = Path(__file__).parent / "locale"
NAMES: Final[Mapping[str, str]] = {"en": "English", "ko": "한국어"}
DEFAULT: Final = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its sentences, its way of writing values, its names of countries."""

    code: str
    texts: NullTranslations
    write: Formatter
    locale: Locale

    def say(self, sentence: str, **values: object) -> str:
        """The sentence in this language with its named values filled in."""
        translated = self.texts.gettext(sentence)
        return translated % values if values else translated

    def country(self, code: str) -> str:
        """The name of a country by its code; an unknown code stands for itself."""
        return str(self.locale.territories.get(code.upper(), code))


def N_(sentence: str) -> str:  # noqa: N802 - the name by which gettext's tools find sentences in tables
    """Marks a sentence that is translated where it is shown."""
    return sentence


def load(folder: Path = FOLDER) -> Mapping[str, Language]:
    """All languages by code."""
    return {code: _language(code, folder) for code in NAMES}


def choose(cookie: str, accept: str) -> str:
    """The reader's own choice, else the first language of the browser that there is."""
    if cookie in NAMES:
        return cookie
    wanted = sorted(_weighted(accept), key=lambda pair: -pair[1])
    return next((code for code, weight in wanted if code in NAMES and weight > 0), DEFAULT)


def _language(code: str, folder: Path) -> Language:
    catalogue = folder / code / "LC_MESSAGES" / "dashboard.po"
    texts = _compiled(catalogue, code) if catalogue.is_file() else NullTranslations()
    return Language(code=code, texts=texts, write=Formatter(code), locale=Locale.parse(code))


def _compiled(path: Path, code: str) -> NullTranslations:
    with path.open("rb") as source:
        catalogue = read_po(source, locale=code)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _weighted(accept: str) -> list[tuple[str, float]]:
    return [_part(part) for part in accept.split(",") if part.strip()]


def _part(part: str) -> tuple[str, float]:
    name, _, weight = part.strip().partition(";q=")
    try:
        value = float(weight) if weight else 1.0
    except ValueError:
        value = 0.0
    return name.partition("-")[0].lower(), value


Say = Callable[..., str]
