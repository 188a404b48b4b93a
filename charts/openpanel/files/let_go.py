"""Runs in a pod when the release is gone: nobody is left to take the operator's finalizers away, so this does.

Without it a project that is deleted later, or a namespace with projects, would wait for an operator that is not there.
Data stays where it is. The arguments are the namespaces to look into; none: all of them.
"""

import functools
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

ACCOUNT = os.environ.get("ACCOUNT_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount")
ADDRESS = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format_map(os.environ)
OPERATORS = os.environ["OPERATOR_PODS"]  # path and selector of its pods
GROUP = "/apis/openpanel.dev/v1alpha1"
KINDS = ("analyticsprojects", "panelclusters")
FINALIZER = "openpanel.dev/cleanup"
PAGE = 500  # resources that one answer lists
NOT_FOUND = 404
NOT_YET = {0, 409, 429, 500, 503, 504}  # no answer, somebody was faster, or the server has much to do
TRIES = 60  # an operator has 20 seconds to end
PAUSE_S = 1.0


class Refused(Exception):
    """The API server does not do what it is asked."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(namespaces: list[str]) -> int:
    """0: no resource has the finalizer any more; else those that keep it are named."""
    for _ in range(TRIES):
        if not ask("GET", OPERATORS)["items"]:
            break
        time.sleep(PAUSE_S)
    kept: dict[str, Refused] = {}
    for _ in range(TRIES):
        kept = let_go_of_all(namespaces)
        if not any(refusal.code in NOT_YET for refusal in kept.values()):
            break
        time.sleep(PAUSE_S)
    for path, refusal in kept.items():
        sys.stderr.write(f"{path}: not let go: {refusal}\n")
    return 1 if kept else 0


def let_go_of_all(namespaces: list[str]) -> dict[str, Refused]:
    """Ask for each once, whatever becomes of the others; what was refused, by path."""
    lists = [f"{GROUP}/{kind}" for kind in KINDS]
    if namespaces:
        lists = [f"{GROUP}/namespaces/{name}/{kind}" for name in namespaces for kind in KINDS]
    refused = {}
    for listed in lists:
        try:
            found = list(held(listed))
        except Refused as refusal:
            refused[listed] = refusal
            continue
        for path, seen in found:
            try:
                let_go(path, seen)
            except Refused as refusal:
                refused[path] = refusal
    return refused


def held(listed: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All resources of a list that wait for somebody; none where their definitions went with the release."""
    following = ""
    while True:
        page = ask("GET", f"{listed}?limit={PAGE}&continue={quote(following)}")
        for meta in (each["metadata"] for each in page.get("items", [])):
            if FINALIZER in meta.get("finalizers", []):
                kind = listed.rpartition("/")[2]
                seen = {name: meta[name] for name in ("finalizers", "resourceVersion")}  # the rest is much
                yield f"{GROUP}/namespaces/{meta['namespace']}/{kind}/{meta['name']}", seen
        following = page.get("metadata", {}).get("continue", "")
        if not following:
            return


def let_go(path: str, seen: dict[str, Any]) -> None:
    """Take the finalizer away; those of others stay, and who changed the resource since it was listed comes first."""
    kept = [each for each in seen["finalizers"] if each != FINALIZER]
    change = {"metadata": {"finalizers": kept, "resourceVersion": seen["resourceVersion"]}}
    answer = ask("PATCH", path, change)
    sys.stdout.write(f"{path}: {answer.get('message', 'let go')}\n")


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The API server's answer, also that something is not there."""
    with open(f"{ACCOUNT}/token", encoding="utf-8") as token:
        headers = {"Authorization": f"Bearer {token.read()}", "Content-Type": "application/merge-patch+json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, data, headers, method=method)  # noqa: S310 - https, see above
    try:
        with urllib.request.urlopen(request, timeout=10, context=trusted()) as answer:  # noqa: S310
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        said = dict(json.loads(text)) if text.startswith("{") else {"message": text.strip()}
        if error.code != NOT_FOUND:
            raise Refused(error.code, f"{error.code} {said.get('message', '')}") from error
        return said
    except OSError as error:
        raise Refused(0, str(error)) from error


@functools.cache
def trusted() -> ssl.SSLContext:
    """Whom to believe that it is the API server; read once, since it takes longer than a call."""
    return ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
