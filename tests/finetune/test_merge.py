"""A run as one whole model: safetensors, and a GGUF file that the program's own engine runs with the same answer."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from assistant.errors import UsageError
from assistant.generation.engines.onnx import OnnxEngine
from assistant.generation.prompts import render
from assistant.generation.stream import Sampling
from assistant.loading.generator import load_generator
from assistant.models.gguf import GGUFFile
from assistant.models.store import ModelStore
from assistant.types import Message, Role
from finetune.plan.vocabulary import write_vocabulary
from finetune.run.gguf_file import write_gguf
from tests.conftest import Run

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
QUESTION = [Message(Role.USER, "add 3 to x")]


def _model(folder: Path, kind: str, **changes: object) -> Path:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    write_vocabulary(backend, ["<|im_start|>", "<|im_end|>"], ["add 3 to x x += 3 user system assistant"], size=320)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(3)
    options = {
        "vocab_size": 328, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.3,
        "bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }  # fmt: skip
    network = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **options | changes))
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    network.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["Q8_0", "F16"])
@pytest.mark.parametrize(
    "architecture, changes",
    [
        ("llama", {}),
        ("llama", {"tie_word_embeddings": True, "head_dim": 32}),
        ("llama", {"rope_parameters": LLAMA3}),
        ("qwen2", {"tie_word_embeddings": True}),
        ("qwen2", {}),
    ],
)
def test_a_gguf_file_says_what_its_folder_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, changes: dict[str, object], kind: str
) -> None:
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    folder = _model(tmp_path / "model", architecture, **changes)
    path = write_gguf(folder, tmp_path / "model.gguf", "model", kind)  # type: ignore[arg-type]
    whole = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    weights = whole.state_dict()
    for name, values in GGUFFile(path).state_dict():
        torch.testing.assert_close(torch.from_numpy(values.copy()), weights[name], atol=1e-2, rtol=1e-2)
    engine = load_generator(ModelStore().resolve(str(path)), cache=tmp_path / "cache").engine
    assert isinstance(engine, OnnxEngine), "the program's own engine takes the file"
    ids = render(QUESTION, AutoTokenizer.from_pretrained(folder))
    with torch.inference_mode():
        expected = whole(torch.tensor([ids])).logits[0, -1]
    given = engine.forward(ids).reshape(-1).float()
    assert torch.corrcoef(torch.stack([given, expected]))[0, 1] > 0.99
    if "rope_parameters" in changes:
        factors = GGUFFile(path).rope_factors
        assert factors is not None and factors.min() == 1.0 and factors.max() == pytest.approx(32.0)


@pytest.mark.parametrize(
    "architecture, changes, kind",
    [("llama", {"rope_parameters": LLAMA3}, "F16"), ("qwen2", {"tie_word_embeddings": True}, "Q8_0")],
)
def test_llama_cpp_answers_from_the_file_as_transformers_from_the_folder(
    tmp_path: Path, architecture: str, changes: dict[str, object], kind: str
) -> None:
    xllamacpp = pytest.importorskip("xllamacpp", reason="llama.cpp's wheel is not installed")
    folder = _model(tmp_path / "model", architecture, **changes)
    path = write_gguf(folder, tmp_path / "model.gguf", "model", kind)  # type: ignore[arg-type]
    whole = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.warmup = str(path), 512, 1, False
    server = xllamacpp.Server(settings)
    ids = render(QUESTION, tokenizer)
    reply = server.handle_completions({"prompt": ids, "n_predict": 6, "temperature": 0.0, "stream": False})
    reply = json.loads(reply) if isinstance(reply, str) else reply
    with torch.inference_mode():
        expected = whole.generate(torch.tensor([ids]), max_new_tokens=6, do_sample=False)[0, len(ids) :]
    assert (reply.get("content") or reply["choices"][0]["text"]) == tokenizer.decode(expected)


def test_another_architecture_has_no_gguf_file(tmp_path: Path) -> None:
    folder = tmp_path / "gpt2"
    _model(folder, "gpt2", n_embd=64, n_head=4, n_layer=2)
    with pytest.raises(UsageError, match="architecture 'gpt2'"):
        write_gguf(folder, tmp_path / "x.gguf", "x")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["code-llama-3.2-1b", "code-qwen2.5-coder-0.5b"])
def test_a_run_is_merged_into_a_model_and_a_file(run: Run, tmp_path: Path, recipe: str) -> None:
    code, _, err = run("run", recipe, "--smoke", "--output", "run", "--set", "method=lora")
    assert code == 0, err
    code, out, err = run("merge", "run", "--output", "whole", "--gguf")
    assert code == 0, err
    assert out.splitlines() == ["whole", "whole/whole-Q8_0.gguf"]
    store = ModelStore()
    sampling = Sampling(max_new_tokens=8)
    said = [
        "".join(load_generator(store.resolve(str(tmp_path / name))).stream(QUESTION, sampling=sampling))
        for name in ("whole/whole-Q8_0.gguf", "whole")
    ]
    assert said[0] == said[1] != ""
    code, _, err = run("merge", "run", "--output", "whole")
    assert code == 2 and "there already" in err
    code, _, err = run("merge", "run", "--output", "other", "--gguf", "--gguf-format", "Q2_K")
    assert code == 2 and "Q8_0 or F16" in err


@pytest.mark.slow
def test_a_reader_is_merged_with_its_calibration(run: Run, tmp_path: Path) -> None:
    code, _, err = run("run", "qa-minilm", "--smoke", "--output", "run")
    assert code == 0, err
    code, _, err = run("merge", "run", "--output", "other", "--gguf")
    assert code == 2 and "for generators" in err
    code, _, err = run("merge", "run", "--output", "whole")
    assert code == 0, err
    assert (tmp_path / "whole" / "calibration.json").is_file()
    test = str(tmp_path / "run" / "sample" / "test.json")
    figures = [
        json.loads(run("evaluate", "qa", "--data", test, "--model", model, "--json")[1])["f1"]
        for model in ("run", "whole")
    ]
    assert figures[0] == pytest.approx(figures[1], abs=2.0)
