"""Threads that load different models at the same time leave the libraries as they found them."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub.constants

from assistant.loading.embedder import load_embedder
from assistant.loading.generator import load_language_model
from assistant.loading.models import LoadedModels
from assistant.loading.pretrained import quietly
from assistant.loading.reader import load_reader
from assistant.models.store import ModelStore, ResolvedModel
from assistant.settings import Settings


def test_libraries_are_quiet_from_the_first_load_to_the_last_and_then_as_before() -> None:
    offline, filters = huggingface_hub.constants.HF_HUB_OFFLINE, list(warnings.filters)
    model = ResolvedModel("a model", Path())
    begun, over, go_on = threading.Event(), threading.Event(), threading.Event()

    def load() -> None:
        with quietly(model):
            begun.set()
            go_on.wait(20)
        over.set()

    thread = threading.Thread(target=load)
    thread.start()
    assert begun.wait(20)
    with quietly(model):
        go_on.set()
        assert over.wait(20)
        assert huggingface_hub.constants.HF_HUB_OFFLINE is True  # this one still loads
    thread.join()
    assert huggingface_hub.constants.HF_HUB_OFFLINE is offline
    assert warnings.filters == filters


def test_a_generator_is_at_hand_where_a_server_has_it_or_it_lies_on_this_machine(tmp_path: Path) -> None:
    def at_hand(**settings: object) -> bool:
        return LoadedModels(Settings.model_validate(settings), ModelStore(tmp_path / "cache")).generator_is_at_hand

    (tmp_path / "own").mkdir()
    assert at_hand(server="http://127.0.0.1:9")
    assert at_hand(generator=str(tmp_path / "own"))
    assert not at_hand()
    assert not at_hand(profile="someone/a-model")
    assert not at_hand(generator="no such model")


def test_models_that_threads_load_at_the_same_time_have_all_their_weights(
    generator_folder: Path, reader_folder: Path, encoder_folder: Path
) -> None:
    """Of two networks that transformers builds at once, one lost the weights that its layers share."""
    loads = {load_language_model: generator_folder, load_reader: reader_folder, load_embedder: encoder_folder}
    store = ModelStore()

    def load(at: int) -> None:
        loader, folder = list(loads.items())[at % len(loads)]
        loader(store.resolve(str(folder)))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(load, range(36))) == [None] * 36
