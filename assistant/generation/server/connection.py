"""A request to a server, carried by a thread of its own: waiting for its answer can be left at any moment."""

import contextlib
import os
import queue
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from assistant.errors import SettingsError
from assistant.generation.server.address import ServerAddress, is_azure, is_this_machine
from assistant.text import one_line
from assistant.version import __version__

if TYPE_CHECKING:
    import httpx2

_CONNECT_SECONDS = 10.0
_LONGEST_BODY = 1 << 23
_LONGEST_LINE = 1 << 22
_AHEAD = 256
_POLL_SECONDS = 0.1
_MAX_MOVES = 5
_MOVED = (301, 302, 307, 308)
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # one at the end of a piece may be half of the first
_JSON_LINES = re.compile(r"ndjson|jsonl|json-?lines|json-seq|stream")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response: `streamed` says that lines follow, else the whole `body` is here (its first 8 MiB)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The request could not be carried out, or the response broke off."""

    error: Exception


class _TooLongError(Exception):
    """A line that is longer than any of this API."""


Item = Head | str | Failure | None
"""What comes of a request, in order: a head, then lines; None is the end, as the server made it."""


def open_client(address: ServerAddress) -> "httpx2.Client":
    """A client for a server. It keeps no connection open: one is made for each request, and can be cut with it.

    A name and password in the address are sent as the scheme "Basic" wants them.
    """
    import httpx2

    parts = urlsplit(address.url)
    headers = {"User-Agent": f"terminal-assistant/{__version__}", "Accept": "application/json, text/event-stream"}
    if address.key:
        headers["Authorization"] = f"Bearer {address.key}"
        if is_azure(parts.hostname):
            headers["api-key"] = address.key
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username and not address.key else None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return httpx2.Client(
        base_url=bare,
        headers=headers,
        params={"api-version": address.api_version} if address.api_version else None,
        auth=auth,
        # How long may pass without a sign of life is for whoever waits to say.
        timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
        verify=_trusted() if parts.scheme == "https" else True,
        limits=httpx2.Limits(max_keepalive_connections=0),
        follow_redirects=True,
        trust_env=not is_this_machine(address.url),  # a proxy does not know this machine's own addresses
    )


def _trusted() -> ssl.SSLContext:
    """Which certificates are trusted, as the environment says, for servers of this machine, too.

    Raises:
        SettingsError: it names a file that is none of certificates.
    """
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        name = one_line(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR", ""), 80)
        raise SettingsError(
            f"SSL_CERT_FILE names {name!r}, which cannot be read as certificates; name another file, or unset it."
        ) from error


class Call:
    """A request under way.

    Args:
        client: of the server.
        method: GET or POST.
        path: below the base of the API.
        body: sent as JSON.
    """

    def __init__(self, client: "httpx2.Client", method: str, path: str, body: dict[str, Any] | None = None) -> None:
        self._items: queue.Queue[Item] = queue.Queue(_AHEAD)
        self._left = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._run, args=(client, method, path, body), name="server", daemon=True).start()

    def take(self, seconds: float = _POLL_SECONDS) -> Item:
        """The next thing that comes.

        Raises:
            queue.Empty: nothing came within so many seconds.
        """
        return self._items.get(timeout=seconds)

    def leave(self) -> None:
        """Cut the connection: the server sees that nobody waits any more, and the thread ends."""
        self._left.set()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                # Of the socket itself, not of TLS above it: another thread is reading from that.
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def _run(self, client: "httpx2.Client", method: str, path: str, body: dict[str, Any] | None) -> None:
        try:
            with self._response(client, method, path, body) as response:
                kind = response.headers.get("content-type", "").lower()
                whole = "html" in kind or ("json" in kind and not _JSON_LINES.search(kind))
                streamed = response.is_success and not whole
                if not streamed:
                    read = _beginning(response)
                    self._put(Head(response.status_code, dict(response.headers), read))
                else:
                    self._put(Head(response.status_code, dict(response.headers), streamed=True))
                    self._lines(response)
        except Exception as error:  # noqa: BLE001  (told where the answer is waited for)
            self._put(Failure(error))
        else:
            self._put(None)

    @contextlib.contextmanager
    def _response(
        self, client: "httpx2.Client", method: str, path: str, body: dict[str, Any] | None
    ) -> "Iterator[httpx2.Response]":
        """The response; where the server has moved, the body is sent there as it is, and to no other server."""
        follows = body is None and "api-key" not in client.headers  # which goes along wherever it leads
        target: httpx2.URL | str = path
        for move in range(_MAX_MOVES):
            with client.stream(
                method, target, json=body, extensions={"trace": self._trace}, follow_redirects=follows
            ) as response:
                moved = response.status_code in _MOVED and response.has_redirect_location and not follows
                there = response.url.join(response.headers["location"]) if moved else response.url
                if not moved or move == _MAX_MOVES - 1 or not _is_same_server(response.url, there):
                    yield response
                    return
                target = there

    def _lines(self, response: "httpx2.Response") -> None:
        held = bytearray()
        for piece in response.iter_bytes():
            is_within = not (held.endswith(b"\r") or b"\n" in piece or b"\r" in piece)
            held += piece
            if len(held) > _LONGEST_LINE + len(piece):
                raise _TooLongError
            if is_within:  # what is held is searched for line ends once, in however many pieces it comes
                continue
            *lines, rest = _LINE_END.split(held)
            for line in lines:
                if not self._put(line.decode("utf-8", "replace")):
                    return
            held = bytearray(rest)
        if held:
            self._put(held.decode("utf-8", "replace"))

    def _put(self, item: Item) -> bool:
        while not self._left.is_set():
            try:
                self._items.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Note the sockets of the connection as they are opened, for `leave`."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            if isinstance(found, socket.socket):
                self._sockets.append(found)
            if self._left.is_set():
                raise ConnectionAbortedError


def _is_same_server(here: "httpx2.URL", there: "httpx2.URL") -> bool:
    """Whether an address is on the same server, over TLS perhaps where it was not."""
    same_port = (here.scheme, here.port) == (there.scheme, there.port)
    return here.host == there.host and (same_port or (here.scheme, there.scheme) == ("http", "https"))


def _beginning(response: "httpx2.Response") -> bytes:
    import httpx2

    read = b""
    # A refusal whose words are spoilt is one all the same, by its status.
    with contextlib.suppress(*(() if response.is_success else (httpx2.DecodingError,))):
        for piece in response.iter_bytes():
            read += piece
            if len(read) > _LONGEST_BODY:
                break
    return read[:_LONGEST_BODY]
