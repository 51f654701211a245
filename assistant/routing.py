"""Which way a turn goes, decided by rules that read the question and whether a document is open.

The rules are few and ordered; each gives its reason as a sentence a person can check.
"""

import re
from dataclasses import dataclass

from assistant.conversation import Route, Turn
from assistant.documents.ranking import words

_CODE = re.compile(
    r"```|^\s{4,}\S.*[({=;]\s*$|Traceback \(most recent call last\)|^\s*#include\b"
    r"|^\s*(def|function)\s*\w*\s*\(|^\s*class\s+\w+[^:]*:\s*$|^\s*import \w+(\.\w+)*\s*;?\s*$|^\s*from \S+ import\b"
    r"|^\s*(const|let|var)\s+\w+\s*=|^\s*public\s+(static|class|void|final)\b",
    re.MULTILINE,
)
_GREETING = re.compile(
    r"^\s*(hi|hello|hey|thanks?( you)?|good (morning|afternoon|evening)|bye|bonjour|salut|merci|bonsoir|au revoir)"
    r"\b[\s\w,]{0,20}[!.?]*\s*$",
    re.IGNORECASE,
)
_IN_OWN_WORDS = re.compile(
    r"\b(explain|summar(y|i[sz]e|ies)|describe|outline|paraphrase|rephrase|rewrite|translate|compare|contrast|discuss"
    r"|simplify|tl;?dr|in (your own|simple|a few|one) (words?|terms|sentences?)|key (points?|ideas?)"
    r"|main (points?|ideas?)|what is (this|the) (text|document|article|page) about|bullet points?"
    r"|expliqu(e|es|ez|er)|résum(e|es|ez|er|é)|resum(e|ez|er)[ -](moi|le|la|les|ce|cet|cette)|décri(s|re|vez)"
    r"|reformul(e|es|ez|er)|tradui(s|re|sez)|compar(es|ez|er|aison)|synthèse|synthétis(e|ez|er)|points? clés?"
    r"|en quelques mots|de quoi (parle|traite))\b",
    re.IGNORECASE,
)
_LANGUAGE = (
    r"python|javascript|typescript|java|rust|golang|c\+\+|c#|sql|bash|shell|regex|html|css|git|docker|numpy|pandas|json"
    r"|csv|api"
)
_CONSTRUCT = (
    r"function|class|script|method|loop|dict(ionary)?|list|array|string|decorator|unit test|code|program"
    r"|fonction|classe|boucle|liste|tableau|programme|chaîne"
)
# A language's name, or a request to write something that programs are made of.
_PROGRAMMING = re.compile(
    rf"\b({_LANGUAGE})(?!\w)"
    rf"|^\W*(please )?(write|implement|code|create|generate|build|give me|show me|écris|implémente|crée)\b.*"
    rf"\b({_CONSTRUCT})s?\b"
    rf"|\b(how (do|can|would|should) (i|you|we|one)|how to|comment)\b.{{0,60}}\b({_CONSTRUCT})s?\b",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(
    r"\b(this|the|that|these|my|our|its|ce|cet|cette|le|la|les|du|au|dans l)\W{1,2}"
    r"(document|text|article|passage|page|paper|contract|report|paragraph|author|texte|rapport|contrat|auteur|paragraphe)s?"
    r"\b(?! (file|field|box|area|editor|node))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A route and the sentence that says why."""

    route: Route
    reason: str


def choose_route(turn: Turn) -> Choice:
    """The route of a turn: as asked for, or by rule."""
    if turn.route is not None:
        return Choice(turn.route, f"You asked for the {turn.route} route.")
    if not turn.documents:
        return Choice(Route.OPEN, "No document is open, so this goes to the generator.")
    if _GREETING.match(turn.question):
        return Choice(Route.OPEN, "This is a greeting, not a question about the document.")
    if _about_programming(turn):
        return Choice(Route.OPEN, "This is a programming question that the document does not speak of.")
    if _IN_OWN_WORDS.search(turn.question):
        return Choice(
            Route.GROUNDED, "This asks for an answer in other words, so the generator writes one from passages."
        )
    return Choice(Route.EXTRACT, "This asks for something that may stand in the document, so the reader looks for it.")


def _about_programming(turn: Turn) -> bool:
    """Code, or a request for code, of whose words the documents hold few."""
    if not (_CODE.search(turn.question) or _PROGRAMMING.search(turn.question)):
        return False
    if _DOCUMENT.search(turn.question):
        return False
    asked = set(words(turn.question))
    held = set().union(*(words(document.text) for document in turn.documents))
    return len(asked & held) < 0.6 * len(asked)
