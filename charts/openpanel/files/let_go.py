"""Runs in a pod when the release is gone: nobody is left to take the operator's finalizers away, so this does.

Without it a project that is deleted later, or a namespace with projects, would wait for an operator that is not there.
Data stays where it is. The arguments are the namespaces to look into; none: all of them.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from typing import Any

ACCOUNT = os.environ.get("ACCOUNT_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount")
ADDRESS = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format_map(os.environ)
OPERATORS = os.environ["OPERATOR_PODS"]  # path and selector of its pods
GROUP = "/apis/openpanel.dev/v1alpha1"
KINDS = ("analyticsprojects", "panelclusters")
FINALIZER = "openpanel.dev/cleanup"
NOT_FOUND, CONFLICT = 404, 409
TRIES = 60  # a second apart; an operator has 20 of them to end


class Refused(Exception):
    """The API server does not do what it is asked."""


def main(namespaces: list[str]) -> int:
    """0: no resource has the finalizer any more."""
    for _ in range(TRIES):
        if not ask("GET", OPERATORS)["items"]:
            break
        time.sleep(1)
    for _ in range(TRIES):
        if all(let_go(path) for path in held(namespaces)):
            return 0
        time.sleep(1)
    return 1


def held(namespaces: list[str]) -> list[str]:
    """Paths of all resources of ours that wait for somebody; none where their definitions went with the release."""
    lists = [f"{GROUP}/{kind}" for kind in KINDS]
    if namespaces:
        lists = [f"{GROUP}/namespaces/{name}/{kind}" for name in namespaces for kind in KINDS]
    return [
        f"{GROUP}/namespaces/{each['metadata']['namespace']}/{path.rpartition('/')[2]}/{each['metadata']['name']}"
        for path in lists
        for each in ask("GET", path).get("items", [])
        if FINALIZER in each["metadata"].get("finalizers", [])
    ]


def let_go(path: str) -> bool:
    """Whether the finalizer is gone; those of others stay, and who changes the resource meanwhile comes first."""
    meta = ask("GET", path).get("metadata", {})
    kept = [each for each in meta.get("finalizers", []) if each != FINALIZER]
    change = {"metadata": {"finalizers": kept, "resourceVersion": meta.get("resourceVersion")}}
    answer = ask("PATCH", path, change)
    sys.stdout.write(f"{path}: {answer.get('message', 'let go')}\n")
    return answer.get("code") != CONFLICT


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The API server's answer, also that something is not there or was changed meanwhile."""
    with open(f"{ACCOUNT}/token", encoding="utf-8") as token:
        headers = {"Authorization": f"Bearer {token.read()}", "Content-Type": "application/merge-patch+json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, data, headers, method=method)  # noqa: S310 - https, see above
    trusted = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
    try:
        with urllib.request.urlopen(request, timeout=10, context=trusted) as answer:  # noqa: S310
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        if error.code not in {NOT_FOUND, CONFLICT}:
            raise Refused(f"{method} {path}: {error.code} {text}") from error
        return dict(json.loads(text)) if text.startswith("{") else {"code": error.code, "message": text}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
