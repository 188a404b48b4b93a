"""Manifests for tests: a valid one with any part of it replaced."""

from typing import Any

import yaml

from openpanel.tenancy import AnalyticsProject, ManifestRefused, parse

WEB = {"name": "web", "type": "write"}


def text_of(name: str = "demo", **spec: Any) -> str:
    """A manifest's YAML; `spec` in camelCase."""
    return yaml.safe_dump(
        {
            "apiVersion": "openpanel.dev/v1alpha1",
            "kind": "AnalyticsProject",
            "metadata": {"name": name},
            "spec": spec,
        },
        sort_keys=False,
        allow_unicode=True,
    )


def manifest(name: str = "demo", **spec: Any) -> AnalyticsProject:
    """A checked manifest; `spec` in camelCase."""
    return parse(text_of(name, **spec))[0]


def faults(text: str) -> list[tuple[str, str, str]]:
    """Path, reason and expectation of every refusal of `text`; empty when it is taken."""
    try:
        parse(text)
    except ManifestRefused as refused:
        return [(each.path, each.reason, each.expected) for each in refused.refusals]
    return []
