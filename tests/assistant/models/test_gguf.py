"""GGUF files: what they hold is what transformers and the engine for CPUs compute."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from assistant.errors import ModelError, StoreError
from assistant.generation.engines.likely import NEAR
from assistant.generation.engines.packing import BLOCK, LONG_BLOCK, pack_tensor
from assistant.loading.generator import load_generator, load_language_model
from assistant.models.gguf import GGUFFile, GGUFTensor, write_description
from assistant.models.prepared import remove_prepared
from assistant.models.store import ResolvedModel

WriteGguf = Callable[..., Path]
TOKENS = [1, 7, 70, 200, 31, 31, 90, 150, 8]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, write_gguf: WriteGguf) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def described(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("described")
    write_description(source, folder)
    return folder


def _far(found: torch.Tensor, expected: torch.Tensor) -> float:
    """How far logits are from others, of the tokens that are likely: what is not is only computed coarsely."""
    likely = expected > expected.max() - NEAR
    return float((found - expected)[likely].norm() / expected[likely].norm())


def _model_of(path: Path) -> ResolvedModel:
    write_description(path, path.parent)
    return ResolvedModel(path.stem, path.parent, gguf=path)


def test_the_dequantised_model_computes_what_transformers_own_gguf_reader_computes(source: Path, described: Path):
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32).eval()
    ours, _ = load_language_model(ResolvedModel("tiny", described, gguf=source), fastest=False)
    ids = torch.arange(24)[None]
    with torch.no_grad():
        expected, found = theirs(ids).logits, ours(ids).logits
    assert (found - expected).abs().mean() < 1e-4 * expected.std()
    assert ours.lm_head.weight is ours.model.embed_tokens.weight


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("llama", {}),
        ("llama", {"own_output": True, "kinds": ("Q4_0", "Q8_0")}),
        ("qwen2", {"splitting": "qwen2", "biased": True, "kinds": ("Q4_1", "Q5_0", "Q8_0", "Q5_1")}),
        ("qwen2", {"splitting": "qwen2", "biased": True, "own_output": True, "kinds": ("F16", "Q4_0")}),
    ],
    ids=["llama", "llama-own-output", "qwen2-mixed-formats", "qwen2-half-floats"],
)
def test_the_engine_computes_what_the_dequantised_model_computes(
    architecture: str, options: dict, write_gguf: WriteGguf, tmp_path: Path
):
    pytest.importorskip("onnxruntime")
    model = _model_of(write_gguf(tmp_path / "tiny.gguf", architecture=architecture, **options))
    network, _ = load_language_model(model, fastest=False)
    with torch.no_grad():
        expected = network(torch.tensor([TOKENS])).logits[0, -1]
    generator = load_generator(model, cache=tmp_path)
    assert type(generator.engine).__name__ == "OnnxEngine"
    found = generator.engine.forward(TOKENS)[0]
    assert _far(found, expected) < 0.1
    generator.engine.rewind(3)
    for token in TOKENS[3:]:
        found = generator.engine.forward([token])[0]
    assert _far(found, expected) < 0.1
    assert generator.engine.parameters == sum(weight.numel() for weight in network.parameters())


def test_six_bits_lose_next_to_nothing_in_eight():
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    random = np.random.default_rng(2)
    rows = random.integers(0, 256, (5, 4, 210), dtype=np.uint8)
    rows[..., 208:] = np.array([0.01], np.float16).view(np.uint8)
    rows[..., 192:208] = random.integers(40, 90, (5, 4, 16))  # scales of neighbouring blocks are alike in real weights
    rows = rows.reshape(5, -1)
    expected = dequantize(rows, GGMLQuantizationType.Q6_K)
    for block in (BLOCK, LONG_BLOCK):
        packed = pack_tensor(GGUFTensor("a", "Q6_K", (5, 1024), rows, 0), block)
        assert (packed.bits, packed.block) == (8, block)
        assert np.abs(packed.floats() - expected).max() <= 0.51 * np.abs(expected).max() / 127


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K"])
def test_what_is_packed_is_to_the_last_digit_what_the_file_holds(kind: str):
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import dequantize

    random = np.random.default_rng(1)
    block, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    rows = random.integers(0, 256, (5, 1024 // block, size), dtype=np.uint8)
    # Scales are float16 numbers of two bytes at these places: any bytes there could be infinite.
    for at in {"Q4_1": (0, 2), "Q5_1": (0, 2), "Q4_K": (0, 2), "Q5_K": (0, 2)}.get(kind, (0,)):
        numbers = random.uniform(-0.1, 0.1, (*rows.shape[:2], 1)).astype(np.float16)
        rows[..., at : at + 2] = numbers.view(np.uint8)
    rows = rows.reshape(5, -1)
    packed = pack_tensor(GGUFTensor("a", kind, (5, 1024), rows, 0))
    expected = dequantize(rows, GGMLQuantizationType[kind])
    assert np.allclose(packed.floats(), expected, rtol=1e-6, atol=1e-7)
    assert packed.bits == (4 if kind.startswith("Q4") else 8)


def test_an_adapter_is_computed_beside_the_weights_and_loses_nothing_there(write_gguf: WriteGguf, tmp_path: Path):
    pytest.importorskip("onnxruntime")
    from peft import LoraConfig, get_peft_model

    path = write_gguf(tmp_path / "tiny.gguf", architecture="llama")
    plain = _model_of(path)
    network, _ = load_language_model(plain, fastest=False)
    torch.manual_seed(5)
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "o_proj", "down_proj"], task_type="CAUSAL_LM"
    )
    tuned = get_peft_model(network, config)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    adapter = tmp_path / "adapter"
    tuned.save_pretrained(str(adapter))
    with torch.no_grad():
        expected = tuned(torch.tensor([TOKENS])).logits[0, -1]
    model = ResolvedModel("tuned", plain.base, adapter, path)
    found = load_generator(model, cache=tmp_path).engine.forward(TOKENS)[0]
    without = load_generator(plain, cache=tmp_path).engine.forward(TOKENS)[0]
    assert _far(found, expected) < 0.1 < _far(without, expected)
    # The dequantised model takes the adapter too.
    merged, _ = load_language_model(model, fastest=False)
    with torch.no_grad():
        assert torch.allclose(merged(torch.tensor([TOKENS])).logits[0, -1], expected, atol=1e-3)


def test_an_adapter_of_another_size_is_refused(write_gguf: WriteGguf, tmp_path: Path):
    pytest.importorskip("onnxruntime")
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    other = LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
    )
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(other, config).save_pretrained(str(tmp_path / "adapter"))
    path = write_gguf(tmp_path / "tiny.gguf")
    model = _model_of(path)
    with pytest.raises(ModelError, match="does not fit the base"):
        load_generator(ResolvedModel("wrong", model.base, tmp_path / "adapter", path), cache=tmp_path)


def test_the_form_that_is_run_is_made_once_and_again_when_the_file_changes(write_gguf: WriteGguf, tmp_path: Path):
    pytest.importorskip("onnxruntime")
    model = _model_of(write_gguf(tmp_path / "tiny.gguf"))
    told: list[str] = []
    for _ in range(2):
        load_generator(model, cache=tmp_path, on_progress=lambda progress: told.append(progress.stage))
    assert len(told) == 1 and "done once" in told[0]
    write_gguf(tmp_path / "tiny.gguf", kinds=("Q4_0",))
    load_generator(model, cache=tmp_path, on_progress=lambda progress: told.append(progress.stage))
    assert len(told) == 2
    assert len([path for path in (tmp_path / "prepared").iterdir() if path.is_dir()]) == 1


def test_the_tokenizer_knows_the_marks_of_a_chat(described: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(described)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert text == "<|im_start|>user\nhi<|im_end|>\n"
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == 1
    assert ids[-2] == 2
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert tokenizer.is_fast


def test_digits_stand_alone_so_that_the_indentation_before_them_stays_one_token(described: Path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(described)
    assert tokenizer.tokenize("ab  42") == ["ab", "ĠĠ", "4", "2"]
    assert tokenizer.decode(tokenizer("é  42 🙂")["input_ids"]) == "é  42 🙂"


@pytest.mark.parametrize("keep", [0, 3, 100, 4000, -200])
def test_a_file_cut_short_is_refused(source: Path, tmp_path: Path, keep: int):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(source.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"cut\.gguf"):
        write_description(cut, tmp_path)


def test_another_architecture_is_refused_by_its_name(tmp_path: Path, write_gguf: WriteGguf):
    with pytest.raises(StoreError, match="architecture 'gpt2'"):
        write_description(write_gguf(tmp_path / "other.gguf", architecture="gpt2"), tmp_path)


def test_a_splitting_rule_it_does_not_know_is_refused(tmp_path: Path, write_gguf: WriteGguf):
    with pytest.raises(StoreError, match="tekken"):
        write_description(write_gguf(tmp_path / "other.gguf", splitting="tekken"), tmp_path)


def test_sizes_that_the_tensors_do_not_have_are_refused(tmp_path: Path, write_gguf: WriteGguf):
    path = write_gguf(tmp_path / "lies.gguf")
    content = path.read_bytes()
    key = b"llama.feed_forward_length"
    at = content.index(key) + len(key) + 4
    path.write_bytes(content[:at] + (1 << 20).to_bytes(4, "little") + content[at + 4 :])
    with pytest.raises(StoreError, match="not to be trusted"):
        GGUFFile(path)


def test_what_was_made_of_a_model_goes_with_it_and_nothing_else(tmp_path: Path):
    forms = ["tiny-0123456789abcdef", "tiny+tuned-0123456789abcdef", "tiny-more-0123456789abcdef"]
    for name in forms:
        (tmp_path / "prepared" / name).mkdir(parents=True)
        (tmp_path / "prepared" / name / "weights.bin").write_bytes(bytes(100))
    assert remove_prepared(tmp_path, "tiny") == 200
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == forms[2:]
    assert remove_prepared(tmp_path, "*") == 0
