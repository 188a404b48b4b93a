"""Loads every module of a package that is named, with the packages that come first on the path.

Run as a process of its own, so that it loads the trimmed packages and not those of the tests.
"""

import importlib
import pkgutil
import sys
from typing import Final

# What runs as soon as it is loaded: entry points and the scripts of migrations.
STARTING: Final = ("__main__", "env")


def main(package: str) -> None:
    """Fails at the first module that cannot be loaded."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if module.name.rpartition(".")[2] not in STARTING:
            importlib.import_module(module.name)


if __name__ == "__main__":
    main(sys.argv[1])
