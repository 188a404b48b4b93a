"""Log lines of this process in the form of all services: one JSON object a line, constant text plus fields.

Not by `openpanel.telemetry`, whose libraries would add a tenth to the memory of this process.
"""

import json
import logging
from datetime import UTC, datetime

_SERVICE = "clickhouse"


def configure() -> None:
    """Send the lines of this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def fields(**values: object) -> dict[str, object]:
    """Fields of a line, for `extra=`."""
    return {"fields": values}


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
            "service": _SERVICE,
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
