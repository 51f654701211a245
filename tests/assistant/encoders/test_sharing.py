import gc
from pathlib import Path
from typing import Any

import torch

from assistant.encoders import sharing
from assistant.encoders.sharing import share_weights
from tests.conftest import tiny_model

BASE = Path("base")


def _pair() -> tuple[Any, Any]:
    """Two models with different heads and one layer that differs, made from the same weights."""
    reader, verifier = tiny_model("bert", "QuestionAnswering"), tiny_model("bert", "SequenceClassification")
    verifier.bert.load_state_dict(reader.bert.state_dict(), strict=False)
    with torch.no_grad():
        verifier.bert.encoder.layer[0].attention.self.query.weight += 1
    return reader, verifier


def test_weights_that_are_equal_are_held_once_and_others_stay_apart() -> None:
    reader, verifier = _pair()
    inputs = {"input_ids": torch.tensor([[2, 5, 6, 3]])}
    before = verifier(**inputs).logits
    for model in (reader, verifier):
        share_weights(model, BASE)
    embeddings = [model.bert.embeddings.word_embeddings.weight for model in (reader, verifier)]
    queries = [model.bert.encoder.layer[0].attention.self.query.weight for model in (reader, verifier)]
    assert embeddings[0] is embeddings[1]
    assert queries[0] is not queries[1]
    assert torch.equal(verifier(**inputs).logits, before)


def test_models_of_other_bases_or_number_formats_share_nothing() -> None:
    reader, verifier = _pair()
    share_weights(reader, BASE)
    share_weights(verifier, Path("other"))
    assert reader.bert.embeddings.word_embeddings.weight is not verifier.bert.embeddings.word_embeddings.weight
    half = verifier.to(torch.bfloat16)
    share_weights(half, BASE)
    assert half.bert.embeddings.word_embeddings.weight.dtype == torch.bfloat16
    assert reader.bert.embeddings.word_embeddings.weight.dtype == torch.float32


def test_what_no_model_holds_any_more_is_given_back() -> None:
    model = tiny_model("bert", "QuestionAnswering")
    share_weights(model, Path("gone"))
    assert any(base == Path("gone") for base, _ in sharing._held)
    del model
    gc.collect()
    assert not any(base == Path("gone") for base, _ in sharing._held)
