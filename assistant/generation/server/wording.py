"""What to say of a server's trouble: one line with its own sentence, and what to do about it."""

from assistant.errors import ContextFullError, EmptyAnswerError, GenerationError
from assistant.generation.server.address import ServerAddress
from assistant.generation.server.attempt import NO_CONTENT, QUEUED, Attempt, Limits
from assistant.generation.server.errors import Kind, Reply, line_of, unreached
from assistant.generation.server.pages import broke_before, is_no_http, right_address, wants_https
from assistant.text import counted

_SHORT = 1000  # characters of a question that any context has room for


def error_of(
    address: ServerAddress,
    trouble: Reply,
    attempt: Attempt,
    limits: Limits,
    *,
    reached: bool,
    waits: float | None = None,
) -> GenerationError:
    """The trouble as an error.

    Args:
        address: of the server.
        trouble: what it is.
        attempt: the request that ended in it.
        limits: of that request.
        reached: whether the server has ever answered.
        waits: seconds that the server asks to wait, where that is too long.
    """
    says, advice = _words(address, trouble, attempt, limits, reached=reached)
    if waits is not None and trouble.retry_after is not None:
        advice = f"try again in {waits:,.0f} s"
    sentence = "" if trouble.kind is Kind.EMPTY else trouble.sentence
    line = line_of(address.shown, says, sentence, advice, secret=address.key)
    kinds = {Kind.CONTEXT: ContextFullError, Kind.EMPTY: EmptyAnswerError}
    error = kinds.get(trouble.kind, GenerationError)(line, passing=trouble.passes)
    error.__cause__ = attempt.cause
    return error


def _words(
    address: ServerAddress, trouble: Reply, attempt: Attempt, limits: Limits, *, reached: bool
) -> tuple[str, str]:
    """What happened, or where the server has said so itself, only its status; and what to do."""
    status = f"status {trouble.status}" if trouble.status else ""
    begun = bool(attempt.text_pieces or attempt.thinking_pieces)
    limit = limits.between_tokens if begun else limits.first_token
    setting = "server_token_timeout" if begun else "server_first_token_timeout"
    advice = {
        Kind.CONTEXT: "shorten the message, or open the text as a document",
        Kind.KEY: "set the right key in ASSISTANT_API_KEY",
        Kind.MODEL: "`assistant models list --server` names its models",
        Kind.TIMEOUT: f"{setting} in the settings gives it longer",
        Kind.NOT_THE_API: right_address(address.url),
        Kind.BROKEN: "try again",
        Kind.SILENT: f"try again; if it stays so: {right_address(address.url)}",
    }.get(trouble.kind, "")
    if trouble.kind is Kind.CONTEXT and attempt.question_length < _SHORT:
        advice = "its context or limit is too small; start it with a larger one"
    if trouble.status == QUEUED:
        said = f"only put the request into a queue ({status})"
        return said, "try again later, or name a model that answers at once"
    if trouble.status == 407:
        advice = "HTTPS_PROXY takes a name and password: http://NAME:PASSWORD@HOST:PORT"
    if wants_https(trouble.sentence):
        advice = "write https:// before its address"
    if trouble.kind is Kind.EMPTY:
        return _silence(trouble.sentence, attempt)
    if trouble.sentence:
        return status, advice
    said = {
        Kind.CONTEXT: f"has no room for this message ({status})",
        Kind.KEY: f"wants another key ({status})",
        Kind.TIMEOUT: f"did not {'go on' if begun else 'answer'} within {limit:g} second{'' if limit == 1 else 's'}",
        Kind.NOT_THE_API: "answered with something that is not the OpenAI API",
        Kind.SILENT: "answered with nothing at all",
        Kind.BROKEN: f"broke off {'in the middle of its answer' if begun else 'before it answered'}",
    }.get(trouble.kind, f"refused the request ({status or 'no reason given'})")
    if trouble.kind is Kind.UNREACHABLE:
        return unreached(attempt.cause)
    is_spoilt = trouble.kind is Kind.BROKEN and type(attempt.cause).__name__ == "DecodingError"
    no_http = trouble.kind is Kind.NOT_THE_API and is_no_http(attempt.cause)
    broke = trouble.kind is Kind.BROKEN and attempt.cause is not None and not is_spoilt
    if not (attempt.answered or reached) and (no_http or broke):
        return broke_before(attempt.cause, address.url)
    if is_spoilt:
        said = "sent an answer whose compression is spoilt"
    if trouble.status in NO_CONTENT:
        said = f"answered with nothing ({status})"
    return said, advice


def _silence(told: str, attempt: Attempt) -> tuple[str, str]:
    if told == "tools":
        gave = "ended its answer" if attempt.spoken else "gave no answer"
        return f"{gave}: the model asked for a tool, and there is none", "try another model"
    if told == "filtered":
        return "gave no answer: its content filter stopped it", "word the question otherwise"
    raise_ = "raise max_new_tokens in the settings (--max-tokens)"
    if attempt.thinking_pieces:
        tokens = attempt.reader.counts.completion
        how_long = f", for {counted(tokens, 'token')}" if tokens else ""
        more = raise_ if told == "length" else "ask again or try another model"
        return f"gave no answer: the model only thought{how_long}", f"{more}, or give the server more context"
    if told == "length":
        return "gave no answer before its limit of tokens", f"{raise_}, or give the server more context"
    return "gave an empty answer", "ask again, or begin a new conversation if this one is long"
