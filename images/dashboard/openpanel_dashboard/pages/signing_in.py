"""Signing in by a one-time link, and out.

The link itself only shows a button: mail programs and chats open links to preview them, and would use it up.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from openpanel_dashboard import access
from openpanel_dashboard.preferences import local
from openpanel_dashboard.refusals import Confirmation, Said, link_is_over, said
from openpanel_dashboard.rendering import reader_of
from openpanel_dashboard.services import Given

router = APIRouter()


@router.get("/sign-in")
def show(request: Request, services: Given, token: str = "", next: str = "/") -> Response:  # noqa: A002 - the address's name
    """The button behind a link; without a link, where to get one."""
    say = reader_of(request, services).language.say
    if access.session_of(request, services) is not None and not token:
        return RedirectResponse(local(next), status_code=303)
    if token:
        message = Said(
            title=say("Sign in to OpenPanel"),
            paragraphs=(say("This link signs this browser in. It works once."),),
            confirm=Confirmation(
                address="/sign-in", label=say("Sign in"), fields=(("token", token), ("next", local(next)))
            ),
        )
    else:
        message = Said(
            title=say("Sign in to OpenPanel"),
            paragraphs=(
                say("Open the sign-in link you were given."),
                say("On the machine that runs the dashboard, this prints a new one:"),
            ),
            command="openpanel sign-in",
            hint=say("In a cluster, ask whoever installed it."),
        )
    return said(request, message)


@router.post("/sign-in")
def confirm(
    request: Request,
    services: Given,
    token: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the form's name
) -> Response:
    """Use the link up and begin a session."""
    session = access.begin(services.database, token=token, at=services.clock())
    if session is None:
        return said(request, link_is_over(reader_of(request, services).language.say), status=410)
    response = RedirectResponse(local(next), status_code=303)
    access.remember(response, token=session, https=services.https)
    return response


@router.post("/sign-out")
def sign_out(request: Request, services: Given) -> Response:
    """End the session and say how to come back."""
    response = RedirectResponse("/sign-in", status_code=303)
    access.end(request, response, services=services)
    return response
