"""The scripts that pages load: `op1.js` and `op1-replay.js`, built from the published `@openpanel/web`.

They are read into memory when the service starts. Where they were not built, the routes say so.
"""

import gzip
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from openpanel_api.ingest.asgi import Pair, Send, send_answer

NAMES: Final = ("/op1.js", "/op1-replay.js")
FOLDER: Final = Path(__file__).parent.parent / "static"
CACHE_SECONDS: Final = 3_600  # a new version of the script reaches all pages within this time

_MEDIA: Final = (b"content-type", b"text/javascript; charset=utf-8")
_CACHING: Final = (b"cache-control", b"public, max-age=%d" % CACHE_SECONDS)
_VARY: Final = (b"vary", b"accept-encoding")
_PACKED: Final = (b"content-encoding", b"gzip")
# Pages of other sites may load it even where they isolate themselves.
_SHARED: Final = (b"cross-origin-resource-policy", b"cross-origin")


class Script(NamedTuple):
    plain: bytes
    packed: bytes
    tag: bytes


class Scripts:
    """The scripts of a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._known = {name: _load(folder / name[1:]) for name in NAMES if (folder / name[1:]).is_file()}

    def get(self, name: str) -> Script | None:
        return self._known.get(name)


async def send_script(send: Send, script: Script, headers: Iterable[Pair], *, head_only: bool) -> None:
    """The script, packed where the browser says that it can unpack; 304 where it has it already."""
    sent = dict(headers)
    common = (_MEDIA, _CACHING, _VARY, _SHARED, (b"etag", script.tag))
    if sent.get(b"if-none-match") == script.tag:
        await send_answer(send, 304, b"", common)
    elif b"gzip" in sent.get(b"accept-encoding", b""):
        await send_answer(send, 200, script.packed, (*common, _PACKED), head_only=head_only)
    else:
        await send_answer(send, 200, script.plain, common, head_only=head_only)


def _load(path: Path) -> Script:
    plain = path.read_bytes()
    tag = b'"%b"' % sha256(plain).hexdigest()[:16].encode()
    return Script(plain, gzip.compress(plain, 9, mtime=0), tag)
