"""Runs a service without libraries that its dependencies load only because they are installed: `lean.py MODULE`.

structlog takes rich for coloured tracebacks in a terminal, redis takes OpenTelemetry's metrics for its own. On this
machine services write JSON to a file and have metrics of their own, so 7 MB and a quarter of a second of each
process would be for nothing. Both libraries are optional where they are loaded.
"""

import runpy
import sys
from typing import Final

UNUSED: Final = ("rich", "opentelemetry.sdk.metrics")


def main() -> None:
    """Become the module."""
    forbid_unused()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def forbid_unused() -> None:
    """Make the imports of these libraries fail in this process, as if they were not installed."""
    for name in UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # that is how an import is forbidden


if __name__ == "__main__":
    main()
