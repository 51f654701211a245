"""What a server says went wrong: its own sentence, what kind of trouble it is, and how long it asks to wait."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from assistant.generation.server.error_words import in_events, locations, sentence_of, without_repeated
from assistant.generation.server.pages import no_such_page, page_text
from assistant.generation.server.told_waits import wait_in_error, wait_told
from assistant.text import one_line

LONGEST_LINE = 200
_SHORTEST_SENTENCE = 60
_SECRET = 4  # characters of a key's beginning that give it away; a word may end with fewer


class Kind(Enum):
    """What a trouble with a server is, and so what can be done about it."""

    CONTEXT = "the context is full"
    LOADING = "the model is being loaded"
    RATE = "rate limit"
    QUOTA = "the quota is used up"
    PARAMETER = "a parameter is refused"
    ROLES = "the chat template takes fewer roles"
    KEY = "the key is refused"
    MODEL = "there is no such model"
    REFUSED = "the request is refused"
    BUSY = "the server failed"
    UNREACHABLE = "cannot be reached"
    TIMEOUT = "too slow"
    BROKEN = "broke off"
    SILENT = "nothing came at all"
    EMPTY = "an empty answer"
    NOT_THE_API = "not the OpenAI API"


PASSING = frozenset(
    (Kind.LOADING, Kind.RATE, Kind.QUOTA, Kind.BUSY, Kind.UNREACHABLE, Kind.TIMEOUT, Kind.BROKEN, Kind.SILENT)
)
"""Troubles after which the same request may well succeed later."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's refusal, as far as it could be read.

    Args:
        kind: what it means.
        status: of HTTP; where an error comes inside an answer, the code that it holds, or 0.
        sentence: the server's own, on one line; empty where it gave none.
        retry_after: seconds that it asks to wait; None where it does not say.
        parameter: the name of a parameter that it refuses.
    """

    kind: Kind
    status: int = 0
    sentence: str = ""
    retry_after: float | None = None
    parameter: str | None = None

    @property
    def passes(self) -> bool:
        """Whether the same request may well succeed later; an answer that ended by itself without a word may."""
        return self.kind in PASSING or (self.kind is Kind.EMPTY and self.sentence == "end")


_CONTEXT = re.compile(
    r"context[ _-]?(length|size|window|limit)|exceed_context|context overflow|too many (input )?tokens"
    r"|kv.?cache is full|(prompt|input|request|message|string)s? (is |are )?(too (long|large)|longer than)"
    r"|reduce the length|range of input length|maximum (prompt|input) length|(prompt|inputs?) exceeds? (the )?max"
    r"|max(imum)?[ _](number of |input |model |sequence )?(tokens|length).{0,60}exceed"
    r"|`?inputs`?.{0,40}must (have less|be <=)"
    r"|exceed(s|ed)? (the )?(available |maximum |model.{0,3} )?.{0,20}(context|number of tokens|token limit)"
    r"|max_(completion_)?tokens must be at least 1|tokens to keep from the initial prompt|trying to keep the first",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"(request|prompt|input|message)s? (is |are )?too large|context[ _-]?(length|window)", re.I)
"""What a rate limit is called that this request alone goes beyond."""
_LOADING = re.compile(
    r"loading (the )?model|model (\S{1,200} )?(is )?(still |currently |being )*load|warming up|is starting", re.I
)
_FAILED_LOAD = re.compile(
    r"(error|fail\w*|unable|cannot|could not|aborted).{0,30}\bload|load\w* (\w+ )?(aborted|fail)", re.I
)
_QUOTA = re.compile(
    r"budget has been exceeded|exceeded.{0,20}\bbudget\b|insufficient_(quota|balance|funds)"
    r"|exceeded (your|its) (current |\w+ spending |\w+ usage )(quota|limit)"
    r"|billing[ _]|payment (is )?required|credits? (balance|limit)|balance is (too low|insufficient)"
    r"|(no|out of|not enough|insufficient|more|add) .{0,12}(credits?|balance|funds)\b"
    r"|credits? .{0,20}(exhausted|used up)|account balance|account is in good standing"
    r"|(account|organization) (has been|is|was) (deactivated|disabled|suspended)"
    r"|(reached|exceeded) (your|the) \w+ usage limit|free (tier|quota).{0,40}(exhausted|used up)",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"rate.?limit|too many requests|requests per (minute|day|second)|overloaded|at capacity|capacity exceeded", re.I
)
_FOR_NOW = re.compile(
    r"temporarily (unavailable|overloaded|out of)|\b(model|server|service)( \S{1,80})? (is )?(currently )?"
    r"(too |very )?busy\b|no healthy upstream|upstream connect error",
    re.IGNORECASE,
)
"""What passes, whatever the status says."""
_ROLES = re.compile(
    r"(roles?|messages?|requests?) (must|should|need to|have to)?.{0,12}alternat"
    r"|(system|developer) (role|message|prompt|instruction)s?.{0,30}(not|n't) (be )?(supported|allowed|enabled)"
    r"|system role not|only (the )?user.{1,30} roles|unexpected role.{0,10}system|role\W{1,3}does not support .?system"
    r"|(not|n't) (support|allow|accept).{0,12}(system|developer) (role|message|prompt|instruction)"
    r"|input should be 'user' or 'assistant'|value is not a valid .{0,40}permitted: 'user', 'assistant'",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"api[ _-]?key.{0,20}(not valid|invalid|expired)|(invalid|incorrect|expired) (or missing )?api[ _-]?key", re.I
)
_RULES = re.compile(
    r"(country|region|territory|location).{0,40}(not|n't|un) ?(supported|available|allowed)|data policy|guardrail"
    r"|requires moderation|\bflagged\b|firewall rules?\b|ip address .{0,60}not (authorized|allowed)"
    r"|has not been used in project .{0,80}disabled",
    re.I,
)
"""What no key and no other name of the model changes."""
STREAM = "stream"
_WANTED = re.compile(r"\bmax_tokens\b.{0,30}\brequired|(missing|required).{0,40}\bmax_tokens\b", re.IGNORECASE)
_NO_STREAM = re.compile(
    r"\bstream(ing|ed)?\b.{0,40}(not|n't|un) ?(be )?(support|allow|enabl|availab|implement)|verified to stream"
    r"|((not|n't) (support|allow)|unsupported).{0,40}\bstream(ing)?\b",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model.{0,80}(not (be )?(found|exist|available|loaded)|does not exist)|(no such|unknown) model"
    r"|not a valid model|invalid model name|model.{0,80}has been decommissioned"
    r"|no models? (is |are )?loaded|(requested|this) model is not supported"
    r"|deployment.{0,80}not exist",
    re.I,
)
_FAILED = (408, 409, 424, 425)  # 424 is TGI's, where an answer failed on the way
_NEVER = re.compile(r"(requires more|not enough) (system |gpu )?(memory|vram)", re.I)
"""What a server of this size can never do."""
_CRASHED = re.compile(
    r"\b(model|runner|engine|worker|process)\b.{0,30}\b(crashed|died|no longer running|unloaded)\b"
    r"|\bunexpected EOF\b|\bchannel error\b",
    re.IGNORECASE,
)
_REFUSING = re.compile(
    r"unsupported|not support|unrecognized|unknown|unexpected|not permitted|not allowed|extra (input|field)|invalid"
    r"|does not (allow|accept|take)|cannot be|must be|too large|deprecated|only the default",
    re.IGNORECASE,
)


def read_refusal(
    status: int, headers: Mapping[str, str], body: bytes, sent: Iterable[str] = (), question: str = ""
) -> Reply:
    """The refusal that an HTTP response with an error status is.

    Args:
        status: of the response.
        headers: of the response.
        body: its beginning.
        sent: the names of the optional parameters of the request.
        question: what was asked, which some repeat: its words say nothing of the trouble.
    """
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        data = in_events(body) or page_text(body, headers)
    if isinstance(data, str):
        if status in (404, 405) and not _MODEL.search(data):
            return Reply(Kind.NOT_THE_API, status, one_line(data, 1000))  # a web server that has no such page
        if status == 403 and body.lstrip().startswith(b"<"):  # a proxy or a firewall, which knows nothing of keys
            return Reply(Kind.REFUSED, status, one_line(data, 1000))
    return refusal(status, data, sent, headers, question)


def refusal(
    status: int,
    data: Any,
    sent: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    question: str = "",
) -> Reply:
    """The refusal that a server's error object is, whether it came as a response or in the middle of an answer."""
    if isinstance(data, list) and len(data) == 1:  # as Google sends it
        data = data[0]
    inner = data.get("error", data) if isinstance(data, dict) else data
    inner = inner if isinstance(inner, dict | list | str) and inner else data
    fields: dict[str, Any] = inner if isinstance(inner, dict) else {}
    if not status:
        told: list[Any] = [fields.get("code"), fields.get("status")]
        status = next((int(code) for code in told if _is_status(code)), 0)
    sentence = sentence_of(inner)
    words = " ".join(
        [
            without_repeated(sentence, question),
            *(str(fields[name])[:200] for name in ("type", "code") if fields.get(name)),
        ]
    )
    retry_after = wait_told(headers or {}, inner, sentence)
    says_when = wait_in_error(inner, sentence) is not None
    kind, parameter = _kind(status, words, fields, locations(inner), list(sent), says_when=says_when)
    return Reply(kind, status, sentence, retry_after, parameter)


