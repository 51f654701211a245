"""Questions as the statements that their answers make: "Is it deep?" answered by yes states "It is deep.".

English questions are turned by their words' order alone: what stands between the auxiliary and the rest is the subject,
and where it ends is told by what may begin a predicate. Where that leaves a doubt there is no statement.
"""

import re

_AUXILIARY = (
    r"is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must|isn['’]t|aren['’]t|wasn['’]t|"
    r"weren['’]t|don['’]t|doesn['’]t|didn['’]t|hasn['’]t|haven['’]t|hadn['’]t|can['’]t|couldn['’]t|won['’]t|wouldn['’]t"
)
_YES_OR_NO = re.compile(rf"(?P<verb>{_AUXILIARY})\s+(?P<rest>\S.*)", re.IGNORECASE)
_WHEN_WHERE_WHY = re.compile(rf"(?P<asks>when|where|why)\s+(?P<verb>{_AUXILIARY})\s+(?P<rest>\S.*)", re.IGNORECASE)
_POLITE = re.compile(
    r"(?:(?:and|so|but|then)\s+|according to (?:the|this) \w+,?\s+|in (?:the|this) (?:text|document|article),?\s+)+",
    re.IGNORECASE,
)
_BE = frozenset("is are was were".split())
_HAVE = frozenset("has have had".split())
_DETERMINERS = frozenset("the a an its his her their this that these those my our your any some every each no".split())
_PRONOUNS = frozenset("he she it they we you i there this that these those".split())
_PREPOSITIONS = frozenset(
    "in on at to from by for with without into onto over under above below near after before during between among "
    "through until since across along around against within beside behind beyond".split()
)
_ADVERBS = frozenset(
    "ever still also always never not really already currently now once only often usually just "
    "mainly mostly more less "
    "most least as very too so both all likely able bigger better worse older larger smaller higher lower".split()
)
_ADJECTIVES = frozenset(
    "new old first second third last next main big small large great high low long short young early late good bad own "
    "other same only whole current former present second-largest largest smallest oldest newest highest lowest longest "
    "upper lower inner outer northern southern eastern western red blue green white black public "
    "private local national "
    "annual daily average total maximum minimum".split()
)
# Verbs whose plain form may follow "did", "does", "can" or "will"; nouns of the same form are the reason for the care.
_PLAIN_VERBS = frozenset(
    "accept achieve add affect agree allow announce appear apply approve arrive ask attack attend attract avoid beat "
    "become begin believe belong blame border break bring build burn buy call carry catch cause change charge choose "
    "claim close collapse collect come compare complete consist contain continue contribute control cost cover cross "
    "create cut decide decline decrease defeat deliver demand depend describe design destroy "
    "develop die differ discover "
    "divide draw drink drive drop earn eat employ enable end enjoy enter exceed exist expand expect "
    "explain export extend "
    "face fail fall feed feel fight fill find finish fire fit flow fly follow forbid force form "
    "freeze gain get give go "
    "grow happen hate have head hear heat help hire hold hope hurt import improve include increase influence inherit "
    "invent invest join keep kill know lack last launch lead learn leave let lie like link live lose love make manage "
    "marry matter mean measure meet mention move need occur offer open operate order own participate pass pay perform "
    "permit play point prefer prevent produce prohibit promise protect prove provide publish pull pump push put raise "
    "reach read receive recognize reduce refuse reject rely remain remember remove repair replace represent require "
    "resign return rise rule run save say see seem sell send serve set share show sign sink sit "
    "sleep speak spend split "
    "spread stand start state stay stop study succeed suffer supply support survive take talk teach tell think travel "
    "treat try turn use visit vote wait walk want watch wear win work write".split()
)
_PARTICIPLES = frozenset(
    "been become begun bound bought broken brought built burnt caught chosen come cut done drawn "
    "driven drunk eaten fallen "
    "fed felt fought found frozen forgotten given gone grown had heard held hidden hit hurt kept "
    "known laid led left lent "
    "lit lost made meant met paid put read ridden risen run said seen sent set shown shut sold sunk spent split spoken "
    "spread stolen struck sung taken taught thrown told understood won worn written".split()
)
_FRENCH_POLITE = re.compile(r"est-ce\s+qu(?:e\s+|['’])", re.IGNORECASE)
_FRENCH = re.compile(
    r"(?P<subject>(?:\S+\s+){0,10}?)(?P<verb>[^\W\d_]+)-(?:t-)?(?P<pronoun>il|elle|ils|elles|on|ce)\b\s*(?P<rest>.*)",
    re.IGNORECASE,
)
_FRENCH_VERB = re.compile(
    r"\b(?:est|sont|était|étaient|fut|furent|a|ont|avait|avaient|peut|peuvent|sera|seront|doit|doivent|va|vont|contient|"
    r"compte|couvre|coule|devient|existe|reste|produit)\b",
    re.IGNORECASE,
)
_LONGEST = 400  # characters of a question


