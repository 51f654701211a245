"""From what a person calls a server to its address, its key and the model to ask for."""

import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from assistant.errors import GenerationError, UsageError
from assistant.settings import ServerSettings
from assistant.text import one_line

KEY_VARIABLES = ("ASSISTANT_API_KEY", "OPENAI_API_KEY")
USUAL_PORTS = {"ollama": (11434,), "lmstudio": (1234, 1235)}
"""Where these programs listen on this machine unless they were told otherwise."""
_PROGRAMS = {"ollama": "Ollama", "lmstudio": "LM Studio"}
_PATH = "/v1"
_AZURE = (".azure.com", ".azure-api.net")
_ENDPOINTS = ("/chat/completions", "/completions", "/models")
_PROBE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server's API is: its base URL, its key if it wants one, and the model that is named for it.

    Azure's addresses name a version of the API as well, and the model.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    model: str | None = None
    api_version: str | None = None

    @property
    def shown(self) -> str:
        """Host and port, as they may be shown: without a password."""
        return one_line(urlsplit(self.url).netloc.rpartition("@")[2], 60)


def resolve(server: str, servers: Mapping[str, ServerSettings] | None = None) -> ServerAddress:
    """The address that a name or a URL stands for.

    Args:
        server: a name of `servers`, `ollama`, `lmstudio`, or an address; `http://` and `/v1` may be left out.
        servers: those of the settings.

    Raises:
        UsageError: it is no address, or the variable that should hold the key is not set.
        GenerationError: none of the usual ports of the program answers.
    """
    named = (servers or {}).get(server)
    if named is not None:
        url = _url(named.url)
        key, model = _clean(_named_key(server, named)) or _key(url), named.model or _deployment(url)
        return ServerAddress(url, key, model, _api_version(named.url))
    url = _url(server)
    return ServerAddress(url, _key(url), _deployment(url), _api_version(server))


def _api_version(text: str) -> str | None:
    """The version of the API that an address names, as Azure's do."""
    match = re.search(r"[?&]api-version=([\w.-]{1,40})", text)
    return match[1] if match else None


def _deployment(url: str) -> str | None:
    """The model whose own address this is on Azure."""
    match = re.search(r"/openai/deployments/([^/]{1,100})$", urlsplit(url).path)
    return match[1] if match else None


def _url(text: str) -> str:
    program = "".join(filter(str.isalpha, text.lower()))  # LM Studio, lm-studio
    return _usual(program) if program in USUAL_PORTS and ":" not in text else base_url(text)


def base_url(text: str) -> str:
    """The base of the API at an address: with a scheme and a path, without an endpoint.

    Raises:
        UsageError: it is no address.
    """
    text = text.strip()
    shown = one_line(text.rpartition("@")[2], 80)
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        if not parts.scheme:
            parts = parts._replace(scheme="http" if _is_near(parts) else "https")
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or any(char.isspace() for char in text):
        raise UsageError(f"{shown!r} is no address of a server; write it like http://127.0.0.1:8000/v1.")
    path = parts.path.rstrip("/")
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    if is_azure(parts.hostname) and path in ("", "/openai", "/v1"):
        path = f"/openai{_PATH}"
    return parts._replace(path=path or _PATH, query="", fragment="").geturl()


def is_azure(host: str | None) -> bool:
    """Whether a host is one of Azure's, whose API has ways of its own."""
    return (host or "").endswith(_AZURE)


def is_this_machine(url: str) -> bool:
    """Whether an address is one of this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_near(parts: SplitResult) -> bool:
    """Whether an address without a scheme is probably one of this machine or network, where few speak TLS."""
    host = parts.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".localhost"))


def _usual(program: str) -> str:
    own = os.environ.get("OLLAMA_HOST", "") if program == "ollama" else ""
    hosts = [f"127.0.0.1:{port}" for port in USUAL_PORTS[program]]
    if own:
        parts = urlsplit(base_url(f"127.0.0.1{own}" if own.startswith(":") else own))
        host = parts.hostname or ""
        host = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104  (where it listens)
        hosts.insert(0, f"{host}:{parts.port or USUAL_PORTS[program][0]}")
    for each in hosts:
        host, _, port = each.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_SECONDS):
                return f"http://{each}{_PATH}"
        except OSError:
            continue
    places = " or ".join(hosts)
    raise GenerationError(
        f"{_PROGRAMS[program]} does not answer at {places}; start its server, or give --server its address.",
        passing=True,
    )


def _named_key(name: str, named: ServerSettings) -> str | None:
    if named.key_variable is not None:
        if not os.environ.get(named.key_variable):
            raise UsageError(
                f"The key of the server {one_line(name, 40)} should be in {one_line(named.key_variable, 40)}, which is "
                "not set; set it, or take key_variable out of the settings."
            )
        return os.environ[named.key_variable]
    return named.key.get_secret_value() if named.key is not None else None


def _key(url: str) -> str | None:
    """The key for a server that has none of its own; OpenAI's does not go over the network unencrypted."""
    ours, openais = (_clean(os.environ.get(name)) for name in KEY_VARIABLES)
    return ours or (openais if url.startswith("https:") or is_this_machine(url) else None)


def _clean(key: str | None) -> str | None:
    """A key without the line end or the blanks that it was copied with; None where nothing is left.

    Raises:
        UsageError: it holds what cannot be sent.
    """
    key = (key or "").strip()
    if not (key.isascii() and (key.isprintable() or not key)):
        raise UsageError("The key for the server holds a character that no key has; copy it again, without quotes.")
    return key or None