def _kind(  # noqa: PLR0911  (one way out for each kind)
    status: int, words: str, fields: dict[str, Any], locations: str, sent: list[str], *, says_when: bool
) -> tuple[Kind, str | None]:
    if status == 429 and says_when and "insufficient_" not in words:
        return Kind.RATE, None  # of a quota a minute, too, as Google words it
    if status == 402 or _QUOTA.search(words):
        return Kind.QUOTA, None
    if (status == 429 and not _TOO_LARGE.search(words)) or status == 529 or (status == 403 and _RATE.search(words)):
        return Kind.RATE, None
    if status in (413, 429) or _CONTEXT.search(words):
        return Kind.CONTEXT, None
    if _LOADING.search(words) and not _FAILED_LOAD.search(words):
        return Kind.LOADING, None
    if status in (401, 403, 404) and _RULES.search(words):
        return Kind.REFUSED, None
    if status in (401, 403) or (status == 400 and _KEY.search(words)):
        return Kind.KEY, None
    if _ROLES.search(words):
        return Kind.ROLES, None
    if status in (400, 422, 500, 0) and (parameter := _parameter(words, fields, locations, sent)):
        return Kind.PARAMETER, parameter
    if status in (400, 422) and "max_tokens" not in sent and _WANTED.search(f"{words} {locations}"):
        return Kind.PARAMETER, "max_tokens"
    passes = _FOR_NOW.search(words) is not None
    if not passes and (status in (404, 405) or _MODEL.search(words) or (not status and no_such_page(words))):
        return Kind.NOT_THE_API if status == 405 or no_such_page(words) else Kind.MODEL, None
    if _RATE.search(words):
        return Kind.RATE, None
    never = status == 501 or _NEVER.search(words)  # not of this server, however often it is asked
    failed = (
        passes or status in _FAILED or status >= 500 or not (status or fields.get("param")) or _CRASHED.search(words)
    )
    return Kind.BUSY if failed and not never else Kind.REFUSED, None


