"""Which way a turn goes, decided by rules that read the question and whether a document is open.

The rules are few and ordered; each gives its reason as a sentence a person can check.
"""

import re
from dataclasses import dataclass

from assistant.conversation import Route, Turn
from assistant.documents.passages import words

_CODE = re.compile(
    r"```|^\s{4,}\S.*[({=;]\s*$|^\s*(def|class|import|from|function|const|let|var|public|#include)\b"
    r"|Traceback \(most recent call last\)",
    re.MULTILINE,
)
_GREETING = re.compile(
    r"^\s*(hi|hello|hey|thanks?( you)?|good (morning|afternoon|evening)|bye|bonjour|salut|merci|bonsoir|au revoir)"
    r"\b[\s\w,]{0,20}[!.?]*\s*$",
    re.IGNORECASE,
)
_IN_OWN_WORDS = re.compile(
    r"\b(explain|summar\w+|describe|outline|paraphrase|rephrase|rewrite|translate|compare|contrast|discuss|simplify"
    r"|tl;?dr|in (your own|simple|a few|one) (words?|terms|sentences?)|key (points?|ideas?)|main (points?|ideas?)"
    r"|what is (this|the) (text|document|article|page) about|bullet points?"
    r"|expliqu\w+|résum\w+|resum\w+|décri\w+|decri\w+|reformul\w+|tradui\w+|compar\w+|synthè\w+|points? clés?"
    r"|en quelques mots|de quoi (parle|traite))\b",
    re.IGNORECASE,
)
_PROGRAMMING = re.compile(
    r"\b(write|implement|code|program|create|give me|show me|generate|build|écris|écrire|programme|implémente"
    r"|how (do|can|would|to)( i| you| we)?|comment)\b.*"
    r"\b(python|javascript|typescript|java|rust|golang|c\+\+|sql|bash|shell|regex|html|css|git|function|class|script"
    r"|method|loop|dict(ionary)?|list|array|string|decorator|unit test|api|json|csv|fonction|boucle|liste|tableau)\b",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(
    r"\b(document|text|article|passage|page|paper|contract|report|paragraph|author|texte|rapport|contrat|auteur)\b",
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
