"""Pages in Chromium: the dashboard served on a port of its own, and a page that remembers what went wrong."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

AXE: Final = (
    Path(__file__).parents[2]
    / "images"
    / "dashboard"
    / "frontend"
    / "node_modules"
    / "axe-core"
    / "axe.min.js"
)
LIVE_EVERY_S: Final = 0.2  # how often live streams look; people get half a second
DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1440, "height": 1000}, "locale": "en-US"}
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)
# Counts what moves by itself, and what the policy forbids.
WATCH: Final = """\
window.__shift = 0; window.__violations = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
document.addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# Sizes are told to who observes them in the frame after; what fades in is pale before.
AT_REST: Final = """async () => {
  await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
  const moving = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
  await Promise.allSettled(moving.map((one) => one.finished));
}"""
PATIENCE_MS: Final = 100_000  # what is waited for comes; a machine that does other work, too, needs longer


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a free port. Connections wait in the listening socket until the server runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        server = _Server(config, app)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name=f"dashboard-{port}")
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """Tells open event streams to end, in the loop that they belong to, and waits for as long as it takes them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.stopping.set()
        await super().shutdown(sockets)


@dataclass
class Screen:
    """A page with what went wrong in it."""

    page: Page
    origin: str
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go there and wait until every panel has its numbers."""
        self.page.goto(self.origin + path)
        self.settle()

    def open_whole(self, path: str) -> None:
        """Go there and look at all of it, part by part, so that what is far down has loaded too."""
        self.page.goto(self.origin + path)
        for panel in self.page.locator("[data-panel]").all():
            panel.scroll_into_view_if_needed()
        self.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        self.settle()

    def settle(self) -> None:
        """Wait until nothing loads any more."""
        expect(self.page.locator("[data-skeleton]:visible")).to_have_count(0)
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)
        self.rest()

    def rest(self) -> None:
        """Wait until charts are drawn, all of it is laid out and nothing fades in any more."""
        expect(self.page.locator("chart-view:not(:defined)")).to_have_count(0)
        self.page.evaluate(AT_REST)

    def asked(self) -> list[str]:
        """The panels and parts asked for since the last call, by name."""
        found = [urlsplit(one).path.rpartition("/")[2] for one in self.requests if "/overview/" in one]
        self.requests.clear()
        return found

    def violations(self) -> list[str]:
        """What the policy forbade."""
        found: list[str] = self.page.evaluate("window.__violations")
        return found

    def shift(self) -> float:
        """How much moved by itself, as browsers score it."""
        score: float = self.page.evaluate("window.__shift")
        return score

    def axe(self) -> list[str]:
        """What an accessibility checker finds: rule and place."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found: list[str] = self.page.evaluate(
            """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.flatMap(
                 (one) => one.nodes.map((node) => `${one.id}: ${node.target} ${node.failureSummary}`))"""
        )
        return found


@contextmanager
def window(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A window in which screens are shown one after the other: what one has loaded, the next need not compile anew."""
    context = browser.new_context(**{**DESKTOP, **options})
    context.add_init_script(WATCH)
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def screen(browser: Browser, origin: str, *, session: str = "", **options: Any) -> Iterator[Screen]:
    """A screen in a window of its own, in which nothing was loaded before."""
    with window(browser, **options) as context, screen_in(context, origin, session=session) as shown:
        yield shown


@contextmanager
def screen_in(context: BrowserContext, origin: str, *, session: str = "") -> Iterator[Screen]:
    """A page of its own, which knows nothing of those before it; fails when something was logged, forbidden, or asked
    of another host.
    """
    context.clear_cookies()
    if session:
        context.add_cookies([{"name": "openpanel-session", "value": session, "url": origin}])
    page = context.new_page()
    shown = Screen(page, origin)

    def log(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            shown.problems.append(f"{message.type}: {message.text}")

    def request(sent: Request) -> None:
        shown.requests.append(sent.url)
        if not sent.url.startswith(origin):
            shown.problems.append(f"another host: {sent.url}")

    page.on("console", log)
    page.on("request", request)
    page.on("pageerror", lambda error: shown.problems.append(f"error: {error}"))
    try:
        yield shown
        assert shown.problems == []
        assert shown.violations() == []
    finally:
        page.close()
