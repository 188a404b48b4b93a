"""`python -m openpanel_api`: one process of the API, in the role that the settings say.

Several processes may run at once: they share the ports (`SO_REUSEPORT`) and the folder of their metrics.
"""

import importlib
import os

from openpanel.settings import Settings
from openpanel.telemetry import configure_logging, configure_tracing
from openpanel_api.metrics_folder import prepare


def main() -> None:
    """Run until told to stop."""
    settings = Settings()
    configure_logging(service="api", level=settings.log_level)
    configure_tracing(service="api", environment=os.environ)
    prepare(settings.spool_dir / "metrics", environment=os.environ)
    # prometheus-client decides when it is imported whether processes share their numbers.
    importlib.import_module("openpanel_api.server").run(settings)


if __name__ == "__main__":
    main()
