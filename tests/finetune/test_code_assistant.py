import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    TrainerCallback,
)

from assistant.errors import UsageError
from finetune.data.code import CodeExample, read_code
from finetune.plan.vocabulary import write_vocabulary
from finetune.recipe import CodeRecipe
from finetune.tasks.code.training import evaluate, examples_to_evaluate, training_row
from finetune.tasks.registry import TASKS
from finetune.trainer.peft_methods import quantization

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ROWS = [{"prompt": f"Add {n} to x", "completion": f"Add it:\n\n```python\nx += {n}\n```"} for n in range(24)]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    write_vocabulary(backend, ["<|im_start|>", "<|im_end|>"], [row["completion"] for row in ROWS], size=320)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    # bitsandbytes on a CPU wants sizes in multiples of 64.
    config = LlamaConfig(
        vocab_size=320,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "own.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS), "utf-8")
    return path


def recipe(path: Path, **settings) -> CodeRecipe:
    values = {
        "task": "code",
        "name": "tiny",
        "description": "a tiny run",
        "base": "tiny-base",
        "licence": "none",
        "data": {"train": [str(path)], "held_out": 0.0},
        "lora": {"r": 8, "alpha": 16, "dropout": 0.0, "targets": ["q_proj", "k_proj", "v_proj", "o_proj"]},
        "training": {"epochs": 6, "batch_size": 8, "learning_rate": 2e-2, "save_steps": 6, "optimizer": "adamw_torch"},
    }
    return CodeRecipe.model_validate(values | settings)


@pytest.mark.parametrize("method", ["qlora", "lora"])
def test_a_run_learns_the_answers_and_saves_an_adapter_that_names_its_base(base, data, tmp_path, method):
    from peft import PeftModel

    figures = TASKS["code"].train(recipe(data, method=method), base, tmp_path)
    assert figures["steps"] == figures["max_steps"] == 18
    assert figures["tokens_per_second"] > 0
    adapter = tmp_path / "adapter"
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny-base"
    assert {tensor.dtype for tensor in load_file(adapter / "adapter_model.safetensors").values()} == {torch.float16}

    tokenizer = AutoTokenizer.from_pretrained(base)
    examples = examples_to_evaluate(str(data))
    before = evaluate(AutoModelForCausalLM.from_pretrained(base), tokenizer, examples)
    merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter)).merge_and_unload()
    after = evaluate(merged, tokenizer, examples)
    assert after["loss"] < before["loss"] - 0.3
    assert after["total"] == len(ROWS)


def test_the_adapter_of_a_quantised_base_is_trained_in_float32_whatever_trl_makes_of_it(base, data, tmp_path):
    seen = set()

    class Watch(TrainerCallback):
        def on_train_begin(self, args, state, control, model=None, **_):
            seen.update(parameter.dtype for parameter in model.parameters() if parameter.requires_grad)

    short = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-2, "optimizer": "paged_adamw_32bit"}
    TASKS["code"].train(recipe(data, method="qlora", training=short), base, tmp_path, [Watch()])
    assert seen == {torch.float32}, "the gradient scaler of fp16 takes no other"


def test_a_run_goes_on_from_its_checkpoint(base, data, tmp_path, caplog):
    short = recipe(data, training={"epochs": 2, "batch_size": 8, "learning_rate": 1e-2, "save_steps": 3})
    TASKS["code"].train(short, base, tmp_path)
    longer = recipe(data, training={"epochs": 3, "batch_size": 8, "learning_rate": 1e-2, "save_steps": 3})
    with caplog.at_level("INFO"):
        figures = TASKS["code"].train(longer, base, tmp_path)
    assert "going on from" in caplog.text
    assert figures["steps"] == 9
    steps = [entry["step"] for entry in json.loads((tmp_path / "log.json").read_text()) if "train_runtime" in entry]
    assert steps[-1] == 9


def test_data_without_a_usable_example_is_refused(base, data, tmp_path):
    none_fit = recipe(data, data={"train": [str(data)], "held_out": 0.0, "max_length": 4})
    with pytest.raises(UsageError, match="no row to train on"):
        TASKS["code"].train(none_fit, base, tmp_path)


def test_the_end_of_the_answer_is_learned_and_the_prompt_is_not(base):
    tokenizer = AutoTokenizer.from_pretrained(base)
    row = training_row(CodeExample("Why?", "Because.", "x"), tokenizer)
    learned = [id_ for id_, mask in zip(row["input_ids"], row["completion_mask"], strict=True) if mask]
    assert tokenizer.decode(learned) == "Because.<|im_end|>"
    assert tokenizer.decode(row["input_ids"]).endswith("<|im_start|>assistant\nBecause.<|im_end|>")


def test_evaluation_counts_the_loss_of_each_answers_tokens_whatever_the_batches(base, data, monkeypatch):
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base).eval()
    examples = [*read_code(data)[0], CodeExample("Long? " * 20, "Yes. " * 30, "own.jsonl")]
    together = evaluate(model, tokenizer, examples)
    total, count = 0.0, 0
    for example in examples:
        row = training_row(example, tokenizer)
        ids = torch.tensor([row["input_ids"]])
        labels = torch.where(torch.tensor([row["completion_mask"]]).bool(), ids, -100)
        with torch.inference_mode():
            loss = model(input_ids=ids, labels=labels).loss
        total, count = total + float(loss) * sum(row["completion_mask"]), count + sum(row["completion_mask"])
    assert together["completion_tokens"] == count
    assert together["loss"] == pytest.approx(total / count, abs=2e-3)


def test_only_held_out_questions_of_a_known_data_set_are_evaluated(tmp_path):
    rows = [{"intent": f"How to add {n} to a list?", "snippet": f"values.append({n})"} for n in range(200)]
    path = tmp_path / "conala.json"
    path.write_text(json.dumps(rows))
    held_out = examples_to_evaluate(str(path), held_out=0.1)
    assert 5 < len(held_out) < 40
    assert len(examples_to_evaluate(str(path), held_out=0.1, limit=3)) == 3


def test_nf4_is_asked_for_by_name_and_with_double_quantisation(data):
    config = quantization(recipe(data, method="qlora"))
    assert config is not None
    assert (config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant) == ("nf4", True)
    assert quantization(recipe(data, method="qlora", quantization="int8")).load_in_8bit
    assert quantization(recipe(data, method="lora")) is None
