"""What the controls of a web page show and open: panels behind buttons and tabs, fields with values, hidden text."""

import re
from typing import Any

from assistant.documents.html_styles import Styles

_HIDDEN = re.compile(r"(^|;)\s*(display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_PANEL_CLASS = re.compile(r"accordion|collaps|expand|toggle|faq|answer|tab-?(pane|content|panel)|panel", re.IGNORECASE)
_OPENER_CLASS = re.compile(r"accordion|collaps|expand|toggle|faq|question|\btab\b|tab-", re.IGNORECASE)
_TARGETS = ("aria-controls", "data-bs-target", "data-target", "popovertarget", "commandfor", "href")
_TOGGLES = ("aria-expanded", "data-bs-toggle", "data-toggle")
_TITLES = frozenset("h1 h2 h3 h4 h5 h6 summary dt legend".split())
_UNSHOWN_FIELDS = frozenset("hidden password submit button reset image file search".split())
_NO_WORDS = frozenset("script style template noscript".split())
_MAX_LABEL = 300  # characters
_SPACES = re.compile(r"\s+")


class Controls:
    """The buttons, tabs and links of a page that open a part of it.

    Args:
        root: the page's root element.
    """

    def __init__(self, root: Any) -> None:
        self.hidden_words = 0
        self._styles = Styles([sheet.text or "" for sheet in root.iter("style") if _holds_for_screens(sheet)])
        self._openers: dict[str, Any] = {}  # by the id of what they open
        self._own: dict[Any, str] = {}
        for element in root.iter():
            if isinstance(element.tag, str) and (target := _target(element)):
                self._openers.setdefault(target, element)
                self._own[element] = target
        ids = set(root.xpath("//@id")) if self._openers else set()
        self._openers = {target: opener for target, opener in self._openers.items() if target in ids}

    def is_hidden(self, element: Any) -> bool:
        """Whether an element is hidden for good and no panel that a control opens. Its words are counted."""
        if element.tag in ("html", "body"):  # hidden until a script shows them
            return False
        hidden = (
            ("hidden" in element.attrib and element.get("hidden") != "until-found")
            or (element.tag == "dialog" and "open" not in element.attrib)
            or _HIDDEN.search(element.get("style", "")) is not None
            or self._styles.hide(element)
        )
        if not hidden or self._is_panel(element):
            return False
        self.hidden_words += _count_words(element)
        return True

    def _is_panel(self, element: Any) -> bool:
        if element.get("id") in self._openers or element.get("role") == "tabpanel":
            return True
        if _PANEL_CLASS.search(element.get("class", "")):
            return True
        before = element.getprevious()
        while before is not None and not isinstance(before.tag, str):
            before = before.getprevious()
        if before is None:
            return False
        return any(opens(each) or "onclick" in each.attrib for each in before.iter() if isinstance(each.tag, str))

    def tab_of(self, element: Any) -> str | None:
        """The words on the tab that opens an element; None where no tab does."""
        opener = self._openers.get(element.get("id", ""))
        return _label(opener) if opener is not None and _is_tab(opener) else None

    def is_tab(self, element: Any) -> bool:
        """Whether an element is a tab whose panel is known, so that its words stand above that."""
        return _is_tab(element) and self._own.get(element, "") in self._openers

    def is_title(self, element: Any) -> bool:
        """Whether a button is the title of what it opens, and no order such as "Send"."""
        if opens(element) or any(each.tag in _TITLES for each in element.iterancestors()):
            return True
        after = element.getnext()
        if after is None or after.tag not in ("div", "section", "p", "ul", "ol", "dl"):
            return False
        return (
            _OPENER_CLASS.search(element.get("class", "")) is not None
            or "hidden" in after.attrib
            or _HIDDEN.search(after.get("style", "")) is not None
            or self._styles.hide(after, for_good=False)
            or _label(element).endswith("?")
        )

    def notices(self) -> list[str]:
        """What was left out."""
        if not self.hidden_words:
            return []
        which = "A word" if self.hidden_words == 1 else f"{self.hidden_words:,} words"
        return [f"{which} that the page hides {'was' if self.hidden_words == 1 else 'were'} left out."]


def _holds_for_screens(sheet: Any) -> bool:
    return sheet.get("media", "all").strip().lower() in ("", "all", "screen")


def _target(element: Any) -> str | None:
    """The id of what a control opens."""
    if element.tag == "a" and not (_is_tab(element) or any(name in element.attrib for name in _TOGGLES)):
        return element.get("aria-controls") or None  # other links lead to a place of the page and open nothing
    for name in _TARGETS:
        if value := element.get(name, ""):
            if name == "href" and not value.startswith("#"):
                continue
            return str(value.split()[0].removeprefix("#")) if value.split() else None
    return None


def opens(element: Any) -> bool:
    """Whether an element is made to open another one."""
    if element.tag == "summary" or any(name in element.attrib for name in _TOGGLES):
        return True
    return "aria-controls" in element.attrib or (
        element.tag == "button" and any(name in element.attrib for name in _TARGETS)
    )


def _is_tab(element: Any) -> bool:
    return element.get("role") == "tab" or "tab" in (element.get("data-bs-toggle"), element.get("data-toggle"))


def _label(element: Any) -> str:
    return _SPACES.sub(" ", " ".join(element.itertext()))[:_MAX_LABEL].strip()


def _count_words(element: Any) -> int:
    return sum(
        len(text.split())
        for each in element.iter()
        if isinstance(each.tag, str)
        for text in ((each.text if each.tag not in _NO_WORDS else None), each.tail if each is not element else None)
        if text
    )


def field_value(element: Any) -> str:
    """What a form's field shows: its text, a ticked or empty box, the choice of a list; empty where that is nothing."""
    if element.tag == "textarea":
        return "".join(element.itertext()).strip()
    if element.tag == "select":
        options = element.findall(".//option")
        chosen = [option for option in options if "selected" in option.attrib]
        if not chosen and "multiple" not in element.attrib:
            chosen = options[:1]
        return ", ".join(filter(None, map(_label, chosen)))
    kind = element.get("type", "text").lower()
    if kind in ("checkbox", "radio"):
        return "[x]" if "checked" in element.attrib else "[ ]"
    return "" if kind in _UNSHOWN_FIELDS else str(element.get("value", "")).strip()
