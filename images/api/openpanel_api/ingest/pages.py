"""Routes without a body: health, metrics, the scripts for pages, and the greeting."""

import asyncio
from typing import Final

import msgspec

from openpanel.wire.refusals import NotFound
from openpanel_api.ingest import counts
from openpanel_api.ingest.asgi import Scope, Send, send_answer
from openpanel_api.ingest.parts import Check, Parts
from openpanel_api.ingest.scripts import send_script

CHECK_SECONDS: Final = 2.0  # for each dependency
_GREETING: Final = b'{"status":"ok","message":"Ingest is running"}'

_encode: Final = msgspec.json.Encoder().encode


async def greeting(_parts: Parts, scope: Scope, send: Send) -> None:
    await send_answer(send, 200, _GREETING, head_only=_head_only(scope))


async def live(_parts: Parts, scope: Scope, send: Send) -> None:
    """The process answers; nothing else is asked."""
    await send_answer(send, 200, b'{"live":true}', head_only=_head_only(scope))


async def ready(parts: Parts, scope: Scope, send: Send) -> None:
    """Calls can be taken. Redis and metadata may be away: accepted messages are kept all the same."""
    reason = "shutting down" if parts.state.stopping() else "" if parts.state.started() else "starting"
    if reason:
        await send_answer(send, 503, _encode({"ready": False, "reason": reason}), head_only=_head_only(scope))
    else:
        await send_answer(send, 200, b'{"ready":true}', head_only=_head_only(scope))


async def healthcheck(parts: Parts, scope: Scope, send: Send) -> None:
    """Which of the stores answer."""
    names = list(parts.checks)
    answering = await asyncio.gather(*(_answers(check) for check in parts.checks.values()))
    by_name = dict(zip(names, answering, strict=True))
    failed = [name for name in names if not by_name[name]]
    body = {
        "ready": not failed,
        **by_name,
        "failedDependencies": failed,
        "workingDependencies": [name for name in names if by_name[name]],
    }
    await send_answer(send, 503 if failed else 200, _encode(body), head_only=_head_only(scope))


async def metrics(parts: Parts, scope: Scope, send: Send) -> None:
    parts.exposition.hand_over(spooled_bytes=parts.lanes.spooled_bytes)
    headers = ((b"content-type", counts.CONTENT_TYPE.encode()),)
    await send_answer(send, 200, parts.exposition.render(), headers, head_only=_head_only(scope))


async def script(parts: Parts, scope: Scope, send: Send) -> None:
    found = parts.scripts.get(scope["path"])
    if found is None:
        raise NotFound("The script was not built; run `make install`")
    await send_script(send, found, scope["headers"], head_only=_head_only(scope))


def _head_only(scope: Scope) -> bool:
    return bool(scope["method"] == "HEAD")


async def _answers(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception:  # noqa: BLE001 (whatever a driver raises, the answer is that it does not answer)
        return False
    return True
