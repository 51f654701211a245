"""What of the documents the generator is given: all, the passages that bear on the question, or notes on the parts."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from assistant.answering.in_thread import run_in_thread
from assistant.answering.passages import Context, choose_passages, fits, passage_tokens, whole_context
from assistant.answering.stages.index import index
from assistant.answering.stages.read import places_of
from assistant.answering.state import Resources, TurnState
from assistant.answering.whole_text import NOTE_TOKENS, beginning_of, joined_context, note_messages, parts_of
from assistant.answering.writing import write_stream
from assistant.errors import EmptyAnswerError
from assistant.events import Notice, Progress
from assistant.routing.intents import asks_of_one, asks_of_the_whole
from assistant.types import Document, Evidence

if TYPE_CHECKING:
    from assistant.generation.stream import Generator as TextGenerator


def find_context(
    state: TurnState, near: Sequence[Evidence], generator: "TextGenerator", resources: Resources
) -> Generator[Any, Any, Context]:
    """What a question is answered from.

    Args:
        state: the turn.
        near: places that the reader thought of, the likeliest first; where there are none it is asked.
        generator: what will read it.
        resources: the models.
    """
    question, models = state.turn.question, resources.models
    of_a_part, of_the_whole = passage_tokens(resources.settings, generator, state.turn.documents)
    whole = asks_of_the_whole(question)
    tokens = of_the_whole if whole else of_a_part
    # "Summarise it" is asked of the document that was opened last.
    documents = state.turn.documents[-1:] if asks_of_one(question) else state.turn.documents
    if fits(documents, tokens):
        return whole_context(documents)
    yield from index(documents, resources, state.cancel)
    if whole and len(documents) == 1:
        return (yield from _notes(state, documents[0], of_a_part, generator, resources))
    if not near:
        reader = yield from run_in_thread(models.reader)
        near = yield from places_of(reader, question, documents, resources.settings.windows, state.cancel)
    ranked = yield from run_in_thread(lambda _: models.ranker.rank(question, documents, cancel=state.cancel))
    return choose_passages(ranked, near, tokens)


def _notes(
    state: TurnState, document: Document, tokens: int, generator: "TextGenerator", resources: Resources
) -> Generator[Any, Any, Context]:
    """Notes on each part of a long document, taken now or when it was asked about before."""
    indexed = yield from run_in_thread(lambda _: resources.models.ranker.index(document, cancel=state.cancel))
    parts = parts_of(indexed.passages, indexed.embeddings, tokens)
    notes = list(resources.notes.get((document.id, generator.name, tokens)) or ())
    for number, part in enumerate(parts[len(notes) :], len(notes) + 1):
        yield Progress(f"Reading part {number} of {len(parts)}")
        sampling = resources.brief(NOTE_TOKENS)
        stream = generator.stream(note_messages(part), sampling=sampling, cancel=state.cancel)
        try:
            note = yield from write_stream(generator, stream, resources.settings, quiet=True)
        except EmptyAnswerError:
            note = ""
        if state.cancel.is_set():
            break
        notes.append(note or beginning_of(part))
        resources.notes.keep((document.id, generator.name, tokens), tuple(notes))  # a stop loses none of them
    context = joined_context(parts, notes)
    share = f"{len(context.parts):,} of its {context.total:,} passages"
    read = "all of it was read" if len(context.parts) == context.total else f"{share} were read"
    yield Notice(f"Written from notes on the {len(parts)} parts of {document.name}; {read}.")
    return context
