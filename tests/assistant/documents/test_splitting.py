"""Passages: lossless for any text, and cut where the structure of the document allows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.documents.splitting import split_passages
from assistant.layout import LANGUAGES
from assistant.types import Document

pieces = st.sampled_from(
    ["# Heading\n", "\n## Two\n\n", "\n\n", "\r\n\r\n", "\r", "```\n", "\n---\n", "***", "Hello world. ", "你好。", "é",
     "e\u0301", "😀", "\x85", "\u2028", "x" * 300, "word " * 90, "\ndef f(x):\n", "\nclass A:\n", "\nfn main() {",
     "(a|b)", "\\s+", " ", "\n    return 1\n", "\t", "if (x) ", "\nfunction f() {}\n"]
)  # fmt: skip
texts = st.one_of(st.text(max_size=200), st.builds("".join, st.lists(pieces, max_size=40)))
names = st.sampled_from(["d", "a.md", "a.pdf", *(f"a{ending}" for ending in LANGUAGES)])


@given(texts.filter(lambda text: any(c.isprintable() and not c.isspace() for c in text)), names, st.integers(20, 900))
@settings(max_examples=300, deadline=None)
def test_passages_are_small_in_order_and_hold_every_character(text: str, name: str, characters: int) -> None:
    document = Document(name, text)
    held: set[int] = set()
    at = 0
    for passage in split_passages(document, characters):
        assert at <= passage.start < passage.end <= passage.start + characters
        assert passage.text == text[passage.start : passage.end] == passage.text.strip()
        held |= set(range(passage.start, passage.end))
        at = passage.end
    assert {index for index, char in enumerate(text) if not char.isspace()} <= held


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_section_that_fits_is_not_divided_and_one_that_does_not_begins_a_passage(newline: str) -> None:
    short = "## Short\n\n" + "Few words. " * 10
    long = "## Long\n\n" + "\n\n".join("Many words here. " * 20 for _ in range(5))
    text = "\n\n".join(["# Title", short, short, long, short, short]).replace("\n", newline)
    found = [passage.text for passage in split_passages(Document("a.md", text), 600)]
    for passage in found:
        assert "## Long" not in passage or passage.startswith("## Long")
    assert sum("## Short" in passage for passage in found) == 2
    assert found[-1].count("## Short") == 2
    assert sum(passage.count("Few words.") == 20 for passage in found) == 2


def test_source_is_divided_before_definitions() -> None:
    text = "import os\n" + "".join(
        f"\ndef function_{n}(x):\n    # comment {n}\n\n" + "    x = x + 1\n" * 20 for n in range(9)
    )
    passages = split_passages(Document("a.py", text), 400)
    assert len(passages) == 9
    assert all(passage.text.startswith("def ") for passage in passages[1:])


def test_prose_is_divided_between_paragraphs_then_sentences() -> None:
    sentence = "The keeper lit the lamp and went to bed. "
    text = f"{sentence * 5}\n \n{sentence * 40}"
    passages = split_passages(Document("a.txt", text), 300)
    assert passages[0].text == (sentence * 5).strip()
    assert all(passage.text.startswith("The") and passage.text.endswith("bed.") for passage in passages)
    chinese = split_passages(Document("a.txt", "灯塔建于海岸。" * 30), 50)
    assert all(passage.text.endswith("。") for passage in chinese)
