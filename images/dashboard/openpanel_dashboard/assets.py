"""What the front-end build made: names by manifest, and a route that serves them for ever.

The build writes `static/` beside this file; without it the dashboard refuses to start and says how to build.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER: Final = Path(__file__).parent / "static"
FOR_EVER: Final = "public, max-age=31536000, immutable"


class NotBuiltError(Exception):
    """The front end was never built on this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is missing: run `npm ci && npm run build` in images/dashboard/frontend")


@dataclass(frozen=True, slots=True)
class Assets:
    """The built files by the name a template knows."""

    folder: Path
    names: Mapping[str, str]

    def address(self, name: str) -> str:
        """Where the file of that name is; a template that names none that exists is wrong, so it fails."""
        return f"/static/{self.names[name]}"

    def flag(self, country: str) -> str:
        """The flag of a country's two-letter code. Its name has no hash, so the address carries the set's."""
        return f"/static/flags/{country.lower()}.svg?v={self.names['flags']}"

    def has_flag(self, country: str) -> bool:
        return len(country) == 2 and country.isascii() and country.isalpha() and self._flag(country).is_file()

    def _flag(self, country: str) -> Path:
        return self.folder / "flags" / f"{country.lower()}.svg"


def load(folder: Path) -> Assets:
    """The assets of a build; `NotBuiltError` when there is none."""
    try:
        names = json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        raise NotBuiltError(folder) from None
    return Assets(folder=folder, names=names)


class BuiltFiles(StaticFiles):
    """Static files with a gzip twin where the build made one. Names change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await self._smallest(path, scope)
        if response.status_code in {200, 304}:
            response.headers["Cache-Control"] = FOR_EVER
        return response

    async def _smallest(self, path: str, scope: Scope) -> Response:
        accepted = next((value for name, value in scope["headers"] if name == b"accept-encoding"), b"")
        if b"gzip" not in accepted or not self.lookup_path(f"{path}.gz")[1]:
            return await super().get_response(path, scope)
        response = await super().get_response(f"{path}.gz", scope)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Type"] = _TYPES[path.rpartition(".")[2]]
        response.headers["Vary"] = "Accept-Encoding"
        return response


_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
