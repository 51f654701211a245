"""The server behind `assistant web`: textual-serve's, open to nobody but the person who started it.

A page of any other site can send requests to a port on this machine and open sockets to it, and whoever gets through
can read every file that the user can. So each request needs a token that only the terminal shows, comes from our own
page, and names this machine (a foreign name that was made to point here does not).
"""

import logging
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web
from textual_serve.server import Server

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
# textual-serve's page sends each key at once, and a socket that is not open yet throws: the key would be lost.
_PATIENT_SOCKET = """<script>
window.WebSocket = class extends window.WebSocket {
  #early = [];
  constructor(...given) {
    super(...given);
    this.addEventListener("open", () => {
      for (const data of this.#early.splice(0)) super.send(data);
    });
  }
  send(data) {
    if (this.readyState === 0) this.#early.push(data);
    else super.send(data);
  }
};
</script>"""
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
        """The page, made to keep what is typed before its socket is open, and to send it then."""
        response = await super().handle_index(request)
        if isinstance(response, web.Response) and response.text is not None:
            response.text = response.text.replace("<head>", f"<head>{_PATIENT_SOCKET}", 1)
        return response

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


def _without_traceback(record: logging.LogRecord) -> bool:
    if isinstance(record.msg, BaseException):
        record.msg, record.args = type(record.msg).__name__, ()
    record.exc_info = record.exc_text = None
    return True
