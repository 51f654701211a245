"""What the style sheets within a web page hide: rules of simple selectors that set `display` or `visibility`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_MAX_CSS = 4_000_000  # characters
_MAX_RULES = 20_000  # that hide or show
_LONGEST_SELECTOR = 300  # characters
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_SIGN = re.compile(
    r"""[{};]|"(?:[^"\\\n]|\\.|\\\Z)*(?:"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.|\\\Z)*(?:'|(?=\n)|\Z)""", re.DOTALL
)
_COMPOUND = re.compile(r"(\*|[a-z][\w-]*)?((?:[.#][\w-]+)*)", re.IGNORECASE)
_COMBINATOR = re.compile(r"[\s>+~]+")
_STATE = re.compile(r"::?[\w-]+(?:\([^()]*\))?|\[[^\]]*\]")
_HIDES = {("display", "none"), ("visibility", "hidden"), ("visibility", "collapse")}


@dataclass(frozen=True, slots=True)
class _Selector:
    """An element's name, and its ids and classes as `#id` and `.class`; `weight` is what it counts against others."""

    tag: str
    marks: frozenset[str]
    weight: tuple[int, int, int]

    @property
    def key(self) -> str:
        """What an element that it fits has for certain: an id, a class or its name."""
        return min(self.marks, default=self.tag)

    def fits(self, tag: str, marks: frozenset[str]) -> bool:
        """Whether it is that of an element."""
        return self.tag in ("", tag) and self.marks <= marks


@dataclass(frozen=True, slots=True)
class _Rule:
    selector: _Selector
    value: str
    rank: tuple[bool, tuple[int, int, int], int]  # the greatest holds


class Styles:
    """The rules of a page's own style sheets that hide or show.

    Rules for some media alone are passed over, those with combinators, states or attributes too; but what such a rule
    shows is taken for a part that opens, and is not hidden for good.

    Args:
        sheets: the text of each sheet, in their order.
    """

    def __init__(self, sheets: Sequence[str]) -> None:
        self._rules: dict[str, dict[str, list[_Rule]]] = {"display": {}, "visibility": {}}  # by what, then by key
        self._shown: dict[str, list[tuple[_Selector, bool]]] = {}  # by each mark, or by name; whether by itself alone
        self._hides = False
        count = 0
        for selectors, declarations in _rules("\n".join(sheets)[:_MAX_CSS]):
            for what, value, important in _declarations(declarations):
                for text in selectors.split(","):
                    count += 1
                    if count > _MAX_RULES:
                        return
                    if len(text) <= _LONGEST_SELECTOR:
                        self._add(text.strip(), what, value, count, important=important)

    def _add(self, text: str, what: str, value: str, at: int, *, important: bool) -> None:
        selector = _selector(text)
        hides = (what, value) in _HIDES
        if selector is not None:
            rule = _Rule(selector, value, (important, selector.weight, at))
            self._rules[what].setdefault(selector.key, []).append(rule)
            self._hides = self._hides or hides
        shown = selector or _selector(_COMBINATOR.split(_STATE.sub("", text))[-1])
        if not hides and shown is not None:
            for mark in {*shown.marks, shown.tag}:
                self._shown.setdefault(mark, []).append((shown, selector is not None))

    def hide(self, element: Any, *, for_good: bool = True) -> bool:
        """Whether the sheets hide an element, for good or at first; what its own `style` says of it comes first."""
        if not self._hides:
            return False
        tag = element.tag.lower()
        name = element.get("id", "")
        marks = frozenset([*(f".{each}" for each in element.get("class", "").split()), *([f"#{name}"] if name else ())])
        own = {what for what, _, _ in _declarations(element.get("style", ""))}
        for what, rules in self._rules.items():
            near = (rule for key in (*marks, tag, "") for rule in rules.get(key, ()))
            fitting = [rule for rule in near if rule.selector.fits(tag, marks)]
            if not fitting:
                continue
            rule = max(fitting, key=lambda each: each.rank)
            important = rule.rank[0]
            if (
                (what, rule.value) in _HIDES
                and (what not in own or important)
                and not (for_good and self._opens(rule.selector))
            ):
                return True
        return False

    def _opens(self, hidden: _Selector) -> bool:
        """Whether some rule shows what a selector hides: with a further class, in a state, or at some place."""
        for mark in hidden.marks or {hidden.tag}:
            for shown, alone in self._shown.get(mark, ()):
                if not alone or (hidden.marks < shown.marks if hidden.marks else bool(shown.marks)):
                    return True
        return False


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """The selectors and declarations of the rules that hold for all media."""
    text = _COMMENT.sub(" ", text).replace("<!--", " ").replace("-->", " ")
    depth, begin, selectors = 0, 0, ""
    for match in _SIGN.finditer(text):
        sign = match[0]
        if sign == "{":
            if depth == 0:
                selectors, begin = text[begin : match.start()].strip(), match.end()
            depth += 1
        elif sign == "}" and depth:
            depth -= 1
            if depth == 0:
                if not selectors.startswith("@"):
                    yield selectors, text[begin : match.start()]
                begin = match.end()
        elif sign in (";", "}") and depth == 0:
            begin = match.end()  # of @import and the like


def _declarations(text: str) -> Iterator[tuple[str, str, bool]]:
    """What declarations say of `display` and `visibility`: which, its value, and whether it is important."""
    for declaration in text.split(";"):
        what, colon, value = declaration.partition(":")
        if colon and (what := what.strip().lower()) in ("display", "visibility"):
            value, important, _ = value.lower().partition("!")
            yield what, value.strip(), bool(important)


def _selector(text: str) -> _Selector | None:
    """A selector of a name, ids and classes; None where it has more to it."""
    match = _COMPOUND.fullmatch(text)
    if not text or match is None:
        return None
    tag = "" if match[1] in (None, "*") else match[1].lower()
    marks = frozenset(re.findall(r"[.#][\w-]+", match[2]))
    ids = sum(mark[0] == "#" for mark in marks)
    return _Selector(tag, marks, (ids, len(marks) - ids, int(bool(tag))))
