"""What of the documents the generator is given: the passages that bear most on a question, within a budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from assistant.documents.passages import Passage
from assistant.documents.splitting import split_passages
from assistant.retrieval.ranking import words
from assistant.settings import Settings
from assistant.types import Document, Evidence

if TYPE_CHECKING:
    from assistant.generation.stream import Generator

PASSAGE_CHARACTERS = 600
_BYTES_A_TOKEN = 4
_SAMPLE = 4_000  # characters of a document that tell how many tokens its text has
_AROUND_PASSAGES = 400  # tokens of the prompt beside its passages: question, system prompt, an exchange before it
_ROOM_USED = 0.85  # of what is left by estimate
_FEWEST_TOKENS = 100
_FUSION = 60  # reciprocal rank fusion's usual constant
_DIMENSIONS = 4096  # of hashed words
_LONGEST_JOINED = 1_800  # characters: a longer stretch is too long to be pointed at


@dataclass(frozen=True, slots=True)
class Context:
    """The passages, numbered by their place in the list, and the one that bears most on the question."""

    passages: tuple[Evidence, ...]
    best: Evidence
    parts: tuple[Evidence, ...] = ()
    """The same before neighbours were joined, the most promising first."""
    total: int = 0
    """How many such parts the documents have."""
    notes: tuple[str, ...] = ()
    """What was noted of a long text, part by part: the generator is given these in place of the passages."""


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has: one for four bytes, which holds for prose in Latin script and for Chinese."""
    return len(text.encode()) // _BYTES_A_TOKEN + 1


def passage_tokens(settings: Settings, generator: "Generator", documents: Sequence[Document]) -> tuple[int, int]:
    """Room for passages, for a question of a part of a document and of the whole, as `estimated_tokens` counts.

    It is what the settings say, or what the context of a model of this process leaves beside an answer.
    """
    from assistant.generation.generator import LocalGenerator
    from assistant.generation.prompts import text_ids

    part, whole = settings.passage_tokens, 2 * settings.passage_tokens
    if not isinstance(generator, LocalGenerator):
        return part, whole
    sample = documents[0].text[:_SAMPLE]
    share = estimated_tokens(sample) / max(1, len(text_ids(sample, generator.tokenizer)))
    room = generator.context_tokens - min(settings.max_new_tokens, generator.context_tokens // 2) - _AROUND_PASSAGES
    limit = max(_FEWEST_TOKENS, round(room * min(1.0, share) * _ROOM_USED))
    return min(part, limit), min(whole, limit)


def fits(documents: Sequence[Document], tokens: int) -> bool:
    """Whether all the text of documents is within a budget of tokens."""
    return sum(estimated_tokens(document.text) for document in documents) <= tokens


def whole_context(documents: Sequence[Document]) -> Context:
    """All the text of documents, in passages, so that each can be pointed at."""
    passages = [each for document in documents for each in split_passages(document, PASSAGE_CHARACTERS)]
    places = tuple(passage.evidence() for passage in passages)
    return Context(places, places[0], places, len(places))


def choose_passages(ranked: Sequence[Passage], places: Sequence[Evidence], tokens: int) -> Context:
    """The passages that bear most on a question, in the order of the documents, neighbours joined.

    Two rankings are fused by reciprocal ranks: that of the passages by words and meaning, and that of the places where
    the reader thought the answer to be.

    Args:
        ranked: all passages of the documents, the most promising first.
        places: what the reader looked at, the likeliest first; may be empty.
        tokens: the budget; the best passage is in it however long it is.
    """
    scores = {at: 1 / (_FUSION + rank) for rank, at in enumerate(range(len(ranked)), 1)}
    for rank, place in enumerate(places, 1):
        holder = next((at for at, passage in enumerate(ranked) if _holds(passage, place)), None)
        if holder is not None:
            scores[holder] += 1 / (_FUSION + rank)
    order = sorted(scores, key=lambda at: -scores[at])
    chosen: list[Passage] = []
    left = tokens
    for at in order:
        cost = estimated_tokens(ranked[at].text)
        if chosen and cost > left:
            continue
        chosen.append(ranked[at])
        left -= cost
        if left <= 0:
            break
    return _context(chosen, len(ranked))


def representative_passages(
    passages: Sequence[Passage], embeddings: npt.NDArray[np.float32] | None, tokens: int
) -> Context:
    """Passages that stand for a whole text: of each stretch of it what is nearest to its middle.

    What is near is told by the embeddings or, without them, by shared words. The beginning, where authors say what they
    are about, is always among them.

    Args:
        passages: all of a document, in order.
        embeddings: of the passages, shape (passages, dimensions), of length one; or None.
        tokens: the budget.
    """
    costs = [estimated_tokens(passage.text) for passage in passages]
    count = max(2, tokens * len(costs) // max(1, sum(costs)))
    if sum(costs) <= tokens or len(passages) == 1:
        return _context(passages, len(passages))
    scores = _centrality(passages, embeddings, count)
    chosen, left = [0], tokens - costs[0]
    stretches = np.array_split(np.arange(1, len(passages)), min(count, len(passages) - 1))
    by_stretch = [sorted(stretch.tolist(), key=lambda at: -scores[at]) for stretch in stretches]
    for rank in range(max(map(len, by_stretch))):
        for stretch in by_stretch:
            if rank < len(stretch) and costs[stretch[rank]] <= left:
                chosen.append(stretch[rank])
                left -= costs[stretch[rank]]
    return _context([passages[at] for at in sorted(chosen)], len(passages))


def _centrality(
    passages: Sequence[Passage], embeddings: npt.NDArray[np.float32] | None, count: int
) -> npt.NDArray[np.float32]:
    """How near each passage is to the middle of its surroundings and of the whole, shape (passages,)."""
    if embeddings is None:
        vocabulary: dict[str, int] = {}
        rows = [[vocabulary.setdefault(word, len(vocabulary)) for word in words(each.text)] for each in passages]
        embeddings = np.zeros((len(passages), min(len(vocabulary) or 1, _DIMENSIONS)), dtype=np.float32)
        for at, row in enumerate(rows):
            np.add.at(embeddings[at], np.array(row, dtype=np.int64) % embeddings.shape[1], 1)
        embeddings /= np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-6)
    scores = embeddings @ embeddings.mean(axis=0)
    for stretch in np.array_split(np.arange(len(passages)), count):
        if len(stretch):
            scores[stretch] += embeddings[stretch] @ embeddings[stretch].mean(axis=0)
    centrality: npt.NDArray[np.float32] = scores.astype(np.float32)
    return centrality


def _context(chosen: Sequence[Passage], total: int) -> Context:
    places = tuple(passage.evidence() for passage in _joined(chosen))
    parts = tuple(passage.evidence() for passage in chosen)
    return Context(places, parts[0], parts, total)


def _holds(passage: Passage, place: Evidence) -> bool:
    return passage.document.name == place.document and passage.start <= place.start < passage.end


def _joined(passages: Sequence[Passage]) -> list[Passage]:
    """Passages in the order of their documents; those with nothing but white space between them become one."""
    order: dict[str, int] = {}
    for passage in passages:
        order.setdefault(passage.document.id, len(order))
    joined: list[Passage] = []
    for passage in sorted(passages, key=lambda each: (order[each.document.id], each.start)):
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.document is passage.document
            and not passage.document.text[last.end : passage.start].strip()
            and passage.end - last.start <= _LONGEST_JOINED
        ):
            joined[-1] = Passage(passage.document, last.start, passage.end)
        else:
            joined.append(passage)
    return joined
