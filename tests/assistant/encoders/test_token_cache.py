from pathlib import Path

import pytest
from transformers import AutoTokenizer

from assistant.answering.assistant import Assistant
from assistant.encoders.pairs import PairEncoder
from assistant.encoders.token_cache import TokenCache
from assistant.events import unheard
from assistant.settings import Settings
from assistant.types import Document
from tests.conftest import bert_tokenizer, roberta_tokenizer

TEXTS = [Document(f"d{number}", f"Marie Curie wrote report {number} in Paris.") for number in range(4)]


@pytest.fixture
def two_of_a_folder(tmp_path: Path) -> list[PairEncoder]:
    """The encoders of a reader and of a verifier on one base."""
    bert_tokenizer().save_pretrained(tmp_path)
    return [PairEncoder(AutoTokenizer.from_pretrained(tmp_path)) for _ in range(2)]


def test_a_document_is_tokenised_once_for_both_that_read_it(
    two_of_a_folder: list[PairEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, verifier = two_of_a_folder
    cache = TokenCache()
    first = cache.tokenized(reader, TEXTS)
    monkeypatch.setattr(verifier, "tokenize", lambda texts: pytest.fail("tokenised again") if texts else [])
    assert all(one is other for one, other in zip(cache.tokenized(verifier, TEXTS[::-1]), first[::-1], strict=True))


def test_what_other_tokenizers_make_is_their_own(two_of_a_folder: list[PairEncoder]) -> None:
    cache = TokenCache()
    encoders = [two_of_a_folder[0], PairEncoder(bert_tokenizer()), PairEncoder(roberta_tokenizer())]
    lengths = [len(cache.tokenized(each, TEXTS[:1])[0]) for each in encoders]
    assert lengths == [len(each.tokenize([TEXTS[0].text])[0]) for each in encoders]


def test_a_document_that_comes_twice_is_given_twice(two_of_a_folder: list[PairEncoder]) -> None:
    cache = TokenCache()
    for _ in range(2):
        texts = cache.tokenized(two_of_a_folder[0], [TEXTS[1], TEXTS[0], TEXTS[1]])
        assert texts[0] is texts[2] and texts[0] is not texts[1]


def test_more_documents_than_are_kept_are_all_given(
    two_of_a_folder: list[PairEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.encoders.token_cache.DOCUMENTS_KEPT", 2)
    cache = TokenCache()
    assert len(cache.tokenized(two_of_a_folder[0], TEXTS)) == 4
    assert len(cache._texts) == 2


def test_all_models_of_an_assistant_share_it(tiny_settings: dict[str, str]) -> None:
    models = Assistant(Settings(**tiny_settings)).models
    assert models.reader(unheard).tokens is models.verifier(unheard).selector.tokens
