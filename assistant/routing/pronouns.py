"""What the pronouns of a follow-up mean, found in the question and the answer before it."""

import re
from collections.abc import Callable, Sequence

from assistant.routing.noun_phrases import AUXILIARIES, FORMS_OF_BE, PREPOSITIONS_EN, PREPOSITIONS_FR, Phrase, phrases
from assistant.routing.patterns import words
from assistant.routing.question_words import asks_who_or_what_is, topic

_IN_EN, _IN_FR = words(PREPOSITIONS_EN), words(PREPOSITIONS_FR)
_VERB = words(AUXILIARIES, FORMS_OF_BE)
_WORD = r"[\w'’-]+"
_QUEL = r"quelle?s?|lequel|laquelle|lesquel(?:le)?s"
_ENOUGH_WORDS = 3  # before a pronoun: it may well mean one of them

_PERSON = re.compile(
    rf"\b(?P<own>his|her(?= (?!(?:{_IN_EN}|{_VERB}|as|and|or|than|when|if)\b)\w))\b|\b(?:he|she|him|her)\b",
    re.IGNORECASE,
)
_MANY = re.compile(r"\b(?P<own>their)\b|\b(?:they|them)\b", re.IGNORECASE)
# Not the "it" of "is it true that", "how long does it take" and "makes it difficult to".
_THING = re.compile(
    r"\b(?P<own>its)\b|(?<!makes )(?<!make )\bit\b"
    r"(?! (?:takes?|rains?|snows?|true|possible|necessary|clear|mean|ok|legal)\b)(?! (?:\w+ ){0,3}that\b)"
    r"(?! (?:more|less|so|too|common|easy|easier|hard|harder|difficult|safe|better|important) (?:\w+ )?(?:to|for)\b)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\b(?:that|so)\b(?=[,;]|$| (?:off|on|mean|again|in detail|further|happen\w*)\b)", re.IGNORECASE)
# "Who was noted for his improvisations?": the one who is asked for is the one they belong to.
_OWNER_ASKED_FOR = re.compile(
    rf"(?:who|which|what|how many)\b(?! (?:{words(FORMS_OF_BE)}) (?:his|her|their|its)\b)", re.IGNORECASE
)
# Nouns that mean nothing without what they are of.
_OF_SOMETHING = re.compile(
    r"(?:what(?:['’]s| is| was| are)|quel(?:le)? (?:est|était)) (?:the |la |le |l['’])"
    r"(?:default|reason|cause|exception|maximum|minimum|limit|raison|limite)(?: values?)?",
    re.IGNORECASE,
)
_QUESTION_FR = (
    rf"(?:(?:{_IN_FR}) ?)?(?:combien(?: d(?:e |['’]){_WORD})?|qui|que|quand|où|comment|pourquoi"
    rf"|(?:{_QUEL})(?: {_WORD})?)"
)
_INVERTED_FR = re.compile(
    rf"(?P<word>{_QUESTION_FR} )?(?P<verb>(?!qu['’]|(?:faut|fait|pleut|existe|reste|s['’]agit|s['’]est|se passe)-)"
    r"(?:(?:ne|se|le|la|les|lui|leur|me|te|en) )*[\w’']+-(?:t-)?(?P<pronoun>ils?|elles?)\b.*)",
    re.IGNORECASE,
)
_SUBJECT_FR = re.compile(
    r"(?P<that>\bqu['’])?(?<![-\w])(?P<pronoun>ils?|elles?)\b(?! (?:y a|faut|s['’]agit|est (?:vrai|possible))\b)",
    re.IGNORECASE,
)
_THERE_IS_FR = re.compile(r"\by a\w* $", re.IGNORECASE)
_OTHER_FR = re.compile(
    rf"{_QUESTION_FR} (?:est |sont |était |étaient )?(?:son|sa|ses|leurs?) {_WORD}.*"
    r"|(?:qui|quand|où|comment|pourquoi) l['’](?:a|ai|as|ont|avait|avaient|aurait)\b.*"
    r"|.*\b(?:ça|cela|celui-ci|celle-ci)\b.*",
    re.IGNORECASE,
)
_SMALL = re.compile(
    rf"(?:{_IN_EN}|{_IN_FR}|{_VERB}|{_QUEL}|the|a|an|who|whom|whose|what|when|where|which|why|how|many|much|long|often|not"
    r"|and|or|if|le|la|les|un|une|des|du|au|aux|qui|que|quand|où|comment|combien|pourquoi|est|sont|ont|était|se|ne|y|il|et)",
    re.IGNORECASE,
)


def replace_pronouns(question: str, asked: str, answer: str, *, french: bool) -> str | None:
    """The question with what its pronouns mean in their place.

    Args:
        question: without its question mark.
        asked: the question before.
        answer: its answer, empty where it was a longer text.
        french: whether the question is French rather than English.

    Returns:
        None where it has no pronoun, says itself what it means, or nothing before says it.
    """
    if _OF_SOMETHING.fullmatch(question):
        return f"{question} ({topic(asked)})"
    known = phrases(asked, french=french)
    return _replace_fr(question, asked, known, answer) if french else _replace_en(question, asked, known, answer)


