"""The server behind `assistant web`: textual-serve's, open to nobody but the person who started it.

A page of any other site can send requests to a port on this machine and open sockets to it, and whoever gets through
can read every file that the user can. So each request needs a token that only the terminal shows, comes from our own
page, and names this machine (a foreign name that was made to point here does not).
"""

import asyncio
import logging
import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from assistant.settings import TAB_VARIABLE
from assistant.text import one_line

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HEADERS = {
    # The page loads nothing from elsewhere (textual-serve's asks for a font) and is shown in no frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self' {socket}; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_LINK = re.compile(r"<link\b[^>]*\bhref=\"(https?:[^\"]*)\"[^>]*>", re.IGNORECASE)
_TAB = re.compile(r"[0-9a-f]{32}")
_MAX_TABS = 8  # each is a chat with models of its own
_SIZES = (10, 1000)  # columns and lines
_HANDOVER_SECONDS = 10.0  # in which the page before a reload has parted from its chat
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PrivateServer(Server):
    """Serves the chat to one person.

    Args:
        command: starts the app, for each page that is opened.
        host: the address to listen on.
        port: the port to listen on.
    """

    def __init__(self, command: str, host: str, port: int) -> None:
        super().__init__(command, host=host, port=port, title="assistant")
        self._token = secrets.token_urlsafe(32)
        self._tabs = _Tabs()
        self._open = 0
        self._cookie = f"assistant-{port}"  # browsers share cookies between the ports of a machine
        shown = f"[{host}]" if ":" in host else host
        # Port 80 is not named in requests.
        names = {f"{name}:{port}" for name in _LOOPBACK} | (set(_LOOPBACK) if port == 80 else set())
        self._names = names if shown in _LOOPBACK else None
        self.link = f"http://{shown}:{port}/?token={self._token}"
        """What the user opens in a browser."""

    def initialize_logging(self) -> None:
        """Log little: textual-serve would print keystrokes with its tracebacks, and the token with the requests."""
        logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
        logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)
        logging.getLogger("textual-serve").addFilter(_without_traceback)

    async def _make_app(self) -> web.Application:
        app: web.Application = await super()._make_app()
        app.middlewares.append(self._guarded)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Tell the user what to open."""
        print(f"Open {self.link}\nThe link is yours alone. Ctrl+C ends the server.", flush=True)  # noqa: T201

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page, with a title, without anything from elsewhere, and made to lose no key and no conversation."""
        response = await super().handle_index(request)
        if isinstance(response, web.Response) and response.text is not None:
            own = f"{self.public_url}/"  # textual-serve's page asks another machine for a font
            page = _LINK.sub(lambda link: link[0] if link[1].startswith(own) else "", response.text)
            # Whoever hears the page read out is told in which language.
            response.text = page.replace("<html>", '<html lang="en">', 1).replace("<head>", f"<head>{_head()}", 1)
        return response

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One chat for one page: a process that ends with it."""
        if self._open >= _MAX_TABS:
            raise web.HTTPServiceUnavailable(text=f"{_MAX_TABS} pages are open already; close one of them.")
        browser = web.WebSocketResponse(heartbeat=15)
        width, height = (_size(request.query.get(name), usual) for name, usual in (("width", 80), ("height", 24)))

        async def leave() -> None:
            await browser.close()

        self._open += 1
        try:
            await browser.prepare(request)
            async with self._tabs.held(request.query.get("tab", "")) as file:
                app = _Chat(
                    self.command, write_bytes=browser.send_bytes, write_str=browser.send_str, close=leave,
                    download_manager=self.download_manager,
                )  # fmt: skip
                app.tab = file
                try:
                    await app.start(width, height)
                    await self._process_messages(browser, app)
                finally:
                    await app.stop()
        except asyncio.CancelledError:
            await browser.close()
        except Exception as error:  # noqa: BLE001  (one page's fault is not the server's end)
            logging.getLogger("textual-serve").error("%s", type(error).__name__)
        finally:
            self._open -= 1
        return browser

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._refuse_strangers(request)
        given = request.query.get("token")
        if request.path == "/" and given is not None and self._is_token(given):
            # The token leaves the address bar, and with it the browser's history.
            response: web.StreamResponse = web.Response(status=303, headers={"Location": "/"} | self._headers(request))
            response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict", path="/")
            return response
        if not request.path.startswith("/static/") and not self._is_token(request.cookies.get(self._cookie, "")):
            raise web.HTTPForbidden(text="Open the link that `assistant web` has printed in its terminal.")
        if request.path == "/":
            self.public_url = (
                f"http://{request.host}"  # of which the page makes its addresses, before anybody else asks
            )
        response = await handler(request)
        if not response.prepared:
            response.headers.update(self._headers(request))
        return response

    def _refuse_strangers(self, request: web.Request) -> None:
        """Let in what names this machine and comes from our own page, or from no page."""
        if self._names is not None and request.host not in self._names:
            raise web.HTTPForbidden(text=f"This is not {one_line(request.host, 60)}.")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            raise web.HTTPForbidden(text="Another site's page has asked; only the chat's own may.")

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._token.encode("ascii"))

    @staticmethod
    def _headers(request: web.Request) -> dict[str, str]:
        return {name: value.replace("{socket}", f"ws://{request.host}") for name, value in _HEADERS.items()}


class _Chat(AppService):
    """A chat that keeps in a file which conversation it has."""

    tab: Path | None = None

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment: dict[str, str] = super()._build_environment(width, height)
        return environment | ({TAB_VARIABLE: str(self.tab)} if self.tab is not None else {})


class _Tabs:
    """The conversations of the browser's tabs, each in a file that lives as long as the server."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="assistant-web-")
        self._held: set[str] = set()

    @asynccontextmanager
    async def held(self, tab: str) -> AsyncIterator[Path | None]:
        """The file of a tab for one page alone; None for a page that has no tab, or one that another page has.

        Where a page is loaded again, the one before is waited for: it saves its conversation first. A tab that was
        duplicated names the same conversation as the first, and begins a new one.
        """
        if not _TAB.fullmatch(tab):
            yield None
            return
        end = asyncio.get_running_loop().time() + _HANDOVER_SECONDS
        while tab in self._held and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)
        if tab in self._held:
            yield None
            return
        self._held.add(tab)
        try:
            yield Path(self._folder.name) / tab
        finally:
            self._held.discard(tab)


def _head() -> str:
    return resources.files("assistant.cli").joinpath("web_head.html").read_text(encoding="utf-8")


def _size(given: str | None, usual: int) -> int:
    least, most = _SIZES
    return min(most, max(least, int(given))) if given is not None and re.fullmatch(r"[0-9]{1,6}", given) else usual


def _without_traceback(record: logging.LogRecord) -> bool:
    if isinstance(record.msg, BaseException):
        record.msg, record.args = type(record.msg).__name__, ()
    record.exc_info = record.exc_text = None
    return True
