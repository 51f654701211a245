"""Lists and answered questions: the list, the item's figure or the paragraph that a question asks for by its words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.reading.question_words import ParsedQuestion, parse_question
from assistant.reading.table_columns import forgiven
from assistant.reading.text_lists import AnsweredQuestion, Span, TextList
from assistant.reading.vocabulary import vocabulary
from assistant.reading.words import split_words

_MAX_ITEMS = 5
_COVERED = 0.5  # of what leads a list in, or of an answered question, must be said
_FIGURE = r"(?:\d+(?:[.,/]\d+)?(?:[ \u00a0]?[½¼¾⅓⅔])?|[½¼¾⅓⅔])(?:[ \u00a0]?[-–][ \u00a0]?\d+(?:[.,]\d+)?)?"
_NUMBER_WORD = (
    r"(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve"
    r"|une?|deux|trois|quatre|cinq|sept|huit|neuf|dix)"
)
_AMOUNT = rf"(?:[€$£][ ]?)?{_FIGURE}(?:[ \u00a0]?(?P<unit>[^\W\d_]{{1,12}}²?|[€%$£])\b\.?)?"
_BEFORE = re.compile(rf"(?:about |ca\.? |env(?:iron|\.)? )?(?P<amount>{_AMOUNT}|{_NUMBER_WORD}(?= ))", re.IGNORECASE)
_AFTER = re.compile(
    rf"[:,–—(-][ \u00a0]*(?P<amount>(?:[€$£][ ]?)?{_FIGURE}(?:[ \u00a0]?[^\W\d_€%$£]{{0,12}}[€%$£²]?)?)\)?[ .]*$"
)
_CURRENCY = re.compile(r"[€$£]|\b(?:eur|usd|gbp|chf|nok|euros?|dollars?|francs?|kroner)\b", re.IGNORECASE)
_ORDINALS = {
    name: at
    for at, names in enumerate(
        ("first premier premiere 1st", "second deuxieme 2nd", "third troisieme 3rd", "fourth quatrieme 4th",
         "fifth cinquieme 5th", "sixth sixieme 6th", "seventh", "eighth", "ninth", "tenth"), 1
    )
    for name in names.split()
}  # fmt: skip
_ORDINALS |= {"last": -1, "final": -1, "dernier": -1, "derniere": -1}
_FOR_ALL = re.compile(
    r"\W*(?:(?:please|so|and) )?(?:what|which|who|whom|where|when|list|name|give|show|tell|enumerate"
    r"|quel|qui|que|qu|ou|quand|cite|liste|donne|enumere"
    r"|(?:in|at|to|for|from|with|a|dans|pour|avec) (?:what|which|whom|quel|qui))",
    re.IGNORECASE,
)
_PAST = frozenset("was were did had".split())


@dataclass(frozen=True, slots=True)
class ListHit:
    """What of a list answers a question: its place, what shows it, a text that is not the place's, the item's text.

    `lead` is what leads the list in.
    """

    span: Span
    whole: Span
    text: str | None = None
    label: str = ""
    lead: str = ""


def _stems(text: str) -> frozenset[str]:
    known = vocabulary()
    return frozenset(word.stem for word in split_words(text) if word.stem not in known.function_words)


def find_answered(question: ParsedQuestion, candidates: Sequence[AnsweredQuestion]) -> AnsweredQuestion | None:
    """The one question of a text that is the same as the one asked; None where none is, or several might be."""
    said = {question.words[at].stem for at in question.content}
    if not said:
        return None
    ranked = []
    for candidate in candidates:
        other = parse_question(candidate.question)
        stems = {other.words[at].stem for at in other.content}
        alike = said <= stems and len(said) >= _COVERED * len(stems) and (len(said) > 1 or len(stems) == 1)
        if alike and _asks_alike(question, other):
            ranked.append((len(said) / len(stems), candidate))
    best = [candidate for share, candidate in ranked if share == max(ranked, key=lambda pair: pair[0])[0]]
    return best[0] if len(best) == 1 else None


def _asks_alike(question: ParsedQuestion, other: ParsedQuestion) -> bool:
    mine, theirs = _asks_for(question), _asks_for(other)
    return theirs in ("", mine)


_ASKS = {
    "who": "who", "whom": "who", "qui": "who", "when": "when", "quand": "when", "where": "where", "why": "why",
    "pourquoi": "why", "what": "what", "which": "what", "quel": "what", "quelle": "what", "many": "many",
    "much": "many", "combien": "many",
}  # fmt: skip


def _asks_for(question: ParsedQuestion) -> str:
    words = [word.text for word in question.words]
    found = next((_ASKS[word] for word in words if word in _ASKS), "")
    if not found and {"how", "comment"} & set(words):
        return "how"
    return found


def find_in_lists(question: ParsedQuestion, text: str, lists: Sequence[TextList]) -> tuple[ListHit, ...]:
    """The list, the item or the figure of an item that a question asks for; several where several fit as well."""
    if not question.content:
        return ()
    if question.asks_many:
        counted = _count(question, lists)
        return counted or _figures(question, text, lists)
    if (item := _numbered(question, lists)) is not None:
        return (item,)
    return _whole(question, lists)


def _whole(question: ParsedQuestion, lists: Sequence[TextList]) -> tuple[ListHit, ...]:
    if question.beyond or question.explains or question.superlative or not _FOR_ALL.match(_text(question)):
        return ()
    words = {word.text for word in question.words}
    if "when" in words and words & _PAST:
        return ()  # a day, not days
    found = []
    for text_list in lists:
        share = _share(question, text_list)
        if share:
            found.append((share, ListHit(text_list.span, text_list.span, lead=text_list.lead)))
    best = [hit for share, hit in found if share == max(found, key=lambda pair: pair[0])[0]]
    return tuple(best) if len(best) == 1 else ()


def _text(question: ParsedQuestion) -> str:
    return " ".join(word.text for word in question.words)


def _share(question: ParsedQuestion, text_list: TextList, other: frozenset[int] = frozenset()) -> float:
    """How much of what leads a list in is said; 0 where it is too little or something else is named too."""
    lead = _stems(text_list.lead)
    own = frozenset(at for at in question.content if question.words[at].stem in lead)
    rest = question.content - own - other - forgiven(question, _stems(" ".join(text_list.headings)))
    share = len({question.words[at].stem for at in own}) / len(lead) if lead else 0.0
    return share if own and not rest and share >= _COVERED else 0.0


def _numbered(question: ParsedQuestion, lists: Sequence[TextList]) -> ListHit | None:
    """The item that is asked for by its number: "the third step", "step 3"."""
    for at in sorted(question.content):
        word = question.words[at].text
        number = _ORDINALS.get(word, int(word) if word.isdigit() and len(word) < 3 else 0)
        found = [
            text_list
            for text_list in lists
            if number and text_list.numbered and _share(question, text_list, frozenset((at,)))
        ]
        if len(found) == 1 and number <= len(found[0].items):
            items = found[0].items
            return ListHit(items[number - 1 if number > 0 else number], found[0].span)
    return None


def _count(question: ParsedQuestion, lists: Sequence[TextList]) -> tuple[ListHit, ...]:
    if "much" in {word.text for word in question.words}:
        return ()
    found = [text_list for text_list in lists if _share(question, text_list) == 1]
    return (
        (ListHit(found[0].span, found[0].span, str(len(found[0].items)), lead=found[0].lead),)
        if len(found) == 1
        else ()
    )


def _figures(question: ParsedQuestion, text: str, lists: Sequence[TextList]) -> tuple[ListHit, ...]:
    """The amounts of the items that a question names."""
    ranked = []
    price = question.kinds.get("price")
    for text_list in lists:
        around = _stems(f"{text_list.lead} {' '.join(text_list.headings)}")
        for start, end in text_list.items:
            item = text[start : min(end, start + 200)]
            match = _BEFORE.match(item) or _AFTER.search(item)
            if match is None:
                continue
            amount, words = match["amount"], _stems(item[: match.start()] + " " + item[match.end() :])
            is_price = _CURRENCY.search(amount) is not None
            if is_price is not (price is not None and (price.weight > 1 or is_price)):
                continue
            stop = match.end("amount")
            if match.re is _BEFORE and match["unit"] and _stems(match["unit"]) - vocabulary().units:
                words |= _stems(match["unit"])  # "3 eggs": what looks like a unit is what is counted
                stop = match.start("unit")
            own = frozenset(at for at in question.content if question.words[at].stem in words)
            rest = question.content - own - forgiven(question, around)
            rest -= question.positions_of(_stems(amount) & vocabulary().units)
            rest -= price.positions if is_price and price is not None else frozenset()
            if own and not rest:
                begin = start + match.start("amount")
                span = begin, begin + len(text[begin : start + stop].rstrip())
                named_list = sum(question.words[at].stem in around for at in question.content - own)
                said = {question.words[at].stem for at in own}
                ranked.append(
                    ((said >= words, named_list), ListHit(span, (start, end), label=item, lead=text_list.lead))
                )
    best = [hit for rank, hit in ranked if rank == max(ranked, key=lambda pair: pair[0])[0]]
    return tuple(best) if len(best) <= _MAX_ITEMS else ()
