"""A cluster as a person at a terminal has it: kubectl and helm, nothing else."""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

Object = dict[str, Any]
SeenT = TypeVar("SeenT")
PATIENCE_S = 240.0  # for what a busy machine does in twenty
NOT_SO = '{range .status.conditions[?(@.status!="True")]}{.type}: {.reason}: {.message}{"\\n"}{end}'
LONGEST_SEEN = 2_000  # characters of what was seen last, in a failure


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`kubectl` in one namespace."""

    namespace: str

    def run(
        self, *arguments: str, stdin: str | None = None, seconds: float = PATIENCE_S, check: bool = True
    ) -> str:
        """What the command prints; fails with what it complained about."""
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def apply(self, *objects: Object) -> str:
        return self.run("apply", "--filename", "-", stdin=yaml.safe_dump_all(objects))

    def get(self, kind: str, name: str) -> Object:
        found: Object = json.loads(self.run("get", kind, name, "--output", "json"))
        return found

    def find(self, kind: str, name: str) -> Object | None:
        text = self.run("get", kind, name, "--output", "json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def list(self, kind: str, selector: str = "") -> list[Object]:
        text = self.run("get", kind, "--selector", selector, "--output", "json")
        items: list[Object] = json.loads(text)["items"]
        return items

    def delete(self, kind: str, name: str, *, wait: bool = True) -> None:
        self.run("delete", kind, name, f"--wait={json.dumps(wait)}")

    def patch(self, kind: str, name: str, change: Object) -> None:
        self.run("patch", kind, name, "--type", "merge", "--patch", json.dumps(change))

    def annotate(self, kind: str, name: str, **annotations: str) -> None:
        pairs = [f"openpanel.dev/{key.replace('_', '-')}={value}" for key, value in annotations.items()]
        self.run("annotate", kind, name, "--overwrite", *pairs)

    def ready(self, kind: str, name: str, *, seconds: float = PATIENCE_S) -> None:
        """Wait as the documents say: `kubectl wait --for=condition=Ready`."""
        try:
            self.run(
                "wait",
                "--for=condition=Ready",
                f"{kind}/{name}",
                f"--timeout={seconds:.0f}s",
                seconds=seconds + 10,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(kind, name)}") from None

    def until(
        self, kind: str, name: str, true: Callable[[Object], bool], *, seconds: float = PATIENCE_S
    ) -> Object:
        """The object as soon as it is as wanted; fails with how it is."""
        return until(
            lambda: self.find(kind, name) or {},
            lambda found: bool(found) and true(found),
            seconds=seconds,
            story=lambda: self.story(kind, name),
        )

    def secret(self, name: str) -> Mapping[str, str]:
        data = self.get("secret", name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def story(self, kind: str, name: str) -> str:
        """What a person would look at when something hangs."""
        return "\n".join(
            (
                self.run("get", kind, name, "--output", f"jsonpath={NOT_SO}", check=False),
                self.run("get", "pods,jobs", check=False),
                self.run("describe", kind, name, check=False)[-6000:],
                self.run("get", "events", "--sort-by=.lastTimestamp", check=False)[-3000:],
            )
        )

    @contextmanager
    def forwarded(self, service: str, port: int) -> Iterator[str]:
        """The address on this machine behind which the service answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            local = free.getsockname()[1]
        begun = [self._forwarding(service, local, port)]

        def listens() -> bool:
            # It ends at once when the pod that it has chosen is only just being made.
            if begun[-1].poll() is not None:
                begun.append(self._forwarding(service, local, port))
            return _listens(local)

        try:
            until(listens, bool, story=lambda: self.story("service", service))
            yield f"http://127.0.0.1:{local}"
        finally:
            begun[-1].terminate()
            begun[-1].wait(60)

    def _forwarding(self, service: str, local: int, port: int) -> subprocess.Popen[bytes]:
        command = ["kubectl", "--namespace", self.namespace, "port-forward", f"service/{service}"]
        return subprocess.Popen(
            [*command, f"{local}:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def until(
    look: Callable[[], SeenT],
    enough: Callable[[SeenT], bool],
    *,
    seconds: float = PATIENCE_S,
    story: Callable[[], str] = str,
) -> SeenT:
    """What `look` sees as soon as it is `enough`."""
    deadline = time.monotonic() + seconds
    while not enough(seen := look()):
        assert time.monotonic() < deadline, (
            f"not within {seconds:.0f} s; last seen: {str(seen)[:LONGEST_SEEN]}\n{story()}"
        )
        time.sleep(0.5)
    return seen


def helm(*arguments: str, seconds: float = 300) -> str:
    done = subprocess.run(["helm", *arguments], capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def documents(path: Path) -> Sequence[Object]:
    return [each for each in yaml.safe_load_all(path.read_text("utf-8")) if each]


def condition(found: Object, kind: str) -> Object:
    """One condition of a resource, {} when it has none of that type."""
    conditions: list[Object] = found.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
