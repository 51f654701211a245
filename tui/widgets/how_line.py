"""The dim lines below an answer: its notices, then how it came about, what it cost and when it was asked."""

from collections.abc import Iterator

from assistant.history.store import Status
from assistant.history.types import local_time
from assistant.text import counted, one_line, printable
from assistant.types import Answer
from tui.chat.exchange import Exchange
from tui.chat.retrying import told
from tui.widgets.status_bar import short_name


def how_it_went(exchange: Exchange, waits_for: str, elapsed: float) -> str:
    """What stands below an exchange.

    Args:
        exchange: a question and what has come of it.
        waits_for: what it waits for, while it does.
        elapsed: seconds since it is being answered.
    """
    lines = [f"· {printable(notice)}" for notice in exchange.notices]
    if exchange.standalone_question:
        lines.insert(0, f"· asked as “{one_line(exchange.standalone_question, 300)}”")
    parts = [f"◌ {waits_for}"] if exchange.status is None else _parts(exchange, elapsed)
    return "\n".join([*lines, " · ".join(part for part in parts if part)])


def _parts(exchange: Exchange, elapsed: float) -> list[str]:
    reason = one_line(exchange.reason or "", 160).rstrip(".")
    route = f"{exchange.route.value}{' — ' + reason if reason else ''}" if exchange.route else ""
    sampling = told(exchange.sampling)
    if exchange.status is Status.STREAMING:
        progress = exchange.progress
        how_far = f" {progress.done}/{progress.total}" if progress and progress.total else ""
        stage = f"{printable(progress.stage)}{how_far}" if progress else ""
        return [f"◍ {route or 'thinking'}", sampling, stage, f"{elapsed:.0f}s", "Esc stops"]
    cost = _cost(exchange.answer) if exchange.answer is not None else ()
    return [route, sampling, *cost, local_time(exchange.created).strftime("%H:%M")]


def _cost(answer: Answer) -> Iterator[str]:
    usage = answer.usage
    if usage.seconds:  # not known of what was cut off
        yield f"{usage.seconds:.{1 if usage.seconds >= 1 else 2}f}s"
    if usage.thinking_tokens:
        yield f"thought for {counted(usage.thinking_tokens, 'token')}"
    if usage.completion_tokens:
        prompt = f"{usage.prompt_tokens:,} → " if usage.prompt_tokens else ""  # which some servers do not count
        yield f"{prompt}{counted(usage.completion_tokens, 'token')}"
    if usage.completion_tokens and usage.seconds:
        yield f"{usage.completion_tokens / usage.seconds:.0f} tok/s"
    if (model := answer.models.generator) is not None:
        yield short_name(model)
