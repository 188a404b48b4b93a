"""Who asks, and whose data it may see: `openpanel-client-id` and `openpanel-client-secret`, checked in this order.

The sentences are those that clients of OpenPanel know; a surface puts its own name in front (`Export: …`).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Header, Request, Response

from openpanel.identity.credentials import verdict_key, verify_secret
from openpanel.metadata import ClientRecord, ProjectRecord, clients, projects
from openpanel_api.ingest.addresses import forwarded, listed, nearest_hop
from openpanel_api.public import query_strings
from openpanel_api.public.errors import BadRequest, Forbidden, NotFound, TooMany, Unauthorized
from openpanel_api.public.services import Given, Services

UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PROJECT: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
NO_ACCESS: Final = "You do not have access to this project"
NO_PROJECT: Final = "Project not found"
PROJECT_REQUIRED: Final = "project_id or projectId is required"

COUNTED: Final = "openpanel.counted"  # in the scope of a request that is made for one that was counted

ClientId = Annotated[str, Header(alias="openpanel-client-id", description="Id of a `read` or `root` client.")]
ClientSecret = Annotated[str, Header(alias="openpanel-client-secret", description="Its secret.")]


@dataclass(frozen=True, slots=True)
class Access:
    """A client that has proved who it is."""

    client: ClientRecord

    async def project(self, services: Services, *, named: str | None) -> ProjectRecord:
        """The project that is asked about: the named one if the client may see it, else the client's own."""
        own = self.client.project
        if named is None or (own is not None and named == own.id):
            if own is None:
                raise BadRequest(PROJECT_REQUIRED)
            return own
        if own is not None and self.client.type == "read":
            raise Forbidden(NO_ACCESS)
        found = await _load(services, named)
        if found is None or found.deleted:
            raise NotFound(NO_PROJECT)
        if found.organization != self.client.organization:
            raise Forbidden(NO_ACCESS)
        return found


def reader(surface: str, *, verb: str) -> Callable[..., Awaitable[Access]]:
    """A dependency that lets `read` and `root` clients in, at the rate they may ask."""

    async def admit(
        request: Request,
        response: Response,
        services: Given,
        client_id: ClientId = "",
        secret: ClientSecret = "",
    ) -> Access:
        address, now = address_of(request, services), services.clock_ms()
        if (bucket := services.bad_credentials.exhausted(address, now)) is not None:
            raise TooMany("Too many refused credentials", retry_after_s=bucket.wait_s(1))
        client = await known(services, client_id)
        problem = refusal(client, client_id, verb) or await wrong_secret(services, client, secret)
        if problem or client is None:
            services.bad_credentials.count(address, now)
            raise Unauthorized(f"{surface}: {problem}")
        await pace(request, response, client)
        check_parameters(request)
        return Access(client)

    return admit


async def known(services: Services, client_id: str) -> ClientRecord | None:
    """The client of that id, while it and its project are there."""
    if not UUID.fullmatch(client_id):
        return None
    found = await services.blocking(lambda: clients.load(services.database, client_id=client_id))
    gone = found is None or found.revoked or (found.project is not None and found.project.deleted)
    return None if gone else found


def refusal(client: ClientRecord | None, client_id: str, verb: str) -> str:
    """Why the client may not `verb`; empty when it may."""
    if not UUID.fullmatch(client_id):
        return "Client ID must be a valid UUIDv4"
    if client is None:
        return "Invalid client id"
    if not client.secret_hashes:
        return "Client has no secret"
    return "" if client.type in {"read", "root"} else f"Client is not allowed to {verb}"


async def wrong_secret(services: Services, client: ClientRecord | None, secret: str) -> str:
    """Why the secret is not taken; empty when it is. A check costs milliseconds, so its outcome is remembered."""
    assert client is not None
    key = verdict_key(client.id, secret=secret, hashes=client.secret_hashes)
    verdict = services.verdicts.recall(key)
    if verdict is None:
        hashes = client.secret_hashes
        verdict = await services.blocking(lambda: verify_secret(secret, hashes=hashes))
        services.verdicts.remember(key, verdict=verdict)
    return "" if verdict else "Invalid client secret"


async def pace(request: Request, response: Response, client: ClientRecord) -> None:
    """Count the request; the answer tells what is left. Raises `TooMany`."""
    if COUNTED in request.scope:
        return
    allowance = await request.app.state.rates.count(client.id)
    request.state.allowance = allowance.headers  # refusals tell it too
    if allowance.left < 0:
        raise TooMany(
            "You have exceeded the rate limit for this endpoint.",
            retry_after_s=allowance.resets_s,
            headers=allowance.headers,
        )
    response.headers.update(allowance.headers)


def check_parameters(request: Request) -> None:
    """Refuse what the query string holds in vain: nothing of it is left out in silence. Raises `BadRequest`."""
    if fault := query_strings.fault(request):
        raise BadRequest(fault)


async def _load(services: Services, project: str) -> ProjectRecord | None:
    if not PROJECT.fullmatch(project):
        return None
    return await services.blocking(lambda: projects.load(services.database, project=project))


def address_of(request: Request, services: Services) -> str:
    """The address that a refusal counts against."""
    headers = request.headers
    chain = listed(headers.getlist("x-forwarded-for")) or forwarded(headers.getlist("forwarded"))
    peer = request.client.host if request.client else ""
    return nearest_hop(peer, chain=chain, trusted=services.trusted_proxies).address
