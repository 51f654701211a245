"""References: what the pronoun at the start of a sentence stands for."""

import re

from assistant.verification.statements import subject_of_question

_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|does|did|do|began|became|died|went|came|"
    r"wrote|took|gave|won|lost|made|built|held|found|left|led|fell|rose|grew|remains?|contains?|includes?|covers?|"
    r"[a-z]{2,}ed)\b"
)
_OPENING = re.compile(
    r"(?P<lead>(?:(?:however|also|then|later|today|in addition|moreover|instead|(?:in|since|until|by) \d{4}),?\s+)?)"
    r"(?P<pronoun>he|she|it|they|his|her|its|their)\b(?!['’])\s+(?=\S)",
    re.IGNORECASE,
)
# "It is likely that ...", "It rained", "it was in 1990 that": here the word stands for nothing.
_EMPTY = re.compile(
    r"it\s+(?:\w+\s+){0,2}(?:\w+\s+)?(?:that|to|rain\w*|snow\w*|seem\w*|appear\w*|take\w*|took|possible|likely|clear|"
    r"important|unclear|known|said|believed|estimated|cold|warm|hot|dark|late|early|winter|summer|spring|autumn|night)\b",
    re.IGNORECASE,
)
_OF_PLURAL = re.compile(r"(?:[\w’'-]*[^s\W]s|people|men|women|children|police|parts?)\Z", re.IGNORECASE)
_DETERMINED = re.compile(r"(?:the|a|an|its|his|her|their|this|these|those|all|both|many|some)\s+", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:king|queen|prince|princess|emperor|pope|saint|man|woman|boy|girl|father|mother|son|daughter|brother|sister|wife|"
    r"husband|president|minister|chancellor|captain|general|bishop|nurse|clerk|judge|chief|guest|poet|"
    r"\w{3,}(?:keeper|maker|writer|painter|singer|builder|teacher|owner|farmer|leader|founder|designer|engineer|manager|"
    r"soldier|officer|lawyer|doctor|author|sailor|actor|director|mayor|professor|ist|ian))\b",
    re.IGNORECASE,
)
_LONGEST_SUBJECT = 8  # words
_POSSESSIVE = frozenset({"his", "her", "its", "their"})


def resolve_pronoun(sentence: str, *, before: str | None = None, question: str | None = None) -> str:
    """A sentence with the pronoun that it begins with put as what it stands for; as it is where that is in doubt.

    Args:
        sentence: of an answer.
        before: the sentence before it, itself resolved; that is looked at first.
        question: what was asked.
    """
    opening = _OPENING.match(sentence)
    if opening is None or _EMPTY.match(sentence[opening.start("pronoun") :]):
        return sentence
    pronoun = opening["pronoun"].lower()
    subjects = (subject_of(before) if before else None, subject_of_question(question) if question else None)
    named = next((subject for subject in subjects if subject and _fits(pronoun, subject)), None)
    if named is None:
        return sentence
    rest = sentence[opening.end() :]
    # "Her" is an object as often as not, and then no word of the sentence is left to say it of.
    possessive = pronoun in _POSSESSIVE and not _VERB.match(rest)
    if pronoun in _POSSESSIVE and not possessive:
        return sentence
    named = f"{named}'s" if possessive else named
    lead = opening["lead"]
    return f"{lead}{_cased(named, begins=not lead)} {rest}"


def subject_of(sentence: str) -> str | None:
    """What a statement is about: the words before its verb, where they are few and begin as a thing or a name does."""
    verb = _VERB.search(sentence)
    if verb is None:
        return None
    subject = sentence[: verb.start()].strip()
    words = subject.split()
    if not 0 < len(words) <= _LONGEST_SUBJECT or re.search(r"[,;:()\"]|\b(?:that|which|who|if|when|where)\b", subject):
        return None
    return subject if _DETERMINED.match(subject) or words[0][0].isupper() else None


def _fits(pronoun: str, subject: str) -> bool:
    """Whether a subject may be what a pronoun stands for."""
    words = subject.split()
    if words[0].lower() in {"he", "she", "it", "they", "this", "that", "these", "those", "there", "his", "her", "its",
                            "their", "in", "on", "at", "by", "from", "because", "as", "yes", "no"}:  # fmt: skip
        return False
    several = " and " in f" {subject} " or _OF_PLURAL.search(re.split(r"\s(?:of|in|at|from)\s", subject)[0]) is not None
    if pronoun in {"they", "their"}:
        return several
    named = all(word[0].isupper() for word in words)
    if pronoun in {"it", "its"}:
        # A name of several words without an article is a person's as often as not.
        return not several and (len(words) == 1 or _DETERMINED.match(subject) is not None)
    return " and " not in subject and ((named and len(words) <= 4) or _PERSON.search(subject) is not None)


def _cased(named: str, *, begins: bool) -> str:
    first, _, rest = named.partition(" ")
    small = first.lower() if first.lower() in {"the", "a", "an", "its", "his", "her", "their", "this"} else first
    return " ".join(filter(None, (small[0].upper() + small[1:] if begins else small, rest)))
