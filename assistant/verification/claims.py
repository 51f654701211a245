"""Claims: the statements of an answer that the verifier checks, each a hypothesis that stands by itself."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from assistant.documents.language import guess_language
from assistant.documents.sentences import split_sentences
from assistant.verification.references import resolve_pronoun
from assistant.verification.refusals import is_refusal
from assistant.verification.statements import adverbial_statement, is_yes_or_no_question, yes_or_no_statement

_CODE_BLOCK = re.compile(r"(^|\n)(```|~~~).*?(\n\2[^\n]*|\Z)", re.DOTALL)
_MARKUP = re.compile(r"^\s*(#+|[-*+>]|\d+[.)])\s+|(?<!\w)[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}(?!\w)", re.MULTILINE)
CITATION = re.compile(r"(\s*)\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
"""The numbers of passages behind a sentence: `[2]`, `[1, 3]`, `[2-4]`."""
_LETTERS = re.compile(r"\w\w")
_WORD = re.compile(r"[\w'’-]+")

# Where one statement may end and the next begin: a semicolon, or a conjunction with or without a comma.
_JOINT = re.compile(r"\s*(?:(;)|(,?)\s+(?:and|but|while|whereas|et|mais|tandis que|alors que))\s+", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|does|did|became|began|died|went|came|"
    r"wrote|took|gave|remains?|contains?|includes?|covers?|est|sont|était|étaient|fut|furent|a|ont|avait|avaient|peut|"
    r"peuvent|sera|seront|doit|doivent|devint|mourut|contient|comprend|compte|couvre)\b"
)
_PRONOUN = re.compile(r"(?:he|she|it|they|we|there|il|elle|ils|elles|on)\b", re.IGNORECASE)
_NOUN = re.compile(
    r"[A-ZÀ-Þ\d]|(?:the|a|an|its|his|her|their|this|these|le|la|les|un|une|des|ce|cette|son|sa|ses)\b|l['’]"
)
# A clause under one of these says something only together with the rest of its sentence.
_SUBORDINATE = re.compile(
    r"\b(?:that|which|who|whom|whose|whether|where|when|if|because|although|though|since|unless|until|as|than|both|"
    r"either|neither|between|que|qui|dont|où|quand|lorsque|si|parce|puisque|quoique|comme|entre|ni)\b|\bqu['’]",
    re.IGNORECASE,
)
_LINE_OF_ITS_OWN = re.compile(
    r"\n(?=[ \t]*(?:[-*+•]|\d{1,3}[.)]|#+)[ \t])|(?<=\n)[ \t]*(?:#+ |\*\*)[^\n]*(?:\n|\Z)|\A#+ [^\n]*\n|:[ \t]*\n"
)
_BOLD_LINE = re.compile(r"\s*(?:\*\*|__)[^*\n]{1,80}(?:\*\*|__):?\s*")
_COURTESY = re.compile(
    r"(?:sure|certainly|of course|absolutely|great question|good question|thank you|thanks|"
    r"you['’]re welcome|hello|hi|sorry|"
    r"i hope|hope this|let me know|feel free|please (?:let|feel|note that i)|if you (?:have|need|want|would)|is there "
    r"anything|i['’]m happy|i would be happy|happy to|would you like|here (?:is|are) (?:a|the|some|my|"
    r"your) (?:\w+ )?(?:summary|answer|list|"
    r"overview|points|reasons|steps|explanation)\W*\Z|bien sûr|avec plaisir|n['’]hésitez pas|j['’]espère|merci)\b",
    re.IGNORECASE,
)
_SPOKEN = re.compile(r"(yes|no|oui|non|si)(?![\w'’-])\s*(?:[,.;:!—–-]+\s*|(?=\Z))", re.IGNORECASE)
_ECHO = re.compile(
    r"(?:it|he|she|they|this|that|there|these|those|we|i)\s+(?:is|are|was|were|does|do|did|has|have|had|can|could|will|would)"
    r"(?P<denied>\s+not|n['’]t|not)?\s*[.!]?",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:in |on |at |to |from |by |for )?(?:who|whom|whose|what|which|when|where|why|how|qui|que|"
    r"quoi|quel|quelle|quand|où|"
    r"pourquoi|combien|comment)\b",
    re.IGNORECASE,
)
_SINGLE_THING = re.compile(
    r"(?:(?:in|on|at|to|from|by|for)\s+)?(?:who|whom|whose|when|where|which|what\s+(?:year|date|day|colou?r|name|number|age|"
    r"height|depth|length|size|price|city|country)|how\s+(?:many|much|long|old|far|deep|high|tall|large|often))\b",
    re.IGNORECASE,
)
_BECAUSE = re.compile(r"(?:because|since it|so that|due to|thanks to|parce qu)\b", re.IGNORECASE)
_ADVERBIAL = re.compile(
    r"(?:because|so that|due to|thanks to|in|on|at|by|from|since|until|after|before|during|between|"
    r"near|under|to|for|with|"
    r"within|around|about|parce que|en|à|depuis|pendant|après|avant)\b",
    re.IGNORECASE,
)
_ANY_VERB = re.compile(r"\b(?:[a-z]{2,}ed|won|lost|beat|made|built|held|found|left|led|fell|rose|grew|said|do|did)\b")
_BARE_WORDS = 4
_SHORT_ANSWER = 40  # words
_SUBJECT_WORDS = 8
_WORDS_BEFORE_VERB = 6


def span_claim(question: str, answer: str) -> str:
    """The hypothesis for a span: question and answer together.

    A verbatim span alone is entailed by its own text trivially; with the question before it the verifier has to check
    that the span answers it (AttrScore, Yue et al., 2023, puts the two together in the same way).
    """
    return f"{' '.join(question.split())} {' '.join(answer.split())}"


def text_claims(text: str) -> list[str]:
    """The statements of a text, as it words them."""
    return [claim for sentence in sentence_claims(text, resolve=False) for claim in sentence.claims]


def answer_claims(answer: str, question: str | None = None) -> list[str]:
    """The statements of an answer, each put so that it stands by itself (see `sentence_claims`)."""
    return list(dict.fromkeys(claim for each in sentence_claims(answer, question) for claim in each.claims))


@dataclass(frozen=True, slots=True)
class ClaimedSentence:
    """The characters `[start, end)` of an answer, a sentence or an item of a list, and what it claims."""

    start: int
    end: int
    claims: tuple[str, ...]


def sentence_claims(text: str, question: str | None = None, *, resolve: bool = True) -> list[ClaimedSentence]:
    """The sentences of an answer with their statements; offsets are those of the text without code and citations.

    Markdown marks are left out. Headings, questions, courtesies, words that only lead to a list, and sentences that say
    that the source holds no answer claim nothing. A yes or no claims what was asked; a pronoun at the start is put as
    what it stands for, and a bare answer is put behind its question, where that is certain.

    Args:
        text: the answer.
        question: what it answers.
        resolve: False leaves pronouns and bare answers as they are, and yes or no out of account.
    """
    prose = CITATION.sub("", _CODE_BLOCK.sub("\n\n", text))
    language = guess_language(prose) or "en"
    question = question if resolve else None
    found: list[ClaimedSentence] = []
    lead, before = "", None
    for start, end in _sentences(prose, language):
        said = prose[start:end]
        plain = " ".join(_MARKUP.sub("", said).split())
        if said.lstrip().startswith("#") or _BOLD_LINE.fullmatch(said) or not _LETTERS.search(plain):
            lead = ""
            continue
        if plain.endswith(":"):
            lead = plain.rstrip(":")
            continue
        if plain.endswith("?") or _COURTESY.match(plain) or is_refusal(plain):
            continue
        claims = _claims_of(plain, question, before, lead, first=not found) if resolve else statements(plain)
        if claims:
            before = claims[-1]
            found.append(ClaimedSentence(start, end, tuple(claims)))
    return found


def together(question: str, answer: str) -> str | None:
    """Question and answer as one claim, where the answer is short and the question asks for a single thing.

    A true sentence that does not answer is not entailed with its question before it.
    None where the question asks for no single thing, or where the answer's yes or no states it already.
    """
    short = len(answer.split()) <= _SHORT_ANSWER
    return span_claim(question, answer) if short and _SINGLE_THING.match(" ".join(question.split())) else None


def states_yes_or_no(question: str, answer: str) -> bool:
    """Whether an answer begins by saying yes or no to a question that asks for it."""
    return _spoken_answer(" ".join(answer.split()), question) is not None


def _sentences(prose: str, language: str) -> Iterable[tuple[int, int]]:
    """The sentences of a text; an item of a list and a line of a heading are of their own."""
    cuts = [0, *(match.end() for match in _LINE_OF_ITS_OWN.finditer(prose)), len(prose)]
    for begin, stop in pairwise(sorted(set(cuts))):
        for sentence in split_sentences(prose[begin:stop], language):
            yield begin + sentence.start, begin + sentence.end


def _claims_of(plain: str, question: str | None, before: str | None, lead: str, *, first: bool) -> list[str]:
    """The statements of one sentence, put so that they stand by themselves."""
    claims: list[str] = []
    if first and question and (spoken := _spoken_answer(plain, question)) is not None:
        yes, plain = spoken
        statement = yes_or_no_statement(question, yes=yes)
        claims.append(statement or span_claim(question, "Yes." if yes else "No."))
        if not plain:
            return claims
    if lead and not _says_something(plain):
        return [*claims, f"{lead} {plain}"]
    bare = not _says_something(plain) or _BECAUSE.match(plain)
    if bare and before and _BECAUSE.match(plain):
        return [*claims, f"{before.rstrip('.!')} {plain[0].lower()}{plain[1:]}"]
    if bare and first and question and not claims and _ASKS.match(" ".join(question.split())):
        put = adverbial_statement(question, plain) if _ADVERBIAL.match(plain) else None
        return [put or span_claim(question, plain)]
    plain = resolve_pronoun(plain, before=claims[0] if claims else before, question=question)
    return [*claims, *(claim for claim in statements(plain) if claim not in claims)]


def _spoken_answer(plain: str, question: str) -> tuple[bool, str] | None:
    """Whether a sentence says yes or no to a question, and what it says besides; None where it says neither."""
    if not is_yes_or_no_question(question):
        return None
    if spoken := _SPOKEN.match(plain):
        rest = plain[spoken.end() :].strip()
        yes = spoken[1].lower() in {"yes", "oui", "si"}
    elif echo := _ECHO.fullmatch(plain):
        return echo["denied"] is None, ""
    else:
        return None
    # "Yes, it is." says no more than "Yes."
    if not _LETTERS.search(rest) or _ECHO.fullmatch(rest):
        return yes, ""
    return yes, rest[0].upper() + rest[1:]


def _says_something(plain: str) -> bool:
    """Whether a sentence has a verb, as far as its form tells."""
    if _VERB.search(plain) or _ANY_VERB.search(plain):
        return True
    words = plain.split()
    return not _ADVERBIAL.match(plain) and len(words) > _BARE_WORDS and re.search(r"[a-z]{2}s\b", plain) is not None


def statements(sentence: str) -> list[str]:
    """The statements of a sentence that each can be true or false by itself; most sentences are one.

    A sentence is taken apart only where both sides have a verb and nothing on the left governs the right; a statement
    that shares its subject with the one before it is given that subject. In doubt the sentence stays whole.
    """
    for joint in _JOINT.finditer(sentence):
        left, right = sentence[: joint.start()], sentence[joint.end() :]
        verb = _VERB.search(left)
        if verb is None or _quoted(left) or (not joint[1] and _SUBORDINATE.search(left)):
            continue
        if subject := _subject(left[: verb.start()], right):
            right = f"{subject} {right}"
        elif not _stands_alone(right, apart=bool(joint[1] or joint[2])):
            continue
        return [_ended(left), *statements(right[0].upper() + right[1:])]
    return [sentence]


def _subject(before_verb: str, right: str) -> str | None:
    """What the right side's verb is said of, where it begins with one."""
    verb = _VERB.match(right)
    subject = before_verb.strip()
    fits = 0 < len(_WORD.findall(subject)) <= _SUBJECT_WORDS and not subject.endswith(",")
    return subject if verb and fits else None


def _stands_alone(right: str, *, apart: bool) -> bool:
    """Whether the right side has a subject and a verb of its own; without a comma before it only a pronoun tells."""
    verb = _VERB.search(right)
    if verb is None or len(_WORD.findall(right[: verb.start()])) > _WORDS_BEFORE_VERB:
        return False
    return bool(_PRONOUN.match(right)) or (apart and bool(_NOUN.match(right)))


def _quoted(left: str) -> bool:
    """Whether a quotation or a bracket is still open."""
    return left.count('"') % 2 == 1 or left.count("(") > left.count(")") or left.count("“") > left.count("”")


def _ended(statement: str) -> str:
    return statement if statement.endswith((".", "!", "?")) else f"{statement.rstrip(' ,;')}."