def is_yes_or_no_question(question: str) -> bool:
    """Whether a question is one that yes or no answers, by its form."""
    asked = _plain(question)
    return bool(_YES_OR_NO.match(asked) or _FRENCH_POLITE.match(asked) or _FRENCH.match(asked))


def yes_or_no_statement(question: str, *, yes: bool) -> str | None:
    """What yes or no to a question states; None where the question is no such one or its parts are in doubt.

    Args:
        question: "Is the Baltic saltier than the Atlantic?", or in French.
        yes: whether the answer is yes.
    """
    asked = _plain(question)
    if len(asked) > _LONGEST or re.search(r"\bor\b|\bou\b", asked):
        return None
    if match := _YES_OR_NO.match(asked):
        parts = _subject_and_rest(match["verb"].lower(), match["rest"])
        if parts is None:
            return None
        verb, _ = _without_not(match["verb"].lower())  # "Isn't it deep?" is answered by yes where it is deep
        return _sentence(parts[0], verb if yes else _denied(verb), parts[1])
    return _french_statement(asked, yes=yes)


def adverbial_statement(question: str, answer: str) -> str | None:
    """A question of when, where or why with its bare answer put behind it: "Why did it sink?" "Because it was old.".

    None where the question is another one, or its parts are in doubt.
    """
    match = _WHEN_WHERE_WHY.match(_plain(question))
    if match is None or len(question) > _LONGEST:
        return None
    verb = match["verb"].lower()
    if verb not in _BE | _HAVE and _without_not(verb)[1]:
        return None
    parts = _subject_and_rest(verb, match["rest"])
    if parts is None:
        return None
    answer = " ".join(answer.split())
    return _sentence(parts[0], verb, f"{parts[1]} {answer[0].lower()}{answer[1:]}" if answer else parts[1])


def subject_of_question(question: str) -> str | None:
    """What a question is about: the subject behind its auxiliary; None where it is in doubt."""
    match = re.match(
        rf"(?:(?:who|what|when|where|why|how(?:\s+\w+)?|which|in (?:what|"
        rf"which) \w+)\s+)?(?P<verb>{_AUXILIARY})\s+(?P<rest>\S.*)",
        _plain(question),
        re.IGNORECASE,
    )
    if match is None or len(question) > _LONGEST:
        return None
    parts = _subject_and_rest(match["verb"].lower(), match["rest"])
    return parts[0] if parts else None


def _plain(question: str) -> str:
    asked = " ".join(question.split()).rstrip(" ?!.")
    opened = _POLITE.match(asked)
    return asked[opened.end() :] if opened else asked


def _subject_and_rest(verb: str, rest: str) -> tuple[str, str] | None:
    """The subject and what is said of it; `verb` is the auxiliary before both."""
    verb = _without_not(verb)[0]
    words = rest.split()
    if words[0].lower() in _PRONOUNS and (len(words) == 1 or words[0].lower() not in _DETERMINERS):
        return words[0], " ".join(words[1:])
    at = _predicate(verb, words)
    return (" ".join(words[:at]), " ".join(words[at:])) if at is not None else None


