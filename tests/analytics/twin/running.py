"""How many random worlds a twin is compared on: a few at every run, as many as wished before a release.

`OPENPANEL_TWIN_WORLDS=1000 pytest tests/analytics/twin tests/analytics/test_overview_twin.py` takes a thousand new ones
for each test; without it each test takes the number that it names, the same ones at every run.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

WORLDS: Final = int(os.environ.get("OPENPANEL_TWIN_WORLDS", "0"))


def random_worlds(usual: int) -> settings:
    """So many, and no limit of time: an engine answers, on a machine that may be busy."""
    return settings(
        max_examples=WORLDS or usual,
        derandomize=not WORLDS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
