from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assistant.encoders.precision import Precision
from assistant.errors import ModelError, UsageError
from assistant.loading.reader import load_reader
from assistant.models.store import ModelStore
from assistant.reading.reader import Question, Reader
from assistant.types import Document
from tests.assistant.reading.families import FAMILIES, save_reader

QUESTION = "How large is it, the forêt 😀?"
TEXT = (
    "The Amazon rainforest covers 5.5 million square kilometers.\r\nOù est l'été 😀 👩‍🚀 e\u0301te\u0301?\r\n\r\n"
    "Marie Curie wrote it in 1903 (in Paris).\tIt holds\u00a0390 billion trees — 亚马逊雨林 很大。 "
) * 25


def _load(folder: Path) -> Reader:
    return load_reader(ModelStore(folder / "no-cache").resolve(str(folder)))


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    return request.param, save_reader(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def family(folder: tuple[str, Path]) -> tuple[str, Reader]:
    return folder[0], _load(folder[1])


def test_it_reads_a_long_text_and_the_spans_are_where_they_say(family: tuple[str, Reader]) -> None:
    name, reader = family
    assert reader.max_length == FAMILIES[name].longest
    reading = reader.read([Question(QUESTION, Document("d", TEXT))])[0]
    assert reading.windows >= 3
    assert len(reading.spans) > 3
    for span in reading.spans:
        found = TEXT[span.start : span.end]
        assert found and found == found.strip()
        assert not TEXT[span.end : span.end + 1].startswith(("\u0301", "\u200d")), "a mark was left behind"
        assert np.isfinite(span.score)


def test_its_tokens_stand_for_the_characters_they_say(family: tuple[str, Reader]) -> None:
    tokens = family[1].encoder.tokenize([TEXT])[0]
    plain = family[1].encoder.tokenizer
    assert (np.diff(tokens.starts) >= 0).all()
    for wanted in ("5.5", "Marie", "1903", "trees", "million"):
        at = TEXT.index(wanted)
        covering = [i for i in range(len(tokens)) if tokens.ends[i] > at and tokens.starts[i] < at + len(wanted)]
        assert TEXT[tokens.starts[covering[0]] : tokens.ends[covering[-1]]].strip(" .") == wanted.strip(" .")
        said = plain.decode(tokens.ids[covering]).replace(" ", "").replace("Ġ", "").strip(".").lower()
        assert said == wanted.lower() or plain.unk_token.lower() in said


def test_a_pair_is_what_its_tokenizer_makes_of_the_two_texts(family: tuple[str, Reader]) -> None:
    name, reader = family
    encoder, text_first = reader.encoder, FAMILIES[name].text_first
    question, text = encoder.tokenize([QUESTION, TEXT])
    # A window that begins where the text does, and ends where a word does, is a text to the tokenizer too.
    window = TEXT[: TEXT.index(" wrote")]
    end = int(np.searchsorted(text.ends, len(window), side="right"))
    pair = encoder.encode(question.ids, text.ids[:end])
    expected = encoder.tokenizer(
        *((window, QUESTION) if text_first else (QUESTION, window)), return_token_type_ids=True, verbose=False
    )
    assert pair.input_ids.tolist() == expected["input_ids"]
    assert pair.token_type_ids.tolist() == expected["token_type_ids"]
    sides = expected.sequence_ids(0)
    assert pair.second == sides.index(0 if text_first else 1)
    assert pair.input_ids[pair.null] == encoder.tokenizer.cls_token_id
    assert pair.null == FAMILIES[name].null % len(pair)


def test_a_batch_of_windows_gives_what_each_window_gives_alone(family: tuple[str, Reader]) -> None:
    reader = family[1]
    network = reader.model.float()
    question, short, text = reader.encoder.tokenize([QUESTION, "Where?", TEXT])
    pairs = [
        reader.encoder.encode(asked.ids, text.ids[first : first + length])
        for asked in (question, short)
        for first, length in ((0, 60), (60, 9), (100, 33), (20, 1))
    ]
    inputs = reader.encoder.collate(pairs)
    with torch.inference_mode():
        batch = network(**inputs)
        for row, pair in enumerate(pairs):
            alone = reader.encoder.collate([pair])
            assert alone["input_ids"][0].tolist() == pair.input_ids.tolist()
            output = network(**alone)
            for kind in ("start_logits", "end_logits"):
                torch.testing.assert_close(batch[kind][row, : len(pair)], output[kind][0], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_it_works_in_every_number_format_a_machine_may_choose(
    folder: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(
        "assistant.loading.pretrained.best_precision", lambda device: Precision(dtype, "chosen by a test")
    )
    reader = _load(folder[1])
    assert next(reader.model.parameters()).dtype == dtype
    for name, buffer in reader.model.named_buffers():
        assert not name.endswith("inv_freq") or buffer.dtype == torch.float32
    assert reader.read([Question(QUESTION, Document("d", TEXT[:300]))])[0].spans


def test_the_null_span_beats_all_where_its_token_wins(family: tuple[str, Reader], monkeypatch: Any) -> None:
    """The logits of the family's CLS are what spans are held against: raising them lowers every span alike."""
    reader = family[1]
    question = Question(QUESTION, Document("d", TEXT[:150]))
    before = reader.read([question])[0].spans
    forward = reader.model.forward

    def raised(**inputs: Any) -> Any:
        output = forward(**inputs)
        found = inputs["input_ids"] == reader.encoder.tokenizer.cls_token_id
        output.start_logits[found] += 1000.0
        return output

    monkeypatch.setattr(reader.model, "forward", raised)
    after = reader.read([question])[0].spans
    assert max(span.score for span in after) == pytest.approx(max(span.score for span in before) - 1000, abs=8)


def test_a_format_that_overflows_is_left_for_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_reader("bert", tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["qa_outputs.bias"] += 1e6  # more than float16 holds, and nothing to float32
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    monkeypatch.setattr(
        "assistant.loading.pretrained.best_precision", lambda device: Precision(torch.float16, "chosen by a test")
    )
    reader = _load(folder)
    assert next(reader.model.parameters()).dtype == torch.float32
    assert reader.read([Question(QUESTION, Document("d", TEXT[:300]))])[0].spans


def test_an_encoder_without_the_head_is_refused_with_the_reason(encoder_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"no weights for qa_outputs\.bias.*saved as BertModel"):
        _load(encoder_folder)


def test_xlnet_saved_with_its_beam_search_head_is_refused_with_the_reason(tmp_path: Path) -> None:
    import transformers

    folder = save_reader("xlnet", tmp_path)
    config = transformers.XLNetConfig.from_pretrained(folder)
    transformers.XLNetForQuestionAnswering(config).save_pretrained(folder)
    with pytest.raises(ModelError, match="saved as XLNetForQuestionAnswering; name a model"):
        _load(folder)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    import transformers

    folder = save_reader("bert", tmp_path)
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32
    )
    transformers.ViTModel(config).save_pretrained(folder)
    with pytest.raises(ModelError, match="ViTConfig"):
        _load(folder)


def test_pickled_weights_alone_are_refused_with_the_reason(tmp_path: Path) -> None:
    folder = save_reader("bert", tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(ModelError, match=r"only as pytorch_model\.bin.*convert it to safetensors"):
        _load(folder)


def test_a_question_longer_than_a_short_model_takes_is_a_clear_error(tmp_path: Path) -> None:
    reader = _load(save_reader("roberta-130-positions", tmp_path))
    with pytest.raises(UsageError, match="too long"):
        reader.read([Question("Which river? " * 60, Document("d", TEXT))])
