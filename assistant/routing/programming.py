"""Whether a message is about programming, and whether the open documents are about the same."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from assistant.retrieval.ranking import words as words_that_matter
from assistant.routing.intents import names_document, without_politeness
from assistant.routing.patterns import opening, phrase
from assistant.types import Document

_LOOKED_AT = 250_000  # characters of all documents together, so that deciding stays quick
_WORDS_LOOKED_FOR = 40
_MAX_HELD = 0.6  # a document that holds this share of a question's words speaks of what it asks

_CODE = re.compile(
    "|".join(
        (
            r"```",
            r"^[ \t]*(?:#include\b|from \S+ import\b|import \w+(?:\.\w+)*(?: as \w+)?[ \t]*;?[ \t]*$)",
            r"^[ \t]*(?:async )?(?:def|function)\s*\w*\s*\(",
            r"^[ \t]*class\s+\w+[^:\n]*:[ \t]*$",
            r"^[ \t]*(?:(?:const|let|var)\s+\w+\s*=|public\s+(?:static|class|void|final)\b)",
            r"^[ \t]*(?:for|while|if|elif|with)\b[^?\n]*:[ \t]*$",
            r"^[ \t]*[\w.\[\]\"']+\s*[-+*/]?=\s*[^=\s?][^?\n]*$",  # an assignment
            r"^[ \t]*[\w.]+\([^?\n]*\)[ \t]*;?[ \t]*$",  # a call
            r"^[ \t]{4,}\S.*[({=;][ \t]*$|[;{][ \t]*$|\w\s*=>\s*[\w({]",
            r"^[ \t]*select\b.+\bfrom\s+\w",
        )
    ),
    re.MULTILINE | re.IGNORECASE,
)
_FAILURE = re.compile(
    r"Traceback \(most recent call last\)|^[ \t]*File \".+\", line \d+|\b[A-Z]\w*(?:Error|Exception|Warning)\b\s*:"
    r"|\b[Ss]egmentation fault\b|\bsegfault\b|\bcommand not found\b|^[ \t]*(?:error|fatal|npm ERR!).*:\s",
    re.MULTILINE,
)
_LANGUAGES = (
    r"python|javascript|typescript|java|rust|golang|kotlin|scala|haskell|php|perl|matlab|c\+\+|c#|\.net|sql|mysql"
    r"|postgres(?:ql)?|sqlite|bash|zsh|powershell|regexe?s?|html|css|git|github|docker|kubernetes|linux|numpy|pandas|json"
    r"|yaml|csv|api|django|flask|fastapi|react|vue|node\.?js|npm|pip|pytest|pytorch|tensorflow|dataframes?"
)
_LANGUAGE = re.compile(rf"(?<!\w)(?:{_LANGUAGES})(?!\w)|\b(?:en|in|using) (?-i:C|R|Go|Swift)\b", re.IGNORECASE)
# Terms that hardly have another meaning.
_CONCEPT = phrase(
    r"tuples?|closures?|recursi(?:on|ve|f)|récursi(?:on|ve|f|vité)|decorators?|décorateurs?|boolean|async",
    r"linked lists?|listes? chaînées?|hash (?:maps?|tables?)|hashmaps?|binary search",
    r"(?:bubble|merge) sort|quick ?sort|iterators?|lambdas?|pointers?|(?:while|for) loops?|boucles? (?:while|for)",
    r"one-liners?|type hints?|unit tests?|tests? unitaires?",
    r"syntax errors?|stack ?traces?|compiler?|segfaults?|garbage collect(?:or|ion)|multithreading|mutex|fibonacci",
    r"regular expressions?|expressions? régulières?|list comprehensions?|abstract class(?:es)?|classes? abstraites?",
    r"await|enums?|structs?|localhost|stdin|stdout|div|flexbox|http requests?|requêtes? https?|shell script",
    r"inheritance",
)
_IDENTIFIER = re.compile(
    r"`[^`]+`|\b[a-z]\w*_[a-z]\w*\b|\b[a-z]{2,}[A-Z][a-z]\w*|\w\(\)|\*\.\w+|(?<!\w)--\w+|\$[a-z]\w*"
    r"|\b\w+\.(?:py|js|ts|sh|java|cpp|rs|go|html|css|csv|json|log|ya?ml)\b"
)
# Requests that are programming if their object is something that programs are made of.
_HOW_TO = opening(
    r"how (?:do|can|would|should|could) (?:i|you|we|one)|how to|comment (?:\w+(?:er|ir|re)|je|on|puis-je|peut-on)"
)
_WRITE = opening(
    r"write|implement|code|create|generate|build|give me|show me|make|develop|construct|design|add",
    r"écri[st]|écrivez|implémente[rz]?|crée[rz]?|code[rz]?|génère|donne[- ]moi|montre[- ]moi|programme[rz]?",
)
_MANIPULATE = opening(
    r"sort|iterate|loop|parse|convert|append|concatenate|split|merge|join|reverse|print|read|filter|remove|replace",
    r"delete|get|execute|run|call|import|install|check|count|find|insert|extract|calculate|compute|return|format|fix|debug",
    r"refactor|optimi[sz]e|rename|copy|match|select|update|assign|zip|trie[rz]?|lis|lire|convertis|inverse[rz]?",
    r"supprime[rz]?|remplace[rz]?|affiche[rz]?|corrige[rz]?",
)
_CONSTRUCTS = frozenset(
    "function class script method loop dictionary dict list array string code program query file map set object "
    "variable interface module component algorithm command directory folder integer float element index key column row "
    "matrix url byte argument parameter output input substring character branch commit repository selector callback "
    "database table stack queue tree node header request response value number bug regex plot "
    "fonction classe boucle liste tableau chaîne dictionnaire requête fichier objet algorithme dossier entier "
    "caractère programme méthode".split()
)


def holds_code(message: str) -> bool:
    """Whether a message holds lines of code or an error message."""
    return _CODE.search(message) is not None or _FAILURE.search(message) is not None


def is_programming(question: str, documents: Sequence[Document]) -> bool:
    """Whether a question is about programming and not one that the documents speak of."""
    if names_document(question):
        return False
    named = [found.group().lower() for known in (_LANGUAGE, _CONCEPT) for found in known.finditer(question)]
    if named and not _bear_its_name(documents, question):
        text = _text(documents)
        if not any(_holds(text, term.split()[-1]) for term in named):
            return True  # usual words of a question on Python may stand in any text; Python does not
    if not named and not _IDENTIFIER.search(question):
        request = without_politeness(question)
        # One construct makes a programming question of "write ..." and "how do I ...", two of "count ...".
        needed = 1 if _WRITE.match(request) or _HOW_TO.match(request) else 2 if _MANIPULATE.match(request) else None
        if needed is None:
            return False
        text = _text(documents)
        asked = _asked(question)
        constructs = {word for word in asked if word in _CONSTRUCTS or word.removesuffix("s") in _CONSTRUCTS}
        if sum(not _holds(text, word) for word in constructs) < needed:
            return False
    return not speaks_of(documents, question)


def speaks_of(documents: Sequence[Document], question: str) -> bool:
    """Whether a document bears the name of something in the question, or the documents hold most of its words."""
    if _bear_its_name(documents, question):
        return True
    asked = _asked(question)
    text = _text(documents)
    return bool(asked) and sum(_holds(text, word) for word in asked) >= _MAX_HELD * len(asked)


def _asked(question: str) -> set[str]:
    return set(words_that_matter(question)[:_WORDS_LOOKED_FOR])


def _bear_its_name(documents: Sequence[Document], question: str) -> bool:
    """Whether a document bears the name of something in the question, other than that of a language."""
    asked = _asked(question)
    return any(
        len(word) > 3 and not _LANGUAGE.fullmatch(word)
        for document in documents
        for word in asked.intersection(words_that_matter(PurePath(document.name).stem))
    )


def _text(documents: Sequence[Document]) -> str:
    share = _LOOKED_AT // max(1, len(documents))
    return "\n".join(document.text[:share] for document in documents).lower()


def _holds(text: str, word: str) -> bool:
    """Whether a text holds a word, or one that is longer by a beginning or an ending; short words must be whole."""
    if len(word) > 3:
        return word in text
    return word in text and any(f" {word}{end}" in text for end in " .,;:?!)\n")