def _replace_en(question: str, asked: str, known: Sequence[Phrase], answer: str) -> str | None:
    kinds: tuple[tuple[re.Pattern[str], Callable[[str, Sequence[Phrase], str], str | None]], ...] = (
        (_PERSON, _person),
        (_MANY, _many),
        (_THING, _thing),
    )
    made = question
    for pattern, find in kinds:
        pronoun = pattern.search(made)
        if pronoun is None or _says_itself(made, pronoun, french=False):
            continue
        meant = find(asked, known, answer) or (f"({topic(asked)})" if pattern is _THING else None)
        if meant is None or meant.casefold() in question.casefold():
            continue
        if meant.startswith("("):
            made = f"{made} {meant}"
        else:
            made = made[: pronoun.start()] + (_genitive(meant) if pronoun["own"] else meant) + made[pronoun.end() :]
    clause = _CLAUSE.search(made)
    if clause is not None and (made != question or not _says_itself(made, clause, french=False)):
        made = f"{made} ({topic(asked)})"
    return made if made != question else None


def _replace_fr(question: str, asked: str, known: Sequence[Phrase], answer: str) -> str | None:
    inverted = _INVERTED_FR.fullmatch(question)
    if inverted and (meant := _meant_fr(inverted["pronoun"], asked, known, answer)):
        return f"{inverted['word'] or ''}{meant} {inverted['verb']}"
    subject = _SUBJECT_FR.search(question)
    if (
        subject
        and not _THERE_IS_FR.search(question[: subject.start()])
        and not _says_itself(question, subject, french=True)
    ):
        meant = _meant_fr(subject["pronoun"], asked, known, answer)
        if meant is not None:
            return question[: subject.start()] + ("que " if subject["that"] else "") + meant + question[subject.end() :]
    if _OTHER_FR.fullmatch(question):
        return f"{question} ({_thing(asked, known, answer) or topic(asked)})"
    return None


def _says_itself(question: str, pronoun: re.Match[str], *, french: bool) -> bool:
    """Whether something stands before a pronoun that it may mean: a phrase, a part with a comma, or enough words."""
    before = question[: pronoun.start()]
    if any(phrase.start < len(before) and not phrase.is_possessed for phrase in phrases(question, french=french)):
        return True
    own = pronoun.re.groups and "own" in pronoun.re.groupindex and pronoun["own"]
    if own and _OWNER_ASKED_FOR.match(question) and not re.search(rf"\b(?:{words(AUXILIARIES)})\b", before):
        return True
    return "," in before or len([word for word in before.split() if not _SMALL.fullmatch(word)]) >= _ENOUGH_WORDS


def _person(asked: str, known: Sequence[Phrase], answer: str) -> str | None:
    if re.match(r"(?:who|whom|qui)\b", asked, re.IGNORECASE) and _is_name(answer):
        return answer
    names = [each for each in known if each.is_name and not each.determiner and not each.is_place]
    if names:
        return names[0].text
    if _is_name(answer):
        return answer
    return _alone(likeliest([each for each in known if each.determiner]))


def _many(asked: str, known: Sequence[Phrase], answer: str) -> str | None:
    if meant := _alone(likeliest([each for each in known if each.is_plural])):
        return meant
    counted = re.search(rf"\b(?:how many|which|combien de) ({_WORD}s)\b", asked, re.IGNORECASE)
    if counted:
        return counted[1]
    return answer if re.search(r" (?:and|et) |, ", answer) else None


def _thing(asked: str, known: Sequence[Phrase], answer: str) -> str | None:
    if asks_who_or_what_is(asked) and _is_name(answer):
        return answer
    known_best = likeliest([each for each in known if each.determiner and not each.is_possessed]) or likeliest(known)
    if known_best:
        return known_best.alone
    # Without a phrase in the question only an answer that is one will do: "a petition", not "three times".
    return answer if re.match(r"(?:an?|the|une?|les?|la|l['’])\b", answer, re.IGNORECASE) else None


def _meant_fr(pronoun: str, asked: str, known: Sequence[Phrase], answer: str) -> str | None:
    if pronoun.lower().endswith("s"):
        return _many(asked, known, answer)
    if re.match(r"qui\b", asked, re.IGNORECASE) and _is_name(answer):
        return answer
    feminine = pronoun.lower() == "elle"
    if meant := _alone(likeliest([each for each in known if each.has_gender(feminine=feminine)])):
        return meant
    names = [each for each in known if each.is_name and not each.is_place]
    if names:
        return names[-1].text
    return answer if _is_name(answer) else None


def likeliest(found: Sequence[Phrase]) -> Phrase | None:
    """The phrase that is likeliest to be spoken of again: the last that says neither when nor, if possible, where."""
    lasting = [each for each in found if not each.is_time]
    return next(reversed([each for each in lasting if not each.is_place] or lasting), None)


def _alone(found: Phrase | None) -> str | None:
    return found.alone if found else None


def _is_name(text: str) -> bool:
    parts = text.split()
    return 0 < len(parts) <= 5 and all(part[0].isupper() or part in ("de", "of", "von", "van") for part in parts)


def _genitive(owner: str) -> str:
    return f"{owner}'" if owner.endswith("s") else f"{owner}'s"