def _parameter(words: str, fields: dict[str, Any], locations: str, sent: list[str]) -> str | None:
    """The optional parameter that is refused; the longest name is looked for first, as some contain another."""
    told = fields.get("param")
    if isinstance(told, str) and (named := told.partition(".")[0]) in sent:
        return named
    if not (_REFUSING.search(words) or locations):
        return None
    if STREAM in sent and _NO_STREAM.search(words):
        return STREAM
    for name in sorted({*sent} - {STREAM}, key=len, reverse=True):  # of which many an error speaks
        if re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", f"{words} {locations}"):
            return name
    return None


def _is_status(code: Any) -> bool:
    return isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600


def unreached(error: BaseException | None) -> tuple[str, str]:
    """What to say of a server that no connection could be made to, and what to do."""
    text = str(error)
    if "certificate" in text.lower():
        reason = re.search(r"verify failed: ([^(\[]{3,80})", text)
        why = f" ({one_line(reason[1].strip(), 60)})" if reason else ""
        return f"has a certificate that is not trusted here{why}", "SSL_CERT_FILE names a file of those to trust"
    if "SSL" in text:
        return "does not speak TLS there", "write http:// before its address"
    return "cannot be reached", "is the server running there?"


def _without(sentence: str, secret: str) -> str:
    """A sentence without the key, of which its end may be the beginning where it was cut."""
    sentence = sentence.replace(secret, "…")
    longest = min(len(secret), len(sentence))
    cut = next((size for size in range(longest, _SECRET - 1, -1) if sentence.endswith(secret[:size])), 0)
    return f"{sentence[:-cut]}…" if cut else sentence


def line_of(where: str, says: str, sentence: str = "", advice: str = "", *, secret: str | None = None) -> str:
    """One line of at most LONGEST_LINE characters: who, what happened, the server's own sentence, and what to do.

    Args:
        where: host and port.
        says: what happened, where the server gave no sentence, else its status.
        sentence: the server's own.
        advice: what to do next, a sentence without its end.
        secret: the key, which servers like to repeat.
    """
    end = f"; {advice}{'' if advice.endswith('?') else '.'}" if advice else "."
    if not sentence:
        return one_line(f"The server {where} {says}{end}", LONGEST_LINE)
    if secret:
        sentence = _without(sentence, secret)
    begin, status = f"The server {where} says: ", f" ({says})" if says else ""
    room = LONGEST_LINE - len(begin) - len(status) - len(end)
    if room < min(_SHORTEST_SENTENCE, len(sentence)):
        end, room = ".", LONGEST_LINE - len(begin) - len(status) - 1
    return f"{begin}{one_line(sentence, room).rstrip('.')}{status}{end}"
