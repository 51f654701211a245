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
    "|".join(f"{language.prepositions}|{language.small_words}" for language in LANGUAGES)
    + f"|{ENGLISH.auxiliaries}|{ENGLISH.being}",
    re.IGNORECASE,
)


def replace_pronouns(question: str, previous: str, answer: str, language: Language) -> str | None:
    """The question with what its pronouns mean in their place.

    Args:
        question: without its question mark.
        previous: the question before.
        answer: its answer, empty where it was a longer text.
        language: of the question.

    Returns:
        None where it has no pronoun, says itself what it means, or nothing before says it.
    """
    if _OF_SOMETHING.fullmatch(question):
        return f"{question} ({topic(previous)})"
    candidates = phrases(previous, language)
    inverted = language.inverted.fullmatch(question) if language.inverted else None
    if inverted and (referent := _by_form(inverted["pronoun"], previous, candidates, answer)):
        return f"{inverted['word'] or ''}{referent} {inverted['verb']}"
    rewritten = question
    for pronoun in language.pronouns:
        rewritten = _replace(pronoun, rewritten, question, previous, candidates, answer, language)
    all_of_it = language.all_of_it.pattern.search(rewritten)
    if all_of_it is not None and language.all_of_it.meaning == "thing":
        if rewritten == question:
            rewritten = f"{rewritten} ({_thing(previous, candidates, answer) or topic(previous)})"
    elif all_of_it is not None and (rewritten != question or not _says_itself(rewritten, all_of_it, language)):
        rewritten = f"{rewritten} ({topic(previous)})"
    return rewritten if rewritten != question else None


def _replace(
    pronoun: Pronoun,
    rewritten: str,
    question: str,
    previous: str,
    candidates: Sequence[Phrase],
    answer: str,
    language: Language,
) -> str:
    """The question as it was `rewritten` so far, with what a pronoun means in its place."""
    pronoun_match = pronoun.pattern.search(rewritten)
    if pronoun_match is None or _says_itself(rewritten, pronoun_match, language):
        return rewritten
    if pronoun.never_after is not None and pronoun.never_after.search(rewritten[: pronoun_match.start()]):
        return rewritten
    groups = pronoun_match.groupdict()
    match pronoun.meaning:
        case "person":
            referent = _person(previous, candidates, answer)
        case "many":
            referent = _many(previous, candidates, answer)
        case "thing":
            referent = _thing(previous, candidates, answer)
        case _:
            referent = _by_form(groups["pronoun"], previous, candidates, answer)
            if referent is not None:
                referent = f"que {referent}" if groups["that"] else referent
                return rewritten[: pronoun_match.start()] + referent + rewritten[pronoun_match.end() :]
    if referent is None and pronoun.or_topic:
        return f"{rewritten} ({topic(previous)})"
    if referent is None or referent.casefold() in question.casefold():
        return rewritten
    return (
        rewritten[: pronoun_match.start()]
        + (_genitive(referent) if groups["own"] else referent)
        + rewritten[pronoun_match.end() :]
    )


def _says_itself(question: str, pronoun: re.Match[str], language: Language) -> bool:
    """Whether something stands before a pronoun that it may mean: a phrase, a part with a comma, or enough words."""
    before = question[: pronoun.start()]
    if any(phrase.start < len(before) and not phrase.is_possessed for phrase in phrases(question, language)):
        return True
    own = pronoun.groupdict().get("own")
    if own and _OWNER_ASKED_FOR.match(question) and not re.search(rf"\b(?:{ENGLISH.auxiliaries})\b", before):
        return True
    return "," in before or len([word for word in before.split() if not _SMALL.fullmatch(word)]) >= _ENOUGH_WORDS


def _person(previous: str, candidates: Sequence[Phrase], answer: str) -> str | None:
    if re.match(r"(?:who|whom|qui)\b", previous, re.IGNORECASE) and _is_name(answer):
        return answer
    names = [phrase for phrase in candidates if phrase.is_name and not phrase.determiner and not phrase.is_place]
    if names:
        return names[0].text
    if _is_name(answer):
        return answer
    return _alone(likeliest([phrase for phrase in candidates if phrase.determiner]))


def _many(previous: str, candidates: Sequence[Phrase], answer: str) -> str | None:
    if referent := _alone(likeliest([phrase for phrase in candidates if phrase.is_plural])):
        return referent
    counted = re.search(rf"\b(?:how many|which|combien de) ({WORD}s)\b", previous, re.IGNORECASE)
    if counted:
        return counted[1]
    return answer if re.search(r" (?:and|et) |, ", answer) else None


def _thing(previous: str, candidates: Sequence[Phrase], answer: str) -> str | None:
    if asks_who_or_what_is(previous) and _is_name(answer):
        return answer
    best = likeliest([phrase for phrase in candidates if phrase.determiner and not phrase.is_possessed]) or likeliest(
        candidates
    )
    if best:
        return best.alone
    # Without a phrase in the question only an answer that is one will do: "a petition", not "three times".
    return answer if re.match(r"(?:an?|the|une?|les?|la|l['’])\b", answer, re.IGNORECASE) else None


def _by_form(pronoun: str, previous: str, candidates: Sequence[Phrase], answer: str) -> str | None:
    if pronoun.lower().endswith("s"):
        return _many(previous, candidates, answer)
    if re.match(r"qui\b", previous, re.IGNORECASE) and _is_name(answer):
        return answer
    feminine = pronoun.lower() == "elle"
    if referent := _alone(likeliest([phrase for phrase in candidates if phrase.has_gender(feminine=feminine)])):
        return referent
    names = [phrase for phrase in candidates if phrase.is_name and not phrase.is_place]
    if names:
        return names[-1].text
    return answer if _is_name(answer) else None


def likeliest(candidates: Sequence[Phrase]) -> Phrase | None:
    """The phrase that is likeliest to be spoken of again: the last that says neither when nor, if possible, where."""
    lasting = [phrase for phrase in candidates if not phrase.is_time]
    return next(reversed([phrase for phrase in lasting if not phrase.is_place] or lasting), None)


def _alone(phrase: Phrase | None) -> str | None:
    return phrase.alone if phrase else None


def _is_name(text: str) -> bool:
    parts = text.split()
    return 0 < len(parts) <= 5 and all(part[0].isupper() or part in ("de", "of", "von", "van") for part in parts)


def _genitive(owner: str) -> str:
    return f"{owner}'" if owner.endswith("s") else f"{owner}'s"
