"""How an answer from passages is to be written: the length, form and language that its question asks for."""

import re

from assistant.documents.language import language_name
from assistant.routing.intents import asks_for_list, asks_of_the_whole, asks_yes_or_no, without_politeness

_LENGTH = re.compile(
    r"\b(?:in (?:at most |about )?(?:\w+ )?(?:\w+|\d+) (?:words?|sentences?|lines?|points?|bullets?|paragraphs?)"
    r"|en (?:\w+ )?(?:\w+|\d+) (?:mots?|phrases?|lignes?|points?|paragraphes?)"
    r"|(?:short|brief|bref|courte?)(?:ly|s)?)\b",
    re.IGNORECASE,
)
_DETAIL = re.compile(
    r"\b(?:in (?:more |great(?:er)? |full )?detail|in depth|detailed|thorough(?:ly)?|at length|en détail|détaillée?)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\b(?:summ?ar(?:y|i[sz]e)|sum up|recap|overview|résum\w+|synthèse|synthétis\w+)\b", re.IGNORECASE
)
_TRANSLATION = re.compile(r"\b(?:translat\w+|tradui\w+)\b", re.IGNORECASE)
_CODE = re.compile(r"\b(?:code|script|function|program|snippet|fonction|programme)\b", re.IGNORECASE)


def answer_form(question: str) -> str:
    """What the generator is told of how to answer a question: a sentence or two, in English."""
    request = without_politeness(question)
    form = _form(question, request)
    language = language_name(question)
    if language not in (None, "English") and not _TRANSLATION.search(question):
        form = f"{form} Answer in {language}.".strip()
    return form


def _form(question: str, request: str) -> str:  # noqa: PLR0911  (one way out for each form)
    if _TRANSLATION.search(question):
        return "Translate what is asked for, and nothing else."
    if _LENGTH.search(question) or _CODE.search(question):
        return "Keep to the length and form that the question asks for."
    if _SUMMARY.search(question) or asks_of_the_whole(question):
        return (
            "Summarise the text from its first passage to its last, in six short sentences: each about another passage."
        )
    if asks_yes_or_no(request):
        return "Begin with yes or no, then say why in one sentence."
    if asks_for_list(request):
        return "Answer with a list, one item on a line, each as the passages give it."
    if _DETAIL.search(question):
        return "Answer in a paragraph, with all that the passages say about it."
    return "Answer in one to three sentences."
