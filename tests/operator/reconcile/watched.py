"""The operator's client as tests need it: it counts writes, can die after one of them, and knows what was written to."""

from collections.abc import AsyncIterator
from typing import Any

from openpanel_operator.kube import Kind, Kube, Object, Unavailable

WRITES = frozenset({"apply", "create", "patch", "delete"})


class Crash(BaseException):
    """The process dies; no handler gets to see it."""


class Noting(Kube):
    """The real client, which notes where something may have been written: what lies elsewhere is as it was."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self.noted: list[str] = []

    def watch(
        self, kind: Kind, *, namespace: str | None, selector: str, since: str
    ) -> AsyncIterator[tuple[str, Object]]:
        return self._kube.watch(kind, namespace=namespace, selector=selector, since=since)

    async def _call(self, verb: str, path: str, **rest: Any) -> Any:
        try:
            return await self._kube._call(verb, path, **rest)
        finally:  # also where no answer came
            if verb in WRITES:
                self.noted.append(path)


class Watched(Kube):
    """The real client, which counts writes and can die right after one of them."""

    def __init__(self, kube: Kube) -> None:
        self._inner = Noting(kube)
        self.writes: list[str] = []
        self.die_after: int | None = None
        self.away = False
        self.done_until: dict[tuple[Kind, str], int] = {}
        """Up to which moment everything of a kind in a namespace was made to serve."""

    def watch(
        self, kind: Kind, *, namespace: str | None, selector: str, since: str
    ) -> AsyncIterator[tuple[str, Object]]:
        return self._inner.watch(kind, namespace=namespace, selector=selector, since=since)

    @property
    def moment(self) -> int:
        """How much was written until now, by whomever."""
        return len(self._inner.noted)

    def is_written(self, kind: Kind, *, namespace: str, since: int) -> bool:
        """Whether anything of this kind may be another than at that moment."""
        place = kind.path(namespace=namespace)
        return any(path == place or path.startswith(f"{place}/") for path in self._inner.noted[since:])

    async def _call(self, verb: str, path: str, **rest: Any) -> Any:
        if self.away:
            raise Unavailable("connection refused")
        answer = await self._inner._call(verb, path, **rest)
        if verb in WRITES and not path.endswith("/events"):
            self.writes.append(f"{verb} {path}")
            if self.die_after is not None and len(self.writes) >= self.die_after:
                raise Crash
        return answer
