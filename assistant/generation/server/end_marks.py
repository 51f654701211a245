"""The marks by which a model ends its turn, where a server leaves them in the text and lets the model go on."""

import re

_ENDS = (
    r"<\|(?:im_end|eot_id|eom_id|end_of_text|endoftext|end_of_turn|end|return)\|>|<end_of_turn>|</s>"
    r"|<｜end▁of▁sentence｜>|<\|END_RESPONSE\|>"
)
_END = re.compile(_ENDS)
_NEXT_TURN = re.compile(
    rf"\s*(?:{_ENDS}|<\|(?:im_start|start_header_id|start|user|assistant|system)\|>|<start_of_turn>|\[INST\])"
)
_LONGEST_HELD = 64  # characters after a mark that may be the beginning of another turn
_MAX_BLANKS = 1000  # after a mark: nothing else is going to come


class EndMarks:
    """Leaves out a mark at the end of an answer, and all that a model says to itself after one.

    A text may speak of such marks: one with other words after it stays.
    """

    def __init__(self) -> None:
        self.over = False
        """Whether the answer has ended, whatever else comes."""
        self._held = ""
        self._struck = False  # <s> of HTML, which </s> ends

    def add(self, text: str) -> str:
        """What can be said by now."""
        if self.over:
            return ""
        text, self._held = self._held + text, ""
        said = ""
        while (match := self._end_in(text)) is not None:
            after = text[match.end() :]
            if _NEXT_TURN.match(after) or (len(after) > _MAX_BLANKS and not after.strip()):
                self.over = True
                return said + text[: match.start()]
            if not after.strip() or (after.lstrip()[0] in "<[" and len(after) < _LONGEST_HELD):
                self._held = text[match.start() :]
                return said + text[: match.start()]
            said, text = said + text[: match.end()], after
        return said + text

    def finish(self) -> str:
        """What was held back and is said all the same."""
        held, self._held = self._held, ""
        match = _END.match(held)
        return held if match is not None and held[match.end() :].strip() else ""

    def _end_in(self, text: str) -> re.Match[str] | None:
        self._struck = self._struck or "<s>" in text
        return next((match for match in _END.finditer(text) if match[0] != "</s>" or not self._struck), None)
