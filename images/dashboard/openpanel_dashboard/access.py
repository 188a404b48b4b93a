"""Who asks, and what they may see: the session behind a cookie, and the project behind an address.

Raises what `refusals` turns into pages. The cookie holds a random token; the database knows its fingerprint.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openpanel.metadata import (
    Database,
    Invalid,
    dashboard_sessions,
    organizations,
    projects,
    sign_in_links,
    users,
)
from openpanel.metadata.records import ProjectRecord, SessionRecord, UserRecord
from openpanel_dashboard.services import Given, Services

LIFETIME: Final = timedelta(days=30)  # after it was used last
LONGEST: Final = timedelta(days=90)  # after signing in, however much it is used
EXTENDED_AFTER: Final = timedelta(days=1)  # a session in use is moved on at most this often
TOKEN_BYTES: Final = 32
MOVED_COOKIE: Final = "openpanel.moved_cookie"  # in the scope of a request


class NotSignedInError(Exception):
    """Nobody is signed in behind this request."""


class ForbiddenError(Exception):
    """The project exists, and this person may not see it."""

    def __init__(self, *, project: str, organization: str, grantors: tuple[str, ...]) -> None:
        super().__init__(project)
        self.project = project
        self.organization = organization
        self.grantors = grantors


class NoSuchProjectError(Exception):
    """There is no project of that name."""

    def __init__(self, *, project: str) -> None:
        super().__init__(project)
        self.project = project


@dataclass(frozen=True, slots=True)
class Access:
    """A person who is signed in, and the projects they may see."""

    user: UserRecord
    projects: tuple[ProjectRecord, ...]


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """A project that the person who asks may see."""

    user: UserRecord
    project: ProjectRecord
    projects: tuple[ProjectRecord, ...]


def cookie_name(*, https: bool) -> str:
    """With the prefix browsers refuse to take from another host or over plain HTTP, where that is possible."""
    return "__Host-openpanel-session" if https else "openpanel-session"


def begin(database: Database, *, token: str, at: datetime) -> str | None:
    """Use up a one-time link; the token of the new session, or nothing when the link is used or too old."""
    user = sign_in_links.redeem(database, token=token, at=at)
    if user is None:
        return None
    session = secrets.token_urlsafe(TOKEN_BYTES)
    dashboard_sessions.begin(database, user=user.id, token=session, at=at, expires_at=at + LIFETIME)
    return session


def remember(response: Response, *, token: str, https: bool, lifetime: timedelta = LIFETIME) -> None:
    """Give the browser its session."""
    response.set_cookie(
        cookie_name(https=https),
        token,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=https,
        httponly=True,
        samesite="lax",
    )


def end(request: Request, response: Response, *, services: Services) -> None:
    """Sign the browser out, here and in the database."""
    name = cookie_name(https=services.https)
    token = request.cookies.get(name)
    if token:
        dashboard_sessions.end(services.database, token=token)
    response.delete_cookie(name, path="/", secure=services.https, httponly=True, samesite="lax")


def session_of(request: Request, services: Services) -> SessionRecord | None:
    """The session of the browser that asks. One in use is moved on, and `MovedCookies` tells the browser."""
    token, now = _token(request, services), services.clock()
    session = dashboard_sessions.load(services.database, token=token, at=now) if token else None
    if session is not None and _is_to_move_on(session, now):
        end = _end(session, now)
        dashboard_sessions.extend(services.database, token=token, expires_at=end)
        cookie = Response()
        remember(cookie, token=token, https=services.https, lifetime=end - now)
        request.scope[MOVED_COOKIE] = cookie.headers["set-cookie"]
    return session


def is_to_come_again(request: Request, services: Services) -> bool:
    """Whether a browser whose answer has begun must ask anew: signed out, or with a session that is to be moved on."""
    token, now = _token(request, services), services.clock()
    session = dashboard_sessions.load(services.database, token=token, at=now) if token else None
    return session is None or _is_to_move_on(session, now)


class MovedCookies:
    """Puts the cookie of a session that was moved on onto the answer, whatever that is. Plain ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and MOVED_COOKIE in scope:
                MutableHeaders(scope=message).append("set-cookie", scope[MOVED_COOKIE])
            await send(message)

        await self._app(scope, receive, with_cookie)


def signed_in(request: Request, services: Given) -> UserRecord:
    """The person who asks; `NotSignedInError` when there is none."""
    session = session_of(request, services)
    if session is None:
        raise NotSignedInError
    return session.user


def access(user: Annotated[UserRecord, Depends(signed_in)], services: Given) -> Access:
    """The person with their projects."""
    return Access(user=user, projects=projects.visible_to(services.database, user=user.id))


def project_access(
    org: str, project: str, given: Annotated[Access, Depends(access)], services: Given
) -> ProjectAccess:
    """The project of the address, when the person may see it."""
    for one in given.projects:
        if (one.organization, one.id) == (org, project):
            return ProjectAccess(user=given.user, project=one, projects=given.projects)
    raise _refusal(org, project, services.database)


def _token(request: Request, services: Services) -> str:
    return request.cookies.get(cookie_name(https=services.https), "")


def _end(session: SessionRecord, now: datetime) -> datetime:
    return min(now + LIFETIME, session.created_at + LONGEST)


def _is_to_move_on(session: SessionRecord, now: datetime) -> bool:
    return _end(session, now) - session.expires_at > EXTENDED_AFTER


def _refusal(org: str, project: str, database: Database) -> Exception:
    try:
        found = projects.load(database, project=project)
    except Invalid:  # no name of a project, such as one with a NUL
        found = None
    if found is None or found.deleted or found.organization != org:
        return NoSuchProjectError(project=project)
    organization = organizations.load(database, organization=org)
    return ForbiddenError(
        project=found.name,
        organization=organization.name if organization else org,
        grantors=tuple(owner.email for owner in users.owners(database)),
    )


SignedIn = Annotated[Access, Depends(access)]
OfProject = Annotated[ProjectAccess, Depends(project_access)]
