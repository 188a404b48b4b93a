"""Who asks, and whose data it may see: `openpanel-client-id` and `openpanel-client-secret`, checked in this order.

The sentences are those that clients of OpenPanel know; a surface puts its own name in front (`Export: …`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from fastapi import Header, Request, Response

from openpanel.identity.credentials import verdict_key, verify_secret
from openpanel.metadata import ClientRecord, ProjectRecord, clients, projects
from openpanel_api.ingest.addresses import nearest_hop, network_of, written_hops
from openpanel_api.public import query_strings
from openpanel_api.public.errors import ApiError, BadRequest, Forbidden, NotFound, TooMany, Unauthorized
from openpanel_api.public.services import Services
from openpanel_api.public.threads import CrowdedError

UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PROJECT: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
NO_ACCESS: Final = "You do not have access to this project"
NO_PROJECT: Final = "Project not found"
PROJECT_REQUIRED: Final = "project_id or projectId is required"
GUESSING: Final = "Too many refused credentials"

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
        found = await _load(services.asked_by(self.client.organization), named)
        if found is None or found.deleted:
            raise NotFound(NO_PROJECT)
        if found.organization != self.client.organization:
            raise Forbidden(NO_ACCESS)
        return found


WhyNot = Callable[
    [ClientRecord | None, str], str
]  # of a client and its id: why it may not; empty when it may


@dataclass(frozen=True, slots=True)
class Door:
    """A dependency that lets clients in, at the rate they may ask."""

    surface: str
    why_not: WhyNot

    async def __call__(
        self, request: Request, response: Response, _client_id: ClientId = "", _secret: ClientSecret = ""
    ) -> Access:
        access: Access | None = getattr(request.state, "access", None)
        if access is None:
            access = await self.open(request)
        response.headers.update(getattr(request.state, "allowance", {}))
        return access

    async def open(self, request: Request) -> Access:
        """Let the client in that the headers name; nothing else of the request is looked at."""
        services: Services = request.app.state.services
        client = await proved(
            request,
            services,
            client_id=request.headers.get("openpanel-client-id", ""),
            secret=request.headers.get("openpanel-client-secret", ""),
            surface=self.surface,
            why_not=self.why_not,
        )
        await pace(request, client)
        check_parameters(request)
        request.state.access = access = Access(client)
        return access


def reader(surface: str, *, verb: str) -> Door:
    """A dependency that lets `read` and `root` clients in."""
    return Door(surface, partial(refusal, verb=verb))


def refusal(client: ClientRecord | None, client_id: str, *, verb: str) -> str:
    """Why the client may not `verb`; empty when it may."""
    if not UUID.fullmatch(client_id):
        return "Client ID must be a valid UUIDv4"
    if client is None:
        return "Invalid client id"
    if not client.secret_hashes:
        return "Client has no secret"
    return "" if client.type in {"read", "root"} else f"Client is not allowed to {verb}"


async def proved(
    request: Request, services: Services, *, client_id: str, secret: str, surface: str, why_not: WhyNot
) -> ClientRecord:
    """The client whose credentials these are. Raises `Unauthorized`, or `TooMany` for those who are wrong too often.

    Nobody pays for what others behind the same address do wrong: what is right and known passes, and only who has to
    be checked waits for the others, and is refused for their guesses.
    """
    sender = sender_of(request, services)
    client = await known(services, client_id, asked_by=sender)
    problem = why_not(client, client_id)
    if not problem and not (client and await _right_secret(services, client, secret, sender)):
        problem = "Invalid client secret"
    if problem or client is None:
        raise refused(services, sender, f"{surface}: {problem}")
    return client


def refused(services: Services, sender: str, message: str) -> ApiError:
    """The refusal of wrong credentials; another for a sender that has been wrong too often."""
    now = services.clock_ms()
    if (bucket := services.bad_credentials.exhausted(sender, now)) is not None:
        return TooMany(GUESSING, retry_after_s=bucket.wait_s(1))
    services.bad_credentials.count(sender, now)
    return Unauthorized(message)


async def known(services: Services, client_id: str, *, asked_by: str) -> ClientRecord | None:
    """The client of that id, while it and its project are there."""
    if not UUID.fullmatch(client_id):
        return None
    found = await services.lookups.call(
        lambda: clients.load(services.database, client_id=client_id), whose=asked_by
    )
    gone = found is None or found.revoked or (found.project is not None and found.project.deleted)
    return None if gone else found


async def _right_secret(services: Services, client: ClientRecord, secret: str, sender: str) -> bool:
    """Whether the secret is the client's. To check one costs milliseconds, so the verdict is remembered."""
    key = verdict_key(client.id, secret=secret, hashes=client.secret_hashes)
    verdict = services.verdicts.recall(key)
    if verdict is not None:
        return verdict
    try:
        async with services.checks.turn(sender):
            verdict = services.verdicts.recall(key)  # whoever was before may have asked the same
            return await _check(services, client, secret, key, sender) if verdict is None else verdict
    except CrowdedError as error:
        raise TooMany(GUESSING, retry_after_s=1) from error


async def _check(services: Services, client: ClientRecord, secret: str, key: bytes, sender: str) -> bool:
    """Check a secret, unless the sender has guessed too often. One of a sender's is checked at once, so none of those
    that came together gets past the count of the others."""
    if (bucket := services.guesses.exhausted(sender, services.clock_ms())) is not None:
        raise TooMany(GUESSING, retry_after_s=bucket.wait_s(1))
    verdict = await services.checks.run(lambda: verify_secret(secret, hashes=client.secret_hashes))
    services.verdicts.remember(key, verdict=verdict)
    if not verdict:
        services.guesses.count(sender, services.clock_ms())
    return verdict


async def pace(request: Request, client: ClientRecord) -> None:
    """Count the request; every answer to it tells what is left (`request.state.allowance`). Raises `TooMany`."""
    if COUNTED in request.scope:
        return
    allowance = await request.app.state.rates.count(client.id)
    request.state.allowance = allowance.headers
    if allowance.left < 0:
        raise TooMany(
            "You have exceeded the rate limit for this endpoint.",
            retry_after_s=allowance.resets_s,
            headers=allowance.headers,
        )


def check_parameters(request: Request) -> None:
    """Refuse what the query string holds in vain: nothing of it is left out in silence. Raises `BadRequest`."""
    if fault := query_strings.fault(request):
        raise BadRequest(fault)


async def _load(services: Services, project: str) -> ProjectRecord | None:
    if not PROJECT.fullmatch(project):
        return None
    return await services.blocking(lambda: projects.load(services.database, project=project))


def sender_of(request: Request, services: Services) -> str:
    """The address or network that a refusal counts against."""
    chain = written_hops(request.headers.getlist, header=services.address_header)
    peer = request.client.host if request.client else ""
    return network_of(nearest_hop(peer, chain=chain, trusted=services.trusted_proxies).address)
