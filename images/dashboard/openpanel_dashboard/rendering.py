"""From a finished context to HTML: one Jinja environment per language, the frame around pages, the shell.

Templates hold no queries and no arithmetic. An undefined name in a template is an error, not an empty string.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from openpanel.metadata.records import ProjectRecord
from openpanel_dashboard import languages, preferences
from openpanel_dashboard.assets import Assets
from openpanel_dashboard.components import Link
from openpanel_dashboard.languages import N_, Language
from openpanel_dashboard.preferences import Preferences
from openpanel_dashboard.services import Services

TEMPLATES: Final = Path(__file__).parent / "templates"
PRODUCT: Final = "OpenPanel"

# Title of a group, then key and what it does. The keys themselves stand on the elements that do it.
KEYS: Final = (
    (
        N_("Range"),
        (
            ("D", N_("Today")),
            ("E", N_("Yesterday")),
            ("H", N_("Last 24 hours")),
            ("W", N_("Last 7 days")),
            ("F", N_("Last 28 days")),
            ("T", N_("Last 30 days")),
            ("N", N_("Last 90 days")),
            ("M", N_("Month to date")),
            ("P", N_("Last month")),
            ("Y", N_("Year to date")),
            ("L", N_("Last 12 months")),
            ("A", N_("All time")),
        ),
    ),
    (
        N_("View"),
        (
            ("← →", N_("Range back, forward")),
            ("C", N_("Custom range")),
            ("X", N_("Compare with the previous period")),
            ("I", N_("Next interval")),
            ("/", N_("Add a filter")),
            ("Esc", N_("Close, then clear filters")),
            ("V", N_("Chart as table")),
            (".", N_("Count again")),
        ),
    ),
    (
        N_("Go to"),
        (
            ("Ctrl K", N_("Search and commands")),
            ("G O", N_("Overview")),
            ("G A", N_("All projects")),
            ("?", N_("Keyboard shortcuts")),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What the document itself needs to know."""

    title: str
    language: str
    theme: str
    keys: bool
    languages: tuple[tuple[str, str], ...]  # code, own name


@dataclass(frozen=True, slots=True)
class Shell:
    """Navigation around a page of somebody who is signed in."""

    user: str
    here: str  # address of the page, to come back to after a change of preferences
    links: tuple[Link, ...]
    projects: tuple[Link, ...]
    project_name: str  # empty on pages that belong to none
    suggest: str  # what the palette asks for more than the page has; empty likewise
    key_groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a page is written for: their language and how they want it."""

    language: Language
    preferences: Preferences


class Templates:
    """All templates in all languages."""

    def __init__(self, *, assets: Assets, known: Mapping[str, Language]) -> None:
        self._environments = {code: _environment(language, assets) for code, language in known.items()}

    def render(self, template: str, *, reader: Reader, title: str, **context: object) -> str:
        """The HTML of a page or fragment."""
        language = reader.language
        page = Page(
            title=f"{title} · {PRODUCT}" if title else PRODUCT,
            language=language.code,
            theme=reader.preferences.theme,
            keys=reader.preferences.keys,
            languages=tuple(languages.NAMES.items()),
        )
        return self._environments[language.code].get_template(template).render(page=page, **context)

    def answer(
        self, template: str, *, reader: Reader, title: str, status: int = 200, **context: object
    ) -> HTMLResponse:
        """The same as an answer."""
        return HTMLResponse(self.render(template, reader=reader, title=title, **context), status_code=status)


def templates_of(request: Request) -> Templates:
    """The templates of the application that serves this request."""
    templates: Templates = request.app.state.templates
    return templates


def reader_of(request: Request, services: Services) -> Reader:
    """Whoever asks, as far as writing for them goes."""
    wanted = preferences.read(request)
    return Reader(language=services.languages[wanted.language], preferences=wanted)


def overview_address(project: ProjectRecord) -> str:
    """The first page of a project."""
    return f"/o/{project.organization}/p/{project.id}/overview"


def shell(
    *,
    reader: Reader,
    user: str,
    here: str,
    projects: tuple[ProjectRecord, ...],
    project: ProjectRecord | None,
) -> Shell:
    """Navigation with the pages there are, and the reader's projects."""
    say = reader.language.say
    overview = Link(
        label=say("Overview"),
        address=overview_address(project) if project else "",
        selected=True,
        key="KeyO",
        icon="layout-dashboard",
    )
    home = Link(label=say("Projects"), address="/", selected=project is None, key="KeyA", icon="folders")
    return Shell(
        user=user,
        here=here,
        links=(overview, home) if project else (home,),
        projects=tuple(
            Link(label=one.name, address=overview_address(one), selected=one == project) for one in projects
        ),
        project_name=project.name if project else "",
        suggest=f"{overview_address(project)}/suggest" if project else "",
        key_groups=tuple((say(title), tuple((key, say(does)) for key, does in keys)) for title, keys in KEYS),
    )


def _environment(language: Language, assets: Assets) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        language.texts.gettext, language.texts.ngettext, newstyle=True
    )
    environment.globals.update(static=assets.address, flag=assets.flag)
    return environment
