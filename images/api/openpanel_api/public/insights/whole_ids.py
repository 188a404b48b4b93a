"""Ids in paths that may hold slashes: one that is percent-encoded (`%2F`) is part of the id, and never of the route."""

import re
from typing import Final
from urllib.parse import unquote

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

_ENCODED: Final = re.compile("%2[fF]")
_WITHIN: Final = "\udc2f"  # stands for one; decoding makes no such character of anything


class WholeIds(APIRoute):
    """A route whose parameters may be whole paths: `a%2Fevents` is an id, `a/events` the events of `a`."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        sent = (scope.get("raw_path") or b"").decode("latin-1")
        if not _ENCODED.search(sent):
            return super().matches(scope)
        path = _WITHIN.join(unquote(part) for part in _ENCODED.split(sent))
        match, found = super().matches({**scope, "path": path})
        if match is not Match.NONE:
            given = found["path_params"].items()
            found["path_params"] = {name: value.replace(_WITHIN, "/") for name, value in given}
        return match, found
