"""What the pronouns of a follow-up mean, found in the question and the answer before it."""

import re
from collections.abc import Sequence

from assistant.routing.languages import ENGLISH, LANGUAGES, Language, Pronoun
from assistant.routing.languages.language import WORD
from assistant.routing.noun_phrases import Phrase, phrases
from assistant.routing.question_words import asks_who_or_what_is, topic

_ENOUGH_WORDS = 3  # before a pronoun: it may well mean one of them
# "Who was noted for his improvisations?": the one who is asked for is the one they belong to.
_OWNER_ASKED_FOR = re.compile(
    rf"(?:who|which|what|how many)\b(?! (?:{ENGLISH.being}) (?:his|her|their|its)\b)", re.IGNORECASE
)
# Nouns that mean nothing without what they are of.
_OF_SOMETHING = re.compile(
    r"(?:what(?:['’]s| is| was| are)|quel(?:le)? (?:est|était)) (?:the |la |le |l['’])"
    r"(?:default|reason|cause|exception|maximum|minimum|limit|raison|limite)(?: values?)?",
    re.IGNORECASE,
)
_SMALL = re.compile(
    "|".join(f"{each.prepositions}|{each.small_words}" for each in LANGUAGES)
    + f"|{ENGLISH.auxiliaries}|{ENGLISH.being}",
    re.IGNORECASE,
)


def replace_pronouns(question: str, asked: str, answer: str, language: Language) -> str | None:
    """The question with what its pronouns mean in their place.

    Args:
        question: without its question mark.
        asked: the question before.
        answer: its answer, empty where it was a longer text.
        language: of the question.

    Returns:
        None where it has no pronoun, says itself what it means, or nothing before says it.
    """
    if _OF_SOMETHING.fullmatch(question):
        return f"{question} ({topic(asked)})"
    known = phrases(asked, language)
    inverted = language.inverted.fullmatch(question) if language.inverted else None
    if inverted and (meant := _by_form(inverted["pronoun"], asked, known, answer)):
        return f"{inverted['word'] or ''}{meant} {inverted['verb']}"
    made = question
    for pronoun in language.pronouns:
        made = _replace(pronoun, made, question, asked, known, answer, language)
    whole = language.all_of_it.pattern.search(made)
    if whole is not None and language.all_of_it.meaning == "thing":
        if made == question:
            made = f"{made} ({_thing(asked, known, answer) or topic(asked)})"
    elif whole is not None and (made != question or not _says_itself(made, whole, language)):
        made = f"{made} ({topic(asked)})"
    return made if made != question else None


def _replace(
    pronoun: Pronoun, made: str, question: str, asked: str, known: Sequence[Phrase], answer: str, language: Language
) -> str:
    """The question as it was `made` so far, with what a pronoun means in its place."""
    found = pronoun.pattern.search(made)
    if found is None or _says_itself(made, found, language):
        return made
    if pronoun.never_after is not None and pronoun.never_after.search(made[: found.start()]):
        return made
    groups = found.groupdict()
    match pronoun.meaning:
        case "person":
            meant = _person(asked, known, answer)
        case "many":
            meant = _many(asked, known, answer)
        case "thing":
            meant = _thing(asked, known, answer)
        case _:
            meant = _by_form(groups["pronoun"], asked, known, answer)
            if meant is not None:
                meant = f"que {meant}" if groups["that"] else meant
                return made[: found.start()] + meant + made[found.end() :]
    if meant is None and pronoun.or_topic:
        return f"{made} ({topic(asked)})"
    if meant is None or meant.casefold() in question.casefold():
        return made
    return made[: found.start()] + (_genitive(meant) if groups["own"] else meant) + made[found.end() :]


def _says_itself(question: str, pronoun: re.Match[str], language: Language) -> bool:
    """Whether something stands before a pronoun that it may mean: a phrase, a part with a comma, or enough words."""
    before = question[: pronoun.start()]
    if any(phrase.start < len(before) and not phrase.is_possessed for phrase in phrases(question, language)):
        return True
    own = pronoun.groupdict().get("own")
    if own and _OWNER_ASKED_FOR.match(question) and not re.search(rf"\b(?:{ENGLISH.auxiliaries})\b", before):
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
    counted = re.search(rf"\b(?:how many|which|combien de) ({WORD}s)\b", asked, re.IGNORECASE)
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


def _by_form(pronoun: str, asked: str, known: Sequence[Phrase], answer: str) -> str | None:
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
