"""A question and its answer, as they come: text, evidence, verdict and a dim line that says how it was done."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Markdown, Static

from assistant.documents.excerpts import on_one_line
from assistant.events import Event, Notice, RouteChosen, TextDelta, TextTakenBack
from assistant.history.store import Status
from assistant.history.types import local_time
from assistant.sandbox import Outcome
from assistant.text import counted, one_line, printable
from assistant.types import Route, Support
from tui.chat.code_blocks import python_blocks
from tui.chat.retrying import told
from tui.chat.session import Exchange
from tui.messages import ExchangeAction, FocusExchange
from tui.widgets.evidence_card import EvidenceCard
from tui.widgets.growing_answer import GONE, GrowingAnswer
from tui.widgets.run_output import RunOutput
from tui.widgets.status_bar import short_name
from tui.widgets.thinking_view import ThinkingView
from tui.widgets.verdict_view import VerdictView

_FLUSH = 0.1  # seconds between drawings at least, and
_REST, _REST_TYPING = 3, 20  # so many times as long as a drawing takes: the rest is for the models and the keys
_TYPING = 0.3  # seconds after a key in which the next one is expected
_CARDS = 3


class ExchangeView(Vertical, can_focus=True):
    """Shows one exchange and follows it while it is answered. Focused, its keys do things with it.

    `complete` turns true when all of the answer is on screen.

    Args:
        exchange: What to show; it takes in each event before `take` tells of it.
        save: Called before more of the answer is shown, so that nothing is seen that is not saved.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "do('copy')", "Copy", id="answer.copy"),
        Binding("k", "do('code')", "Copy code", id="answer.code"),
        Binding("enter,s", "do('text')", "Select", key_display="⏎", id="answer.text"),
        Binding("o", "do('evidence')", "Evidence", id="answer.evidence"),
        Binding("v", "do('claims')", "Claims", id="answer.claims"),
        Binding("e", "do('edit')", "Edit", id="answer.edit"),
        Binding("r", "do('retry')", "Retry", id="answer.retry"),
        Binding("g", "do('open')", "Generator", id="answer.open"),
        Binding("f", "do('fork')", "Fork", id="answer.fork"),
        Binding("d", "draft", "Draft", id="answer.draft"),
        Binding("t", "thinking", "Thinking", id="answer.thinking"),
        Binding("x", "do('run')", "Run", show=False, id="answer.run"),
        Binding("p", "do('vary')", "Parameters", show=False, id="answer.vary"),
        Binding("E", "do('editor')", "Editor", show=False, id="answer.editor"),
        Binding("up,shift+tab", "go(-1)", "Up", show=False, id="answer.up"),
        Binding("down", "go(1)", "Down", show=False, id="answer.down"),
        Binding("escape,tab,i", "go(0)", "Back", key_display="esc", id="answer.back"),
    ]

    def __init__(self, exchange: Exchange, save: Callable[[Exchange], None]) -> None:
        super().__init__()
        self.exchange = exchange
        self._waits_for = "waiting"
        self._how = ""
        self._save = save
        self._started: float | None = None
        self._flushed = self._typed = self._cost = 0.0
        self._shown = 0
        self._unsaved = True
        self._taken_back = False
        self._growing: GrowingAnswer | None = None
        self._thinking: ThinkingView | None = None
        self._timer: Timer | None = None
        self.complete = False

    def compose(self) -> ComposeResult:
        """The question, room for the answer, and the status line."""
        yield Static(Content(printable(self.exchange.question)), classes="question")
        yield Vertical(classes="answer")
        yield Static(classes="how")

    async def on_mount(self) -> None:
        """Show an exchange that is over already as a whole."""
        if self.exchange.over:
            await self._finish()
        elif self.exchange.status is Status.STREAMING:  # scrolled away from and back to
            self.begin()
        else:
            self._show_how()

    async def on_unmount(self) -> None:
        """Let the stream go, should more still come."""
        if self._growing is not None:
            await self._growing.end()

    def begin(self) -> None:
        """The worker has taken the question."""
        self._started = time.monotonic()
        self._timer = self.set_interval(_FLUSH / 2, self._flush_unless_typing)
        self._show_how()

    def wait(self, reason: str) -> None:
        """Say why the question is not being answered yet."""
        self._waits_for = reason
        if self.is_mounted:
            self._show_how()

    def take(self, event: Event) -> None:
        """The exchange has taken in this event: it is saved, then shown, with the next drawing."""
        self._unsaved |= isinstance(event, RouteChosen | Notice | TextDelta | TextTakenBack)
        self._taken_back |= isinstance(event, TextTakenBack)

    async def key_shown(self) -> None:
        """A key was typed elsewhere and is on the screen: now is the time to draw, when the next is farthest away.

        Laying out a conversation takes as long as a fast typist needs for half a key; a timer would get in the way.
        """
        if self._timer is None:
            return
        self._typed = time.monotonic()
        await self._flush(_REST_TYPING)

    async def _flush_unless_typing(self) -> None:
        if time.monotonic() - self._typed >= _TYPING:
            await self._flush(_REST)

    def _drawn(self) -> None:
        self._cost = time.monotonic() - self._flushed

    async def _flush(self, rest: float) -> None:
        """Show what has come since the last time, if that is long enough ago; saved first."""
        if time.monotonic() - self._flushed < max(_FLUSH, rest * self._cost):
            return
        self._flushed = time.monotonic()
        exchange = self.exchange
        if self._unsaved:
            self._unsaved = False
            self._save(exchange)
        self._show_how()
        if exchange.over:
            return
        await self._think()
        if self._taken_back:
            await self._take_back()
        if len(exchange.text) == self._shown:
            return
        if exchange.route is Route.EXTRACT:
            return  # spans are shown whole, when they are final
        new, self._shown = exchange.text[self._shown :], len(exchange.text)
        with suppress(*GONE):
            if self._growing is None:
                self._growing = GrowingAnswer()
                await self.query_one(".answer").mount(self._growing)
            await self._growing.write(new)
        self.call_after_refresh(self._drawn)

    async def _think(self) -> None:
        """Show, folded, what the model thinks before it answers."""
        if not self.exchange.thinking:
            return
        with suppress(*GONE):
            if self._thinking is None:
                self._thinking = ThinkingView()
                await self.query_one(".answer").mount(self._thinking, before=0)
            self._thinking.show(self.exchange.thinking)

    async def _take_back(self) -> None:
        growing, self._growing, self._shown, self._taken_back = self._growing, None, 0, False
        if growing is not None:
            await growing.end()
            with suppress(*GONE):
                await growing.remove()

    async def finish(self) -> None:
        """The exchange is over: show the final text, the evidence and the verdict."""
        if self._timer is not None:
            self._timer.stop()
        if self.complete or not self.is_attached:
            return
        self._save(self.exchange)
        with suppress(*GONE):
            await self._finish()

    async def _finish(self) -> None:  # noqa: PLR0912  (one branch for each end)
        exchange = self.exchange
        answer = self.query_one(".answer")
        await self._end_growing()
        if exchange.error is not None:
            failure = Content.assemble(("✘ ", "bold $text-error"), printable(exchange.error))
            await answer.mount(Static(failure, classes="failure"))
        elif exchange.found_nothing:
            if self._growing is not None:
                await self._take_back()
            await answer.mount(Static(self._not_found(), classes="not-found"))
        elif exchange.unsupported and exchange.draft is not None:
            await self._take_back()
            await answer.mount(Static(self._not_supported(), classes="not-found"))
        elif exchange.route is Route.EXTRACT:
            await answer.mount(Static(Content.styled(on_one_line(exchange.text), "bold"), classes="extracted"))
        elif self._growing is None:
            if exchange.text.strip():
                await answer.mount(Markdown(printable(exchange.text), open_links=False))
            elif exchange.status is Status.DONE:
                empty = Content.styled("The model gave no answer; /retry asks it again.", "$text-warning")
                await answer.mount(Static(empty, classes="not-found"))
        else:
            await self._growing.show(exchange.text)
        if exchange.draft is not None:
            draft = Markdown(printable(exchange.draft), open_links=False, classes="draft")
            draft.display = False
            await answer.mount(draft)
        if (missing := self._missing()) is not None:
            await answer.mount(Static(missing, classes="missing"))
        if exchange.status is Status.STOPPED:
            await answer.mount(Static(Content.styled("■ stopped", "$text-warning"), classes="stopped"))
        await answer.mount_all(self._cards())
        if exchange.verdict is not None:
            await answer.mount(VerdictView(exchange.verdict))
        elif exchange.answer is not None and exchange.answer.verdict_reason:
            reason = one_line(exchange.answer.verdict_reason, 200)
            await answer.mount(Static(Content.styled(f"not checked: {reason}", "$foreground 60%"), classes="unchecked"))
        self._show_how()
        self.complete = True

    async def _end_growing(self) -> None:
        """Nothing more is written: what was thought goes, and what was taken back."""
        if self._thinking is not None:
            await self._thinking.remove()
            self._thinking = None
        if self._shown and not self.exchange.text:
            await self._take_back()
        if self._growing is not None:
            await self._growing.end()

    def action_do(self, action: str) -> None:
        """Have something done with this exchange."""
        self.post_message(ExchangeAction(self.exchange.number, action))

    def action_thinking(self) -> None:
        """Unfold what the model thinks, or fold it again."""
        if self._thinking is not None:
            self._thinking.toggle()

    def action_draft(self) -> None:
        """Unfold what was written and is not supported, or fold it again."""
        for draft in self.query(".draft"):
            draft.display = not draft.display

    def action_go(self, step: int) -> None:
        """Go to the exchange above or below; 0 goes back to the prompt."""
        self.post_message(FocusExchange(step))

    def check_action(  # noqa: PLR0911  (one way out for each action)
        self, action: str, parameters: tuple[object, ...]
    ) -> bool | None:
        """Offer only what there is."""
        exchange = self.exchange
        match parameters:
            case () if action == "thinking":
                return self._thinking is not None
            case () if action == "draft":
                return exchange.draft is not None
            case ("copy",) | ("text",):
                return bool(exchange.text)
            case ("code",):
                return "```" in exchange.text or "~~~" in exchange.text
            case ("run",):
                return bool(python_blocks(exchange.text))
            case ("evidence",) | ("editor",):
                return bool(exchange.places)
            case ("open",):
                return exchange.found_nothing
            case ("claims",):
                return exchange.verdict is not None
        return True

    async def show_run(self, outcome: Outcome, which: str) -> None:
        """Show what a block of the answer printed, in place of what an earlier run did."""
        await self.query(RunOutput).remove()
        await self.query_one(".answer").mount(output := RunOutput(outcome, which))
        self.call_after_refresh(output.scroll_visible, animate=False)

    def toggle_claims(self) -> bool:
        """Show or hide the claims of the verdict; whether there is one."""
        for view in self.query(VerdictView):
            view.expanded = not view.expanded
            return True
        return False

    def _not_found(self) -> Content:
        answer = self.exchange.answer
        sure = ""
        if answer is not None and answer.score is not None:
            sure = f"  {answer.score:.0%} sure"
        other = " · d shows the draft" if self.exchange.draft is not None else ""
        other += " · /retry open asks the generator alone"
        return Content.assemble(("∅ Not in the document", "bold $text-warning"), (sure + other, "$foreground 60%"))

    def _not_supported(self) -> Content:
        return Content.assemble(
            ("∅ The document does not support an answer", "bold $text-warning"),
            ("  d shows the draft", "$foreground 60%"),
        )

    def _missing(self) -> Content | None:
        """The sentences of a partly supported answer that the document does not hold."""
        answer = self.exchange.answer
        if answer is None or answer.verdict is None or answer.support is not Support.PARTLY:
            return None
        lines = "".join(f"\n  ? {one_line(claim.text, 200)}" for claim in answer.verdict.unsupported)
        return Content.assemble(("Not in the document:", "bold $text-warning"), (lines, "$text-warning"))

    def _cards(self) -> list[EvidenceCard | Static]:
        exchange = self.exchange
        if exchange.found_nothing and exchange.closest is not None:
            closest = exchange.closest
            document = exchange.document_of(closest)
            return [EvidenceCard(exchange=exchange.number, at=0, evidence=closest, document=document, closest=True)]
        cards: list[EvidenceCard | Static] = [
            EvidenceCard(exchange=exchange.number, at=at, evidence=evidence, document=exchange.document_of(evidence))
            for at, evidence in enumerate(exchange.evidence[:_CARDS])
        ]
        if (more := len(exchange.evidence) - _CARDS) > 0:
            cards.append(Static(Content.styled(f"{more} more: ctrl+o shows all", "$foreground 60%"), classes="more"))
        return cards

    def _show_how(self) -> None:
        exchange = self.exchange
        lines = [f"· {printable(notice)}" for notice in exchange.notices]
        if exchange.standalone_question:
            lines.insert(0, f"· asked as “{one_line(exchange.standalone_question, 300)}”")
        lines.append(" · ".join(part for part in self._parts() if part))
        how = "\n".join(lines)
        if how != self._how:  # every update lays the conversation out anew
            self._how = how
            self.query_one(".how", Static).update(Content.styled(how, "$foreground 60%"))

    def _parts(self) -> list[str]:
        exchange = self.exchange
        if exchange.status is None:
            return [f"◌ {self._waits_for}"]
        reason = one_line(exchange.reason or "", 160).rstrip(".")
        parts = [f"{exchange.route.value}{' — ' + reason if reason else ''}" if exchange.route else ""]
        parts.append(told(exchange.sampling))
        if exchange.status is Status.STREAMING:
            if progress := exchange.progress:
                how_far = f" {progress.done}/{progress.total}" if progress.total else ""
                parts.append(f"{printable(progress.stage)}{how_far}")
            elapsed = time.monotonic() - self._started if self._started is not None else 0.0
            return ["◍ " + (parts[0] or "thinking"), *parts[1:], f"{elapsed:.0f}s", "Esc stops"]
        if exchange.answer is not None:
            usage = exchange.answer.usage
            if usage.seconds:  # not known of what was cut off
                parts.append(f"{usage.seconds:.{1 if usage.seconds >= 1 else 2}f}s")
            if usage.thinking_tokens:
                parts.append(f"thought for {counted(usage.thinking_tokens, 'token')}")
            if usage.completion_tokens:
                prompt = f"{usage.prompt_tokens:,} → " if usage.prompt_tokens else ""  # which some servers do not count
                parts.append(f"{prompt}{counted(usage.completion_tokens, 'token')}")
            if usage.completion_tokens and usage.seconds:
                parts.append(f"{usage.completion_tokens / usage.seconds:.0f} tok/s")
            if (model := exchange.answer.models.generator) is not None:
                parts.append(short_name(model))
        parts.append(local_time(exchange.created).strftime("%H:%M"))
        return parts
