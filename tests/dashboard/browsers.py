"""A browser without a screen: asks an application directly, keeps cookies, follows no redirect by itself."""

import asyncio
from types import TracebackType
from typing import Any, Self

import httpx
from fastapi import FastAPI

ORIGIN = "http://testserver"


class Browser:
    """Asks `app` one question after the other. The event loop is the browser's own, so it must be closed."""

    def __init__(self, app: FastAPI, *, origin: str = ORIGIN) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(
            transport=transport, base_url=origin, headers={"accept-language": "en"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self._runner.run(self._client.get(path, **given))

    def head(self, path: str, **given: Any) -> httpx.Response:
        return self._runner.run(self._client.head(path, **given))

    def post(self, path: str, **given: Any) -> httpx.Response:
        return self._runner.run(self._client.post(path, **given))
