"""Claims: the statements of an answer that the verifier checks, each a hypothesis that stands by itself."""

import re

from assistant.documents.language import guess_language
from assistant.documents.sentences import split_sentences
from assistant.verification.refusals import is_refusal

_CODE_BLOCK = re.compile(r"(^|\n)(```|~~~).*?(\n\2[^\n]*|\Z)", re.DOTALL)
_MARKUP = re.compile(r"^\s*(#+|[-*+>]|\d+[.)])\s+|(?<!\w)[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}(?!\w)", re.MULTILINE)
_CITATION = re.compile(r"\s*\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]")
_LETTERS = re.compile(r"\w\w")
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+.*$", re.MULTILINE)
_COURTESY = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok|absolutely|bien sûr|volontiers)\b[\s,.!:]*)?"
    r"(?:(?:here(?:['’]s| is| are)|below (?:is|are)|the following (?:is|are)|voici)\b[^.!?]*:$"
    r"|(?:(?:I|we) hope (?:this|that|it)|let (?:me|us) know|feel free|please (?:let|note that I)|is there anything|"
    r"if you (?:have|need|would like)|would you like|j['’]espère que|n['’]hésitez pas)\b.*)?$",
    re.IGNORECASE,
)
_LEAD_IN_WORDS = 8
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
_SUBJECT_WORDS = 8
_WORDS_BEFORE_VERB = 6


def span_claim(question: str, answer: str) -> str:
    """The hypothesis for a span: question and answer together.

    A verbatim span alone is entailed by its own text trivially; with the question before it the verifier has to check
    that the span answers it (AttrScore, Yue et al., 2023, puts the two together in the same way).
    """
    return f"{' '.join(question.split())} {' '.join(answer.split())}"


def text_claims(text: str) -> list[str]:
    """The statements of a generated answer, without Markdown marks and numbers of passages.

    Code blocks are none, nor are headings, questions, courtesies ("Here is a summary:", "I hope this helps.") and
    sentences that only say that the text does not tell.
    """
    prose = _CITATION.sub("", _HEADING.sub("\n\n", _CODE_BLOCK.sub("\n\n", text)))
    language = guess_language(prose) or "en"
    sentences = [prose[sentence.start : sentence.end] for sentence in split_sentences(prose, language)]
    plain = [" ".join(_MARKUP.sub("", sentence).split()) for sentence in sentences]
    said = [sentence for sentence in plain if _LETTERS.search(sentence) and not _says_nothing(sentence)]
    return [claim for sentence in said for claim in statements(sentence)]


def _says_nothing(sentence: str) -> bool:
    """Whether a sentence states nothing about the text it was written from."""
    if sentence.endswith("?") or _COURTESY.match(sentence) is not None or is_refusal(sentence):
        return True
    return sentence.endswith(":") and len(_WORD.findall(sentence)) <= _LEAD_IN_WORDS and not _VERB.search(sentence)


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
