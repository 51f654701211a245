"""Passages cut where a document's own structure begins something: a section, a definition, a paragraph, a sentence."""

from assistant.documents.formats import suffix
from assistant.documents.passages import Passage
from assistant.layout import LANGUAGES
from assistant.types import Document

PASSAGE_CHARACTERS = 900
_BLANK_LINE = r"\n[ \t\r]*\n"
_SENTENCE = r"(?<=[.!?…][\s\"'»”’)\]])(?=\S)|(?<=[。！？])"


def split_passages(document: Document, characters: int = PASSAGE_CHARACTERS) -> list[Passage]:
    """Split a document into passages in order, without overlap; together they hold all that is not white space.

    Source files are cut before definitions, everything else before Markdown's headings, then between paragraphs,
    lines and sentences: a section that fits is never divided, and one that does not begins a passage.

    Args:
        document: what to split; the ending of its name says which language a source file is in.
        characters: the most characters of a passage.
    """
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=characters,
        chunk_overlap=0,
        separators=_separators(document.name),
        is_separator_regex=True,
        keep_separator="start",
        strip_whitespace=False,
    )
    passages = []
    end = 0
    for piece in splitter.split_text(document.text):
        start, end = end, end + len(piece)  # with the separators kept and nothing stripped, pieces join up to the text
        if stripped := piece.strip():
            start += len(piece) - len(piece.lstrip())
            passages.append(Passage(document, start, start + len(stripped)))
    return passages


def _separators(name: str) -> list[str]:
    from langchain_text_splitters import Language, RecursiveCharacterTextSplitter

    if language := LANGUAGES.get(suffix(name)):
        return RecursiveCharacterTextSplitter.get_separators_for_language(Language(language))
    markdown = RecursiveCharacterTextSplitter.get_separators_for_language(Language.MARKDOWN)
    structure = markdown[: markdown.index("\n\n")]
    return [*structure, _BLANK_LINE, r"\n", _SENTENCE, r"\s", ""]
