"""How many requests schemathesis makes up for each operation: a few at every run, as many as wished before a release.

`OPENPANEL_API_EXAMPLES=100 pytest tests/api/public` makes a hundred new ones; without it they are the same at every run.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

EXAMPLES: Final = int(os.environ.get("OPENPANEL_API_EXAMPLES") or 0)


def made_up(usual: int) -> settings:
    """So many, and no limit of time: stores answer, on a machine that may be busy."""
    return settings(
        max_examples=EXAMPLES or usual,
        derandomize=not EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
