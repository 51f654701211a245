"""Refusals: answers that only say that a text does not hold what was asked for."""

import re

_LONGEST = 400  # characters; a longer text says more than that it does not know
_SOURCE = (
    r"(?:(?:provided|given|above|numbered|available|present|fournie?s?|donnée?s?)\s+)?"
    r"(?:passages?|texts?|documents?|context|information|article|excerpts?|sources?|textes?|contexte|extraits?)"
    r"(?:\s+(?:provided|given|above|fournie?s?|donnée?s?))?"
)
_NOT = r"(?:does|do|did|is|are|was|were|has|have)(?:\s+not|n['’]t)"
_SAYS = (
    r"(?:say|state|mention|provide|contain|hold|specify|specified|give|include|indicate|discuss|address|describe|answer"
    r"|explain|cover|tell|list|name|mentioned|stated|provided|given|found|included|indicated|listed|described|discussed)"
)
_REFUSALS = re.compile(
    "|".join(
        (
            rf"\b{_SOURCE}\s+{_NOT}\s+(?:\w+\s+){{0,2}}{_SAYS}\b",
            rf"\b{_SOURCE}\s+(?:says?|holds?|contains?|mentions?|provides?|gives?)\s+(?:nothing|no)\b",
            r"\bthere\s+is\s+(?:no|not\s+(?:any|enough))\s+(?:\w+\s+){0,2}(?:information|mention|answer|details?)\b",
            rf"\b(?:{_NOT}\s+(?:\w+\s+)?{_SAYS}|(?:can(?:not|['’]t| not)|unable to)\s+(?:be\s+)?"
            rf"(?:find|found|answer|answered|determine|determined))\b[^.]*\b(?:in|from|by|based on|with)\s+"
            rf"(?:the|this|these|any(?:\s+of\s+the)?)\s+{_SOURCE}",
            r"\b(?:I|we)\s+(?:cannot|can['’]t|can not|am unable to|could not|couldn['’]t|do not|don['’]t)\s+"
            r"(?:find|answer|determine|know|have)\b",
            r"\bnot\s+(?:in|part of|covered by)\s+the\s+(?:document|text|passages?)\b",
            rf"\b(?:le|la|les|ce|cet|cette|ces|l['’])\s*{_SOURCE}\s+(?:fournis?\s+)?n(?:e\s+|['’])\w+\s+"
            r"(?:pas|rien|aucune?|nulle part)\b",
            r"\bil\s+n['’]y\s+a\s+(?:pas|aucune?)\b[^.]*\b(?:information|mention|réponse)s?\b",
            r"\bje\s+ne\s+(?:peux|trouve|sais)\s+pas\b|\bn['’]est\s+(?:pas|nulle part)\s+"
            r"(?:mentionnée?|indiquée?|précisée?)\b",
        )
    ),
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


def is_refusal(text: str) -> bool:
    """Whether an answer only says that the text it was to come from does not hold one, in English or French.

    The first sentence has to say so: what an answer adds about what is missing, after it has answered, is no refusal.
    """
    text = " ".join(text.split())
    first = _SENTENCE.match(text)
    return len(text) <= _LONGEST and first is not None and _REFUSALS.search(first[0]) is not None
