"""What reading needs beforehand: the reader, and of long documents an index of their passages."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial

from assistant.answering.in_thread import run_in_thread
from assistant.answering.state import Resources
from assistant.errors import ModelError
from assistant.events import Event, Listener, Notice, Progress
from assistant.retrieval.ranking import Ranker
from assistant.types import Document


def prepare(
    documents: Sequence[Document],
    resources: Resources,
    cancel: threading.Event | None = None,
    *,
    windows: int | None = None,
) -> Iterator[Event]:
    """Load the reader, tokenise, index long documents; see `Assistant.prepare`."""
    reader = yield from run_in_thread(resources.models.reader)
    max_windows = resources.settings.windows if windows is None else windows
    # A token stands for at least one character, so that of a short text nothing need be counted.
    short = max_windows * max(1, reader.max_length // 2 - reader.stride)
    large = [each for each in documents if len(each.text) > short]
    long: list[Document] = []
    if large:
        long = yield from run_in_thread(lambda _: [each for each in large if reader.windows_of(each) > max_windows])
    if max_windows:
        yield from index(long, resources, cancel or threading.Event())


def index(documents: Sequence[Document], resources: Resources, cancel: threading.Event) -> Iterator[Event]:
    """Make ready what ranks the passages of documents, telling how far it is."""
    if not documents:
        return
    try:
        yield from run_in_thread(resources.models.embedder)
    except ModelError as error:
        yield Notice(f"Passages are ranked by the words they share with the question alone: {error}")
    ranker = resources.models.ranker
    for document in documents:
        if not ranker.knows(document):
            yield from run_in_thread(partial(_index, ranker, document, cancel))


def _index(ranker: Ranker, document: Document, cancel: threading.Event, tell: Listener) -> None:
    ranker.index(document, cancel=cancel, on_progress=lambda done, total: tell(Progress("Indexing", done, total)))
