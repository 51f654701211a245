"""Questions about a whole text that is longer than a prompt: notes are taken of its parts, and the answer from these.

A text is cut into consecutive parts of about the same length. Of a part that is longer than the budget the passages
that stand for it are taken, so that the time for a text of any length is bounded. The notes do not depend on the
question: they are kept, and the next question about the whole text is answered from them at once (summaries of parts,
then of the summaries, as Wu et al., 2021, do for books).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assistant.answering.passages import Context, estimated_tokens, representative_passages
from assistant.documents.passages import Passage
from assistant.types import Evidence, Message

MOST_PARTS = 6
"""More would take longer than people wait: about ten seconds each on two cores."""

NOTE_TOKENS = 120
TEXTS_KEPT = 8
_BEGINNING = 480  # characters: about as long as a note
NOTE_QUESTION = (
    "What does this part of the text say? Two or three short sentences, with its names, numbers and dates, and nothing "
    "about the text itself."
)


def parts_of(
    passages: Sequence[Passage], embeddings: npt.NDArray[np.float32] | None, tokens: int, max_parts: int = MOST_PARTS
) -> list[Context]:
    """The parts of a text, in order, each with the passages that are read of it.

    Args:
        passages: all of the document, in order.
        embeddings: of the passages, shape (passages, dimensions), or None.
        tokens: the budget of a part.
        max_parts: at most so many parts.
    """
    costs = np.array([estimated_tokens(passage.text) for passage in passages])
    count = int(min(max_parts, max(1, -(-costs.sum() // tokens)), len(passages)))
    # A passage belongs to the part in which its middle lies.
    middles = np.cumsum(costs) - costs / 2
    numbers = np.minimum((middles * count / costs.sum()).astype(int), count - 1)
    parts = []
    for number in range(count):
        rows = np.flatnonzero(numbers == number).tolist()
        if rows:
            own = None if embeddings is None else embeddings[rows]
            parts.append(representative_passages([passages[at] for at in rows], own, tokens))
    return parts


def note_messages(part: Context) -> list[Message]:
    """The conversation that asks for the notes on a part."""
    from assistant.generation.prompts import grounded_messages

    text = "\n\n".join(place.text.strip() for place in part.passages)
    return grounded_messages(NOTE_QUESTION, [Evidence("", 0, len(text), text)], characters=len(text), form="")


def beginning_of(part: Context) -> str:
    """What stands in the place of notes on a part where the generator gave none: its first words."""
    text = " ".join(place.text.strip() for place in part.passages)[:_BEGINNING]
    return text.rpartition(" ")[0] or text


def joined_context(parts: Sequence[Context], notes: Sequence[str]) -> Context:
    """The parts as one context, with the notes that stand in the prompt for its passages."""
    passages = tuple(place for part in parts for place in part.passages)
    places = tuple(place for part in parts for place in part.parts)
    return Context(passages, places[0], places, sum(part.total for part in parts), tuple(notes))


def in_prompt(context: Context) -> Sequence[Evidence]:
    """What the generator is shown of a context: its notes where it has some, else its passages."""
    if not context.notes:
        return context.passages
    return [Evidence("", 0, len(note), note) for note in context.notes]
