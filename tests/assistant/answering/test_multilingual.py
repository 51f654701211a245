"""The profile for documents in other languages: its architectures, tiny, take a whole turn."""

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.answering.assistant import Assistant
from assistant.models.catalogue import ModelSpec, load_catalogue
from assistant.models.store import ModelStore
from assistant.settings import Settings
from assistant.types import Document, Route, Turn
from tests.assistant.reading.families import FAMILIES, save_reader

LABELS = {0: "entailment", 1: "neutral", 2: "contradiction"}
SPANISH = "La torre fue construida en 1904 por Elena Ruiz. La iglesia del pueblo no se terminó nunca. "


def _save_verifier(folder: Path) -> Path:
    """A tiny mDeBERTa (DeBERTa-v3's architecture with many languages' words) that tells three classes."""
    import torch
    import transformers

    family = FAMILIES["deberta-v3"]
    tokenizer = family.tokenizer()
    torch.manual_seed(5)
    config = transformers.DebertaV2Config(
        vocab_size=len(tokenizer), num_labels=3, id2label=LABELS, label2id={name: at for at, name in LABELS.items()},
        **family.config,
    )  # fmt: skip
    transformers.DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlanguage: [multilingual, en, es, de, zh]\n---\n", "utf-8")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """The catalogue with the profile's Hub models replaced by tiny ones of the same architectures."""
    catalogue = load_catalogue()
    known = catalogue.profile("multilingual")
    tiny = replace(
        known,
        reader=ModelSpec(str(save_reader("xlm-roberta", tmp_path / "reader"))),
        verifier=ModelSpec(str(_save_verifier(tmp_path / "verifier"))),
    )
    changed = replace(catalogue, profiles={**catalogue.profiles, "multilingual": tiny}, embedder=None)
    return ModelStore(tmp_path / "cache", changed)


def test_a_document_in_spanish_is_read_and_checked_without_a_word_on_its_language(store: ModelStore) -> None:
    assistant = Assistant(Settings(profile="multilingual"), store=store)
    turn = Turn("¿Quién construyó la torre?", (Document("torre", SPANISH),), route=Route.EXTRACT)
    answer = assistant.answer(turn)
    assert answer.route is Route.EXTRACT and answer.notices == ()
    assert answer.evidence or answer.closest
    place = (answer.evidence or (answer.closest,))[0]
    assert place is not None and SPANISH[place.start : place.end] == place.text
    if answer.text is not None:
        assert answer.verdict is not None


def test_the_verifier_of_the_profile_is_pinned_and_only_the_generator_is_of_the_catalogue() -> None:
    profile = load_catalogue().profile("multilingual")
    assert len(profile.verifier.base.partition("@")[2]) == 40
    assert profile.reader.base.startswith("deepset/xlm-roberta-base")
    assert profile.first_reader is None
