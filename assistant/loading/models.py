"""The models of a profile, each fetched and loaded when it is first needed."""

import threading
from typing import TYPE_CHECKING

from assistant.encoders.token_cache import TokenCache
from assistant.errors import AssistantError
from assistant.events import Listener, Notice, Progress
from assistant.loading.free_memory import memory_warning
from assistant.models.catalogue import ModelSpec, Profile
from assistant.models.index_files import IndexFiles
from assistant.models.store import ModelStore
from assistant.retrieval.ranking import Ranker
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.generation.generator import Generator
    from assistant.reading.reader import Reader
    from assistant.retrieval.embedding import SentenceEmbedder
    from assistant.verification.verifier import Verifier

_POLL_SECONDS = 0.1


class LoadedModels:
    """What answers a turn: a generator, a reader, a verifier, and what ranks the passages of long documents.

    Each method takes what is told of the progress, and raises ModelError where the model cannot be fetched or loaded.

    Args:
        settings: name the profile, and models that stand in for the profile's.
        store: where models come from and are kept.
    """

    def __init__(self, settings: Settings, store: ModelStore) -> None:
        self._settings = settings
        self._store = store
        hub = store.is_hub_profile(settings.profile)  # then it is known when its model is there
        self._known_profile = None if hub else store.catalogue.profile(settings.profile)
        self._generator: Generator | None = None
        self._reader: Reader | None = None
        self._verifier: Verifier | None = None
        self._embedder: SentenceEmbedder | None = None
        self._tokens = TokenCache()
        self._loading_generator = threading.Lock()
        self._loading_readers = threading.RLock()
        self.unattended = False
        """Nobody watches: a server's passing troubles are waited out."""
        self.ranker = Ranker(lambda: self._embedder, IndexFiles(store.cache))

    def close(self) -> None:
        """Let the models go."""
        self._generator = self._reader = self._verifier = self._embedder = None

    def profile(self, on_event: Listener) -> Profile:
        """The profile of the settings; a model of the Hub in its place is fetched to see which part it plays."""
        if self._known_profile is None:
            self._known_profile = self._store.profile(self._settings.profile, on_event)
        return self._known_profile

    def generator(self, on_event: Listener) -> "Generator":
        """The profile's generator, or the server of the settings; where another thread loads it already, that one's."""
        with self._loading_generator:
            if self._generator is None:
                self._generator = self._load_generator(on_event)
        if self._settings.server:
            self._generator.unattended = self.unattended  # type: ignore[attr-defined]  # it is a ServerGenerator
        return self._generator

    @property
    def loaded_generator(self) -> "Generator | None":
        """The generator, if it was loaded already."""
        return self._generator

    def generator_has_come(self, cancel: threading.Event) -> bool:
        """Wait while another thread loads the generator, or until `cancel` is set; whether the wait is over."""
        while not self._loading_generator.acquire(timeout=_POLL_SECONDS):
            if cancel.is_set():
                return False
        self._loading_generator.release()
        return True

    @property
    def generator_is_at_hand(self) -> bool:
        """Whether the generator needs no download: it is on this machine, or a server has it."""
        if self._settings.server:
            return True
        if self._settings.generator is not None:
            needed = [self._settings.generator]
        elif self._known_profile is not None:
            spec = self._known_profile.generator
            needed = [name for name in (spec.base, spec.adapter) if name is not None]
        else:
            return False
        try:
            return all(self._store.is_ready(name) for name in needed)
        except AssistantError:
            return False  # whoever loads it says why

    def reader(self, on_event: Listener) -> "Reader":
        """The profile's reader; where another thread loads it already, that one's."""
        with self._loading_readers:
            return self._load_reader(on_event)

    def _load_reader(self, on_event: Listener) -> "Reader":
        if self._reader is None:
            model = self._store.resolve(self._settings.reader or self.profile(on_event).reader, on_event)
            on_event(Progress("Loading the reader"))
            from assistant.loading.reader import load_reader

            self._reader = load_reader(model)
            self._reader.ranker, self._reader.tokens = self.ranker, self._tokens
            first = None if self._settings.reader else self.profile(on_event).first_reader
            if first is not None:
                self._reader.first = load_reader(self._store.resolve(first, on_event))
                self._reader.first.ranker, self._reader.first.tokens = self.ranker, self._tokens
        return self._reader

    def verifier(self, on_event: Listener) -> "Verifier":
        """The profile's verifier; where another thread loads it already, that one's."""
        with self._loading_readers:
            return self._load_verifier(on_event)

    def _load_verifier(self, on_event: Listener) -> "Verifier":
        if self._verifier is None:
            model = self._store.resolve(self._settings.verifier or self.profile(on_event).verifier, on_event)
            on_event(Progress("Loading the verifier"))
            from assistant.loading.verifier import load_verifier

            self._verifier = load_verifier(model)
            self._verifier.selector.tokens = self._tokens
        return self._verifier

    def embedder(self, on_event: Listener) -> "SentenceEmbedder | None":
        """What embeds passages and questions; None where the catalogue and the settings name none."""
        name = self._settings.embedder or self._store.catalogue.embedder
        if self._embedder is None and name is not None:
            model = self._store.resolve(name, on_event)
            on_event(Progress("Loading the embedder"))
            from assistant.loading.embedder import load_embedder

            self._embedder = load_embedder(model)
        return self._embedder

    def _load_generator(self, on_event: Listener) -> "Generator":
        if self._settings.server:
            from assistant.generation.server.generator import server_generator

            generator = server_generator(self._settings, on_event)
            generator.unattended = self.unattended
            return generator
        if self._settings.generator is None and (warning := memory_warning(self.profile(on_event))):
            on_event(Notice(warning))
        spec: ModelSpec | str = self._settings.generator or self.profile(on_event).generator
        model = self._store.resolve(spec, on_event)
        on_event(Progress("Loading the generator"))
        from assistant.loading.generator import load_generator

        return load_generator(model, self._settings.quantisation, cache=self._store.cache, on_progress=on_event)
