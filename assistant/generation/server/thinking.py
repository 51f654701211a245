"""What a model thinks before it answers, where it stands in the text of the answer between tags.

Tags come in pieces; one may never be closed; and where the prompt ends with the opening one, only the closing comes.
"""

import re
from collections.abc import Callable, Generator, Iterator
from copy import copy
from typing import Literal, NamedTuple

_NAMES = "think|thinking|thought|thoughts|reasoning|seed:think"
_CHANNEL = r"(?:<\|start\|>assistant)?<\|channel\|>"  # of gpt-oss, where the server does not read its form
_OPENS = re.compile(
    rf"<({_NAMES})>|\[THINK\]|<\|begin_of_thought\|>|<\|START_THINKING\|>|◁think▷"
    rf"|{_CHANNEL}(analysis|commentary)[^<]{{0,40}}<\|message\|>",
    re.I,
)
_CLOSES = re.compile(
    rf"</({_NAMES})>|\[/THINK\]|<\|end_of_thought\|>|<\|END_THINKING\|>|◁/think▷"
    rf"|(<\|end\|>)?{_CHANNEL}final[^<]{{0,40}}<\|message\|>",
    re.I,
)
_ANSWERS = re.compile(r"\A<\|START_RESPONSE\|>", re.I)
_BEGUN = re.compile(
    r"[<◁][^<>◁▷\s]{0,22}$|\[[^\[\]\s]{0,22}$"
    r"|(<\|end\|>)?(<\|start\|>\w{0,12})?(<\|channel\|>[^<]{0,50})?(<[|\w]{0,12})?$",
    re.I,
)
"""The end of a text that may become a tag with the next piece."""
_LONGEST_TAG = 110
_AT_ONCE = 4096  # characters: what is left of them is copied at each tag
_LONGEST = 200_000  # characters of an answer, after which no tag is looked for
_FENCE = re.compile(r" {0,3}(```|~~~)")
_LONGEST_FENCE = 6


class Part(NamedTuple):
    """A stretch of what a server wrote: of the answer, of the thinking, or that the answer so far was thinking."""

    kind: Literal["text", "thinking", "taken back"]
    text: str = ""


class _Place:
    """Where an answer that grows has got to: within code or not, at the beginning of a line or not."""

    def __init__(self) -> None:
        self.has_opened = False
        self._fences = 0  # in the lines before the last
        self._line = ""  # the beginning of the last line
        self._is_blank = True  # the last line so far
        self._tail = ""

    def add(self, text: str) -> None:
        """More of the answer."""
        *lines, last = text.split("\n")
        for line in lines:
            self._go_on(line)
            self._fences += _FENCE.match(self._line) is not None
            self._line, self._is_blank = "", True
        self._go_on(last)
        window = self._tail + text
        self.has_opened = self.has_opened or _OPENS.search(window) is not None
        self._tail = window[-_LONGEST_TAG:]

    def _go_on(self, text: str) -> None:
        self._line += text[: _LONGEST_FENCE - len(self._line)]
        self._is_blank = self._is_blank and not text.strip()

    @property
    def _in_code(self) -> bool:
        return (self._fences + (_FENCE.match(self._line) is not None)) % 2 == 1

    def begins_line(self) -> bool:
        """Whether a tag here opens thinking: text may speak of such tags, which it does within lines and in code."""
        return self._is_blank and not self._in_code

    def may_end_thinking(self) -> bool:
        """Whether a tag here may close thinking that was opened in the prompt."""
        return not (self.has_opened or self._in_code or self._tail.endswith("`"))


