"""The worker's own small HTTP port: alive, ready, metrics.

Ready means that it can take orders: its stores have answered at the start and Redis answers now.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Ready = Callable[[], str]  # '' when ready, else why not


@contextmanager
def serving(*, host: str, port: int, ready: Ready) -> Iterator[int]:
    """Answer in a thread until the end of the block; the port, which the system chooses if `port` is 0."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path in ("/healthz/live", "/healthcheck"):
                self._json(200, {"live": True})
            elif path == "/healthz/ready":
                reason = ready()
                self._json(
                    503 if reason else 200, {"ready": not reason} | ({"reason": reason} if reason else {})
                )
            elif path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            else:
                self._json(404, {"status": 404, "error": "Not Found", "message": "there is no such page"})

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server has it
            """Say nothing: probes come every few seconds."""

        def _json(self, status: int, body: dict[str, object]) -> None:
            self._answer(status, "application/json", json.dumps(body).encode())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
