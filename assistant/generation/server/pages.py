"""What answers at an address that is not that of the API: a page, nothing at all, or no HTTP; and where it may be."""

import html
import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from assistant.text import one_line

_NO_SUCH_PAGE = re.compile(
    r"\W*(404|405)?\W*(the )?(requested )?(page |file |resource |url |route |path |endpoint )?(was )?not found\b"
    r"|method not allowed|unexpected endpoint|invalid url|unrecognized request url|cannot (post|get) /"
    r"|(unknown|no such|unsupported|undefined) (url|endpoint|path|route)"
    r"|(no route|the requested url|no handler|no matching route)\b",
    re.IGNORECASE,
)
_VERSION = re.compile(r"/v\d+\w*$", re.IGNORECASE)


def no_such_page(words: str) -> bool:
    """Whether a refusal means that the address is wrong, and not the model or the request."""
    return _NO_SUCH_PAGE.match(words) is not None and re.search(r"\bmodel\b", words, re.IGNORECASE) is None


def wants_https(sentence: str) -> bool:
    """Whether a server says that it was asked without TLS and wants it."""
    return re.search(r"\bHTTP request\b.{0,30}\bHTTPS (server|port)", sentence, re.IGNORECASE) is not None


def right_address(url: str, if_so: str = "") -> str:
    """What to do where it is no API that answers at a URL: a sentence without its end.

    Args:
        url: of the API.
        if_so: what else to do, where the address may well be right.
    """
    parts = urlsplit(url)
    shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if len(shown) > 80:
        return "is the address right (it often ends in /v1)?"
    if _VERSION.search(parts.path):
        return f"is the address right ({shown})?" + (f" If so, {if_so}" if if_so else "")
    return f"is the address right? Often it ends in /v1: try {shown}/v1"


def page_text(body: bytes, headers: Mapping[str, str]) -> str:
    """What a body that is no JSON says: its text, or the title or heading of its page."""
    told = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    is_western = re.search(r"charset=\W?(iso-8859-1|latin-?1|windows-1252)\b", told, re.I) is not None
    text = body[:4000].decode("cp1252" if is_western else "utf-8", "replace")
    return page_title(text) if "<" in text[:200] else text[:500]


def page_title(text: str) -> str:
    """The title or heading of a page; empty where it has none."""
    title = re.search(r"<(title|h1)\b[^>]*>([^<]{1,200})</\1>", text[:4000], re.I)
    return one_line(html.unescape(title[2]), 200) if title else ""


def is_no_http(error: BaseException | None) -> bool:
    """Whether what came was not HTTP; it can be told only where it could not be the beginning of it."""
    return "illegal" in str(error)


def broke_before(error: BaseException | None, url: str) -> tuple[str, str]:
    """What to say of a connection that ended before anything was answered, and what to do.

    Args:
        error: that of the connection.
        url: of the API.
    """
    tls = "" if url.startswith("https") else ", or does it want https://"
    if is_no_http(error):
        return "does not speak HTTP there", f"is the port right{tls}?"
    return "broke off before it answered", f"is the port right{tls}? Else try again"
