"""A built book behind a local web server, and a headless Chromium that is driven through its DevTools."""

import functools
import http.server
import itertools
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HTML = Path(__file__).resolve().parents[2] / "_build" / "out" / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 30  # seconds, for one page or one start of the browser


def pages() -> list[str]:
    """The pages of the book that a reader opens, as paths below the HTML folder."""
    return sorted(
        str(path.relative_to(HTML)) for folder in ("book", "notebooks") for path in (HTML / folder).glob("*.html")
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per page, where a test asks for a ``page``."""
    if "page" in metafunc.fixturenames:
        missing = pytest.param("", marks=pytest.mark.skip(reason="no built book: run `make book`"))
        metafunc.parametrize("page", pages() or [missing])


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built book."""
    if not pages():
        pytest.skip("no built book: run `make book`")
    return HTML


class Tab:
    """One tab of the browser: sends commands and keeps every event."""

    def __init__(self, address: str) -> None:
        import websocket

        self.socket = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self.numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self.events.append(message)

    def wait_for(self, method: str) -> None:
        """Wait until the browser reports an event."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; promises are awaited."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")


@dataclass
class Visit:
    """What one visit of a page showed."""

    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


def read_events(events: list[dict[str, Any]]) -> Visit:
    """Sort the events of a visit into requests, failed requests and errors of scripts."""
    visit = Visit()
    for event in events:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            visit.requests.append(parameters["request"]["url"])
        elif method == "Network.responseReceived" and parameters["response"]["status"] >= 400:
            url = parameters["response"]["url"]
            if not url.endswith("/favicon.ico"):  # the browser asks for it by itself, once
                visit.failures.append(f"{parameters['response']['status']} {url}")
        elif method == "Network.loadingFailed":
            visit.failures.append(f"{parameters['errorText']} {parameters.get('blockedReason', '')}")
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            visit.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            visit.errors.append(" ".join(str(value.get("value")) for value in parameters["args"]))
    return visit


@pytest.fixture(scope="session")
def server(html: Path) -> Iterator[str]:
    """The book at an address of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{service.server_address[1]}"
        service.shutdown()


def find_browser() -> str | None:
    """The Chromium of this machine, or the one that the environment variable CHROME names."""
    return os.environ.get("CHROME") or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DevTools address of a headless Chromium."""
    program = find_browser()
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)}, and CHROME is not set")
    profile = tmp_path_factory.mktemp("profile")
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0"]
    flags += ["--no-first-run", "--disable-dev-shm-usage", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = profile / "DevToolsActivePort"
        deadline = time.monotonic() + PATIENCE
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert process.poll() is None, f"{program} stopped with status {process.returncode}"
            assert time.monotonic() < deadline, f"{program} did not open its DevTools within {PATIENCE} s"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text().splitlines()[0]}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def opened(browser: str, url: str, width: int, dark: bool = False, still: bool = False) -> Iterator[Tab]:
    """A tab that has loaded an address; ``still``: the reader has asked for less motion."""
    request = urllib.request.Request(f"{browser}/json/new?about:blank", method="PUT")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        target = json.load(answer)
    tab = Tab(target["webSocketDebuggerUrl"])
    for domain in ("Network", "Runtime", "Page"):
        tab.send(f"{domain}.enable")
    tab.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    wishes = {"color-scheme": "dark" if dark else "light", "reduced-motion": "reduce" if still else "no-preference"}
    features = [{"name": f"prefers-{name}", "value": value} for name, value in wishes.items()]
    tab.send("Emulation.setEmulatedMedia", features=features)
    tab.events.clear()  # those of the empty page
    tab.send("Page.navigate", url=url)
    tab.wait_for("Page.loadEventFired")
    try:
        yield tab
    finally:
        tab.socket.close()
        with urllib.request.urlopen(f"{browser}/json/close/{target['id']}", timeout=PATIENCE):
            pass


@pytest.fixture(scope="session")
def visit(server: str, browser: str) -> Callable[..., Visit]:
    """Open a page of the book at a width, light or dark, and evaluate expressions in it; equal visits are made once."""

    @functools.cache
    def visit_page(page: str, width: int, dark: bool, **expressions: str) -> Visit:
        with opened(browser, f"{server}/{page}", width, dark) as tab:
            tab.evaluate("window.MathJax?.startup?.promise?.then(() => true)")
            tab.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")
            values = {name: tab.evaluate(expression) for name, expression in expressions.items()}
            seen = read_events(tab.events)
            seen.values = values
        return seen

    return visit_page
