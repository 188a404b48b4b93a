"""What a reader set for the pages: theme, language, keys. Cookies, so that the first byte is already right."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from openpanel_dashboard import languages

Theme = Literal["light", "dark", "system"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark", "system")
YEAR: Final = 365 * 86_400  # seconds

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Preferences:
    """How one reader wants the pages."""

    language: str
    theme: Theme
    keys: bool  # letters without modifiers do something


def read(request: Request) -> Preferences:
    """The preferences of the browser that asks."""
    cookies = request.cookies
    theme = cookies.get("theme", "")
    return Preferences(
        language=languages.choose(cookies.get("language", ""), request.headers.get("accept-language", "")),
        theme=next((one for one in THEMES if one == theme), "system"),
        keys=cookies.get("keys") != "off",
    )


@router.post("/preferences")
def change(
    theme: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "",
    keys: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Keep what was sent and known, and go back to the page."""
    response = RedirectResponse(local(back), status_code=303)
    for name, value, known in (
        ("theme", theme, THEMES),
        ("language", language, tuple(languages.NAMES)),
        ("keys", keys, ("on", "off")),
    ):
        if value in known:
            response.set_cookie(name, value, max_age=YEAR, path="/", samesite="lax", httponly=True)
    return response


def local(address: str) -> str:
    """`address` when it is a path of this host, else the home page: a form must not send people elsewhere."""
    parts = urlsplit(address)
    outside = parts.scheme or parts.netloc or not address.startswith("/") or address.startswith(("//", "/\\"))
    clean = all(character.isprintable() for character in address)
    return "/" if outside or not clean else address
