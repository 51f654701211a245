"""Claims: the statements of an answer that the verifier checks, each a hypothesis that stands by itself."""

import re

from assistant.documents.sentences import split_sentences

_CODE_BLOCK = re.compile(r"(^|\n)(```|~~~).*?(\n\2[^\n]*|\Z)", re.DOTALL)
_MARKUP = re.compile(r"^\s*(#+|[-*+>]|\d+[.)])\s+|(?<!\w)[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}(?!\w)", re.MULTILINE)
_LETTERS = re.compile(r"\w\w")


def span_claim(question: str, answer: str) -> str:
    """The hypothesis for a span: question and answer together.

    A verbatim span alone is entailed by its own text trivially; with the question before it the verifier has to check
    that the span answers it (AttrScore, Yue et al., 2023, puts the two together in the same way).
    """
    return f"{' '.join(question.split())} {' '.join(answer.split())}"


def text_claims(text: str, language: str = "en") -> list[str]:
    """The sentences of a generated answer, without Markdown marks; code blocks are not claims."""
    prose = _CODE_BLOCK.sub("\n\n", text)
    sentences = [prose[sentence.start : sentence.end] for sentence in split_sentences(prose, language)]
    plain = [" ".join(_MARKUP.sub("", sentence).split()) for sentence in sentences]
    return [sentence for sentence in plain if _LETTERS.search(sentence)]