class ThinkingSplitter:
    """Splits the text of an answer as it comes.

    Args:
        inside: whether it is expected to begin with thinking whose opening tag stands in the prompt. Where nothing
            closes it, it was the answer after all.
    """

    def __init__(self, *, inside: bool = False) -> None:
        self._held = ""  # what may be the beginning of a tag
        self._said: list[str] = []  # the answer so far
        self._place = _Place()
        self._length = 0
        self._inside = inside
        self._assumed: list[str] | None = [] if inside else None
        self._thought = False  # words of what is assumed to be thinking
        self._closed = False
        self.was_answer = False
        """Whether what was expected to be thinking was the answer after all."""

    def add(self, piece: str) -> Iterator[Part]:
        """The parts that a piece completes."""
        for at in range(0, len(piece), _AT_ONCE):
            text, self._held = self._held + piece[at : at + _AT_ONCE], ""
            while text:
                if self._inside:
                    text = yield from self._think(text)
                else:
                    text = yield from self._say(text)

    def finish(self, *, is_cut: bool = False) -> Iterator[Part]:
        """What was held back.

        Args:
            is_cut: whether the text was cut: what it was expected to begin with then stays thinking.
        """
        held, self._held = self._held, ""
        if held:
            yield from self._part(held)
        if self._assumed and self._inside and not is_cut:
            said, self._assumed, self._inside = "".join(self._assumed), None, False
            self.was_answer = True
            yield from self._part(said)

    def _think(self, text: str) -> Generator[Part, None, str]:
        match = _CLOSES.search(text)
        if match is None:
            return (yield from self._all_but_tag(text))
        yield from self._part(text[: match.start()])
        self._inside, self._closed, self._assumed = False, True, None
        return text[match.end() :]

    def _say(self, text: str) -> Generator[Part, None, str]:
        opens = self._first(_OPENS, text, _Place.begins_line)
        closes = None if self._closed else self._first(_CLOSES, text, _Place.may_end_thinking)
        if opens is not None and (closes is None or opens.start() < closes.start()):
            yield from self._part(text[: opens.start()])
            self._inside = True
            return text[opens.end() :]
        if closes is not None:
            yield Part("taken back")
            yield Part("thinking", "".join(self._said) + text[: closes.start()])
            self._said, self._place, self._closed = [], _Place(), True
            return text[closes.end() :]
        return (yield from self._all_but_tag(text))

    def _all_but_tag(self, text: str) -> Generator[Part, None, str]:
        """Let out all but what may become a tag with the next piece."""
        near = max(len(text) - _LONGEST_TAG, 0)
        if (begun := _BEGUN.search(text, near)) is not None:
            text, self._held = text[: begun.start()], text[begun.start() :]
        yield from self._part(text)
        return ""

    def _part(self, text: str) -> Iterator[Part]:
        if not text:
            return
        if self._inside:
            if self._assumed is not None:
                begins = None if self._thought else _OPENS.match(text.lstrip())
                if begins is not None:  # it says so itself: nothing is assumed any more
                    text, self._assumed = text.lstrip()[begins.end() :], None
                else:
                    self._assumed.append(text)
                    self._thought = self._thought or bool(text.strip())
            if text:
                yield Part("thinking", text)
            return
        if not self._said and self._closed:
            text = _ANSWERS.sub("", text.lstrip()).lstrip()  # the empty lines between thinking and answer
        if text:
            self._said.append(text)
            self._place.add(text)
            self._length += len(text)
            yield Part("text", text)

    def _first(self, pattern: re.Pattern[str], text: str, fits: Callable[[_Place], bool]) -> re.Match[str] | None:
        """The first tag in what comes next that stands where it is one."""
        if self._length > _LONGEST:
            return None
        place, at = copy(self._place), 0
        for match in pattern.finditer(text):
            place.add(text[at : match.start()])
            at = match.start()
            if fits(place):
                return match
        return None


def without_thinking(text: str) -> str:
    """A whole answer without what was thought before it."""
    splitter = ThinkingSplitter()
    said = ""
    for part in [*splitter.add(text), *splitter.finish()]:
        if part.kind == "text":
            said += part.text
        elif part.kind == "taken back":
            said = ""
    return said