def _predicate(verb: str, words: list[str]) -> int | None:
    """At which word what is said of the subject begins."""
    lower = [word.lower().strip(",") for word in words]
    first = _head(words, lower)
    for at in range(first, len(words)):
        word, before = lower[at], lower[at - 1]
        if before in _DETERMINERS | _ADJECTIVES | {"of"} or before in _PREPOSITIONS:
            continue
        if word in _ADVERBS and word not in _ADJECTIVES:
            return at
        if verb in _BE and _begins_state(at, words, lower):
            return at
        if verb in _HAVE and (word in _PARTICIPLES or re.fullmatch(r"\w{2,}ed", word)):
            return at
        if verb not in _BE | _HAVE and (word in _PLAIN_VERBS or word == "be") and words[at].islower():
            follows = lower[at + 1] if at + 1 < len(lower) else ""
            later = [each for each in lower[at + 1 :] if each in _PLAIN_VERBS]
            if follows in _PREPOSITIONS and later:
                continue  # "the plant at Gdansk open": a noun of the same form
            return at
    if verb in _BE and len(words) > first:
        rest = words[first:]
        # What is left is one word ("salty"), or begins with a preposition ("in Spain").
        if len(rest) == 1 or (lower[first] in _PREPOSITIONS and "of" not in lower[first:]):
            return first
    return None


def _head(words: list[str], lower: list[str]) -> int:
    """Where the subject can end at the earliest: behind a name, or behind the noun of a determiner."""
    at = 0
    if lower[0] in _DETERMINERS:
        at = 1
        while at < len(words) - 1 and lower[at] in _ADJECTIVES:
            at += 1
    if at < len(words) and words[at][0].isupper():
        while at < len(words) and (words[at][0].isupper() or words[at][0].isdigit()):
            at += 1
        return at
    return min(at + 1, len(words))


def _begins_state(at: int, words: list[str], lower: list[str]) -> bool:
    """Whether what is said of a subject by a form of "be" begins at a word."""
    word = lower[at]
    if word in {"a", "an", "the", "one"}:
        return lower[at - 1] not in _PREPOSITIONS
    if word in _PARTICIPLES or re.fullmatch(r"\w{3,}(?:ed|ing)", word):
        return True
    follows = lower[at + 1] if at + 1 < len(lower) else ""
    if words[at - 1][0].isupper() and word.isalpha() and word not in _PREPOSITIONS and words[at].islower():
        return word != "of" and (
            not follows or follows == "than" or follows in _PREPOSITIONS
        )  # "the water of the Ems cold in winter"
    return follows == "than" or (word in _PREPOSITIONS and not _has_later_state(at, words, lower))


def _has_later_state(at: int, words: list[str], lower: list[str]) -> bool:
    """Whether behind a preposition something else is said of the subject: "the plant at Gdansk open"."""
    later = lower[at + 1 :]
    return any(word in _PARTICIPLES or re.fullmatch(r"\w{3,}(?:ed|ing)|than|a|an", word) for word in later) or (
        len(later) == 2 and words[at + 1][0].isupper() and words[-1].islower()
    )


def _without_not(verb: str) -> tuple[str, bool]:
    plain = re.sub(r"n['’]t$", "", verb)
    return ({"ca": "can", "wo": "will"}.get(plain, plain), plain != verb)


def _denied(verb: str) -> str:
    return "cannot" if verb == "can" else f"{verb} not"


def _sentence(subject: str, verb: str, rest: str) -> str:
    said = " ".join(f"{subject} {verb} {rest}".split()).rstrip(" .")
    return f"{said[0].upper()}{said[1:]}."


def _french_statement(asked: str, *, yes: bool) -> str | None:
    if polite := _FRENCH_POLITE.match(asked):
        said = asked[polite.end() :]
        found = _FRENCH_VERB.search(said)
        if yes:
            return _sentence(said, "", "")
        return _sentence(said[: found.start()], _french_denied(found[0]), said[found.end() :]) if found else None
    match = _FRENCH.match(asked)
    if match is None:
        return None
    subject = match["subject"].strip() or match["pronoun"]
    verb = match["verb"].lower()
    return _sentence(subject, verb if yes else _french_denied(verb), match["rest"])


def _french_denied(verb: str) -> str:
    return f"n'{verb} pas" if verb[0].lower() in "aeiouéèêh" else f"ne {verb} pas"
