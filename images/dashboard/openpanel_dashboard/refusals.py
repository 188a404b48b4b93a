"""Every page that says no, in one place: what happened, and what to do next.

Fragments get the same refusal in a form their panel can show, or are sent to where it can be solved.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Match, Mount

from openpanel import metadata, warehouse
from openpanel_dashboard import services as services_module
from openpanel_dashboard.access import ForbiddenError, NoSuchProjectError, NotSignedInError
from openpanel_dashboard.components import Link, Notice
from openpanel_dashboard.languages import Say
from openpanel_dashboard.preferences import local
from openpanel_dashboard.rendering import reader_of, templates_of

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
AROUND_PANELS: Final = "/main"  # how the addresses of the parts around panels end
_OF_PATHS: Final = "/%:@!$&'()*+,;="  # what stands in a path as it is, says RFC 3986
_OF_QUERIES: Final = f"{_OF_PATHS}?"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A button that posts, for what a link alone must not do."""

    address: str
    label: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """A page with one thing on it."""

    title: str
    paragraphs: tuple[str, ...] = ()
    command: str = ""
    confirm: Confirmation | None = None
    action: Link | None = None
    hint: str = ""


def said(request: Request, message: Said, *, status: int = 200) -> Response:
    """The page, in the reader's language; for a panel the same as a notice, within the page it is on."""
    given = services_module.of(request)
    templates, reader = templates_of(request), reader_of(request, given)
    if not is_fragment(request):
        return templates.answer(
            "pages/message.html", reader=reader, title=message.title, status=status, message=message
        )
    if request.url.path.endswith(AROUND_PANELS):
        return _whole_page_instead(request, status=status)
    notice = Notice(state="error", text=message.title, detail=" ".join(message.paragraphs))
    return templates.answer(
        "pages/panel_notice.html", reader=reader, title="", status=status, heading="", given=notice
    )


def _whole_page_instead(request: Request, *, status: int) -> Response:
    """Sends the browser to the page itself, which says what is wrong and can be tried again."""
    page, question, query = _sent(request).partition("?")
    address = f"{page.removesuffix(AROUND_PANELS)}{question}{query}"
    return PlainTextResponse("", status_code=status, headers={"HX-Redirect": address})


def _sent(request: Request) -> str:
    """The address within this host, as it was sent: decoded it may be another one, and no text for a header."""
    path, query = (request.scope[part] for part in ("raw_path", "query_string"))
    return quote(path, safe=_OF_PATHS) + (f"?{quote(query, safe=_OF_QUERIES)}" if query else "")


def link_is_over(say: Say) -> Said:
    """A one-time link that was used, replaced or mistyped."""
    return Said(
        title=say("This link does not work any more"),
        paragraphs=(
            say(
                "A sign-in link works once. This one was used, has been replaced by a newer one, or is incomplete."
            ),
            say("On the machine that runs the dashboard, this prints a new one:"),
        ),
        command="openpanel sign-in",
        hint=say("In a cluster, ask whoever installed it."),
    )


def install(app: FastAPI) -> None:
    """Turn errors into pages."""
    app.add_exception_handler(NotSignedInError, _not_signed_in)
    app.add_exception_handler(ForbiddenError, _forbidden)
    app.add_exception_handler(NoSuchProjectError, _no_such_project)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(metadata.MetadataError, _store_away)
    app.add_exception_handler(warehouse.WarehouseError, _store_away)
    app.add_exception_handler(Exception, _failed)


def is_fragment(request: Request) -> bool:
    """Whether a panel asks, and not a browser for a page."""
    return request.headers.get("hx-request") == "true"


def _say(request: Request) -> Say:
    return reader_of(request, services_module.of(request)).language.say


def _home(say: Say) -> Link:
    return Link(label=say("All projects"), address="/")


async def _not_signed_in(request: Request, _error: Exception) -> Response:
    if "text/event-stream" in request.headers.get("accept", ""):
        return PlainTextResponse("not signed in", status_code=401)
    if is_fragment(request):
        target = _sign_in(_shown(request))
        return PlainTextResponse("not signed in", status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(_sign_in(_sent(request)), status_code=303)


def _sign_in(here: str) -> str:
    return f"/sign-in?next={quote(here, safe='/')}" if here != "/" else "/sign-in"


def _shown(request: Request) -> str:
    """The address within this host of the page that a panel is on."""
    try:
        page = urlsplit(request.headers.get("hx-current-url", ""))
    except ValueError:  # no address
        return "/"
    return local(f"{page.path or '/'}{'?' if page.query else ''}{page.query}")


async def _forbidden(request: Request, error: Exception) -> Response:
    assert isinstance(error, ForbiddenError)
    say = _say(request)
    names = ", ".join(error.grantors) or say("whoever administers this installation")
    message = Said(
        title=say("You may not see this project"),
        paragraphs=(
            say("“%(project)s” belongs to “%(organization)s”, and you are not a member of it.",
                project=error.project, organization=error.organization),
            say("Access is granted by: %(names)s", names=names),
        ),
        action=_home(say),
    )  # fmt: skip
    return said(request, message, status=403)


async def _no_such_project(request: Request, error: Exception) -> Response:
    assert isinstance(error, NoSuchProjectError)
    say = _say(request)
    message = Said(
        title=say("There is no such project"),
        paragraphs=(
            say("Nothing is called “%(project)s” here. It may have been deleted, or the address is mistyped.",
                project=error.project),
        ),
        action=_home(say),
    )  # fmt: skip
    return said(request, message, status=404)


async def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    say = _say(request)
    fields = ", ".join(dict.fromkeys(str(fault["loc"][-1]) for fault in error.errors()))
    message = Said(
        title=say("This could not be understood"),
        paragraphs=(say("The page expects something else than was sent as: %(fields)s", fields=fields),),
        action=_home(say),
    )
    return said(request, message, status=400)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    say = _say(request)
    if error.status_code != 404:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(request))
        return PlainTextResponse(str(error.detail), status_code=error.status_code, headers=headers)
    message = Said(
        title=say("This page does not exist"),
        paragraphs=(say("The address may be mistyped, or the page was moved."),),
        action=_home(say),
    )
    return said(request, message, status=404)


def _allowed(request: Request) -> Iterator[str]:
    """The methods of all routes of the path; the framework names those of the first alone. Files are only read."""
    asked = {name: request.scope.get(name) for name in ("type", "path", "raw_path", "root_path", "headers")}
    # A mount has put its own path there.
    asked["root_path"] = request.scope.get("app_root_path", asked["root_path"])
    for method in METHODS:
        able = (one for one in request.app.router.routes if method == "GET" or not isinstance(one, Mount))
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in able):
            yield method
            if method == "GET":
                yield "HEAD"


async def _store_away(request: Request, error: Exception) -> Response:
    log.warning("a store did not answer", path=request.url.path, error=str(error))
    say = _say(request)
    message = Said(
        title=say("The dashboard cannot reach its database"),
        paragraphs=(say("Events are still received and kept. Try again in a moment."),),
        action=Link(label=say("Try again"), address=_sent(request)),
    )
    return said(request, message, status=503)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("a page failed", path=request.url.path, exc_info=error)
    say = _say(request)
    message = Said(
        title=say("Something went wrong"),
        paragraphs=(say("The error was written to the dashboard's log."),),
        action=_home(say),
    )
    return said(request, message, status=500)
