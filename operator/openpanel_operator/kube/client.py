"""The API server as a handful of verbs, on one HTTP session.

Every call has a time limit, a place among a bounded number, and is tried again when the server was only busy or
away. When the server says "too many requests", all calls wait, not only the one that heard it. A token that is no
longer taken is read again. Knows no resource of this product.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self, cast

import aiohttp
import kopf
import msgspec
from yarl import URL

from openpanel_operator.kube.errors import Absent, Forbidden, KubeError, Unavailable, error_of
from openpanel_operator.kube.kinds import Kind
from openpanel_operator.kube.objects import Object, Ref, ref_of

MANAGER: Final = "openpanel-operator"  # field manager of everything the operator applies
SCALER: Final = "openpanel-scaler"  # field manager of numbers of replicas

CALL_S: Final = 30.0  # seconds for one call, the answer included
CONNECT_S: Final = 10.0
SILENCE_S: Final = 90.0  # seconds without a word on a watch; the server sends a bookmark each minute
PAGE: Final = 500  # objects per page of a list
AT_ONCE: Final = 32  # calls on their way at the same time
TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 10.0

APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"

Connect = Callable[[], Awaitable[kopf.ConnectionInfo]]


class Kube:
    """Use it as an async context manager."""

    def __init__(
        self,
        connect: Connect,
        *,
        chance: Callable[[], float],
        observe: Callable[[str, int], None] = lambda _verb, _status: None,
    ) -> None:
        """`chance` gives numbers from 0 to 1 that spread retries; `observe` hears of each answer, 0: there was none."""
        self._connect = connect
        self._chance = chance
        self._observe = observe
        self._places = asyncio.Semaphore(AT_ONCE)
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._server = ""
        self._headers: dict[str, str] = {}
        self._not_before = 0.0  # time of the loop before which nobody calls

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, kind: Kind, name: str, *, namespace: str = "") -> Object | None:
        """The object; None if the server says that there is none."""
        try:
            return cast("Object", await self._call("get", kind.path(namespace=namespace, name=name)))
        except Absent:
            return None

    async def pages(
        self, kind: Kind, *, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> AsyncIterator[tuple[list[Object], str]]:
        """All objects with these labels and fields, page by page, each with the version of the whole list."""
        query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
        query |= {"fieldSelector": fields} if fields else {}
        while True:
            answer = await self._call("list", kind.path(namespace=namespace), query=query)
            meta = answer["metadata"]
            yield answer.get("items") or [], str(meta.get("resourceVersion", ""))
            if not meta.get("continue"):
                return
            query["continue"] = meta["continue"]

    async def listed(
        self, kind: Kind, *, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> list[Object]:
        """All objects at once, for few."""
        pages = self.pages(kind, namespace=namespace, selector=selector, fields=fields)
        return [item async for items, _ in pages for item in items]

    async def apply(self, body: Object, *, manager: str = MANAGER) -> Object:
        """Make the object's fields what `body` says, whoever else claims them; other fields stay."""
        ref = ref_of(body)
        path = ref.kind.path(namespace=ref.namespace, name=ref.name)
        query = {"fieldManager": manager, "force": "true"}
        return cast("Object", await self._call("apply", path, query=query, body=body, content=APPLY))

    async def create(self, body: Object) -> Object:
        """Make the object; `Conflict` if there is one."""
        ref = ref_of(body)
        query = {"fieldManager": MANAGER}
        path = ref.kind.path(namespace=ref.namespace)
        return cast("Object", await self._call("create", path, query=query, body=body))

    async def patch(self, ref: Ref, changes: Object, *, sub: str | None = None, by: str = MANAGER) -> Object:
        """Merge `changes` into the object; with `metadata.resourceVersion` in them only into that version."""
        path = ref.kind.path(namespace=ref.namespace, name=ref.name, sub=sub)
        query = {"fieldManager": by}
        return cast("Object", await self._call("patch", path, query=query, body=changes, content=MERGE))

    async def scale(self, ref: Ref, *, replicas: int) -> None:
        """Set the number of replicas through the scale subresource."""
        await self.patch(ref, {"spec": {"replicas": replicas}}, sub="scale", by=SCALER)

    async def delete(self, ref: Ref, *, uid: str | None = None, orphan: bool = False) -> bool:
        """Delete the object, only if it is the one with `uid`; whether it was there. `orphan`: what it owns stays."""
        options: Object = {"propagationPolicy": "Orphan" if orphan else "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        path = ref.kind.path(namespace=ref.namespace, name=ref.name)
        try:
            await self._call("delete", path, body=options)
        except Absent:
            return False
        return True

    async def served(self, kind: Kind) -> bool:
        """Whether the API server knows this kind."""
        try:
            answer = await self._call("discover", kind.root)
        except KubeError as error:
            if error.status == 404:
                return False
            raise
        return any(each["name"] == kind.plural for each in answer.get("resources", []))

    async def may_list(self, kind: Kind, *, namespace: str | None = None) -> bool:
        """Whether all objects of a kind may be listed."""
        try:
            await self._call("list", kind.path(namespace=namespace), query={"limit": "1"})
        except Forbidden:
            return False
        return True

    async def watch(
        self, kind: Kind, *, namespace: str | None, selector: str, since: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """What happens from that version on, as (type, object); ends when the server ends it."""
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": since}
        query |= {"labelSelector": selector} if selector else {}
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        await self._pass()
        async with self._answer("GET", kind.path(namespace=namespace), query=query, limits=limits) as answer:
            self._observe("watch", answer.status)
            if answer.status != 200:
                raise await _failure(answer)
            async for line in _lines(answer.content):
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise error_of(int(event["object"].get("code", 500)), body=event["object"])
                yield event["type"], event["object"]

    async def _call(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content: str = "application/json",
    ) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        pause = FIRST_PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                async with self._places:
                    await self._pass()
                    return await self._once(verb, path, query=query or {}, data=data, content=content)
            except Unavailable as error:
                if not left:
                    raise
                if error.status == 429:
                    self._hold(error.retry_after or pause)
            await asyncio.sleep(pause * (0.5 + self._chance()))
            pause = min(pause * 2, LONGEST_PAUSE_S)
        raise AssertionError("the last try returns or raises")

    async def _once(
        self, verb: str, path: str, *, query: Mapping[str, str], data: bytes | None, content: str
    ) -> Any:
        method = _METHODS[verb]
        await self._opened()
        for again in (True, False):
            before = self._headers
            async with self._answer(method, path, query=query, data=data, content=content) as answer:
                self._observe(verb, answer.status)
                if answer.status < 400:
                    return msgspec.json.decode(await answer.read())
                if answer.status != 401 or not again:
                    raise await _failure(answer)
            await self._log_in_again(before)
        raise AssertionError("the second attempt returns or raises")

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        data: bytes | None = None,
        content: str = "application/json",
        limits: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        session = await self._opened()
        headers = self._headers | ({"Content-Type": content} if data is not None else {})
        url = URL(self._server + path, encoded=True).with_query(query)
        try:
            async with session.request(
                method, url, data=data, headers=headers, timeout=limits or _LIMITS
            ) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._observe(method.lower(), 0)
            raise Unavailable(
                f"the API server does not answer: {str(error) or type(error).__name__}"
            ) from error

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            async with self._opening:
                if self._session is None:
                    await self._open()
        assert self._session is not None
        return self._session

    async def _open(self) -> None:
        info = await self._connect()
        secure: ssl.SSLContext | bool = info.as_ssl_context() if info.server.startswith("https") else True
        connector = aiohttp.TCPConnector(ssl=secure, limit=0)  # watches stay open; `_places` bounds the rest
        self._headers = info.as_http_headers()
        self._server = info.server.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=connector, proxy=info.proxy_url, trust_env=info.trust_env
        )

    async def _log_in_again(self, refused: dict[str, str]) -> None:
        async with self._opening:
            if self._headers is refused:
                self._headers = (await self._connect()).as_http_headers()

    def _hold(self, seconds: float) -> None:
        self._not_before = max(self._not_before, asyncio.get_running_loop().time() + seconds)

    async def _pass(self) -> None:
        """Wait while the server wants to be left alone; then not all come at once."""
        while (wait := self._not_before - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(wait * (1 + self._chance()))


_LIMITS: Final = aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S)
_METHODS: Final = {
    "get": "GET",
    "list": "GET",
    "discover": "GET",
    "apply": "PATCH",
    "patch": "PATCH",
    "create": "POST",
    "delete": "DELETE",
}


async def _failure(answer: aiohttp.ClientResponse) -> KubeError:
    text = await answer.read()
    try:
        body = msgspec.json.decode(text)
    except msgspec.DecodeError:
        body = None
    after = answer.headers.get("Retry-After", "")
    return error_of(
        answer.status,
        body=body if isinstance(body, dict) else None,
        retry_after=float(after) if after.isdecimal() else None,
    )


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream, however long they are."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line
