"""What of the documents the generator is given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.passages import (
    choose_passages,
    estimated_tokens,
    fits,
    representative_passages,
    whole_context,
)
from assistant.documents.splitting import split_passages
from assistant.types import Document

TEXT = "\n\n".join(
    f"Paragraph {number} is about topic {number}. " + "It goes on for a while. " * 8 for number in range(30)
)
LONG = Document("long.txt", TEXT)


def test_the_best_passages_come_in_the_order_of_the_document() -> None:
    passages = split_passages(LONG, 300)
    context = choose_passages([passages[20], passages[3], passages[11]], (), 10_000)
    assert [place.start for place in context.passages] == [passages[at].start for at in (3, 11, 20)]
    assert context.best.start == passages[20].start


def test_a_place_that_the_reader_thought_of_is_in_it_though_words_rank_it_last() -> None:
    passages = split_passages(LONG, 300)
    holding = passages[-1]
    place = LONG.evidence(holding.start + 5, holding.start + 9)
    budget = 3 * estimated_tokens(holding.text)
    without = choose_passages(passages, (), budget)
    assert holding.start not in {part.start for part in without.parts}
    assert holding.start in {part.start for part in choose_passages(passages, [place], budget).parts}


def test_neighbours_are_joined_and_places_are_of_the_document() -> None:
    passages = split_passages(LONG, 300)
    context = choose_passages([passages[4], passages[5], passages[9]], (), 10_000)
    assert len(context.passages) == 2
    assert context.passages[0].text == TEXT[passages[4].start : passages[5].end]


@given(st.integers(min_value=1, max_value=3_000))
def test_the_budget_holds_but_for_the_one_best_passage(tokens: int) -> None:
    passages = split_passages(LONG, 300)
    parts = choose_passages(passages, (), tokens).parts
    assert len(parts) == 1 or sum(estimated_tokens(part.text) for part in parts) <= tokens


def test_a_short_text_is_given_whole() -> None:
    short = Document("short.txt", "One sentence. Another one.")
    assert fits([short], 100)
    assert "".join(place.text for place in whole_context([short]).passages) == short.text


@pytest.mark.parametrize("with_embeddings", [True, False])
def test_what_stands_for_a_whole_text_comes_from_all_of_it(with_embeddings: bool) -> None:
    passages = split_passages(LONG, 300)
    vectors = np.random.default_rng(0).normal(size=(len(passages), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    context = representative_passages(passages, vectors if with_embeddings else None, 900)
    starts = [part.start for part in context.parts]
    assert starts[0] == 0
    assert context.total == len(passages)
    quarters = {4 * start // len(TEXT) for start in starts}
    assert quarters == {0, 1, 2, 3}
    assert sum(estimated_tokens(part.text) for part in context.parts) <= 900
