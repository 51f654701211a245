"""What `--smoke` trains: a tiny random model of the recipe's architecture on sample data.

So the whole path is walked on any machine in half a minute, and nothing is downloaded.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.models.local_files import find_gguf
from assistant.types import Label
from finetune.plan.bases import BaseFacts, base_facts
from finetune.plan.vocabulary import write_vocabulary
from finetune.recipe import CodeRecipe, NLIRecipe, QARecipe, Recipe

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

_CITIES = ("Lyon", "Paris", "Berlin", "Rome", "Madrid", "Lisbon", "Vienna", "Prague")
_VERBS = ("add", "remove", "find", "count", "sort", "print")
_THINGS = ("a list", "a string", "a dict", "a file")
# bitsandbytes on a CPU wants sizes in multiples of 64; the names are those of the families' configurations.
_SIZES = {
    "hidden_size": 64, "n_embd": 64, "dim": 64, "intermediate_size": 128, "hidden_dim": 128, "pooler_hidden_size": 64,
    "num_hidden_layers": 2, "n_layer": 2, "n_layers": 2, "num_attention_heads": 2, "n_head": 2, "n_heads": 2,
    "num_key_value_heads": 1, "head_dim": 32,
}  # fmt: skip
_LAYERS_FOR_A_PATTERN = 4  # which may leave out the lowest
_UNKNOWN = "[UNK]"
_GROUNDED = 4
_POSITIONS = ("max_position_embeddings", "n_positions")
_SPECIAL = {
    "byte-pair": {"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>"},
    "word-piece": {
        "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
    },
    "roberta": {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "eos_token": "</s>",
        "unk_token": "<unk>", "mask_token": "<mask>",
    },
    "mpnet": {
        "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "eos_token": "</s>",
        "unk_token": "[UNK]", "mask_token": "<mask>",
    },
    "unigram": {
        "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
    },
}  # fmt: skip
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def smoke_recipe(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe on a tiny base and sample data, both written into a folder, for a few steps.

    A base that is a folder or a GGUF file stays, so that one's own model can be tried.

    Raises:
        UsageError: nothing is known of the recipe's base.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = recipe.base
    if not Path(base).is_dir() and find_gguf(base) is None:
        base = str(_tiny_base(base_facts(recipe.base), recipe, folder / "base"))
    training = recipe.training.model_copy(
        update={
            "epochs": 2.0, "batch_size": min(4, recipe.training.batch_size), "accumulation": 1, "save_steps": 4,
            "logging_steps": 1, "eval_rows": min(8, recipe.training.eval_rows), "tensorboard": False,
        }
    )  # fmt: skip
    # A tiny model has its true architecture but none of the weights that an adapter would start from.
    lora = recipe.lora.model_copy(update={"r": 4, "alpha": 8, "start_from": None}) if recipe.lora else None
    shared: dict[str, Any] = {"base": base, "training": training, "lora": lora}
    if isinstance(recipe, QARecipe):
        train, test = _squad(folder / "train.json", recipe), _squad(folder / "test.json", recipe, later=True)
        data = recipe.data.model_copy(
            update={
                "train": [str(train)],
                "test": str(test),
                "held_out": 0.25,
                "yardstick": {},
                "limit": None,
                "tabular": min(8, recipe.data.tabular),
            }
        )
        # Questions about tables name a row and a column, in words that a tiny vocabulary cuts into many tokens.
        length = 128 if recipe.data.tabular else 64
        return recipe.model_copy(update=shared | {"data": data, "max_length": length, "stride": 16})
    if isinstance(recipe, NLIRecipe):
        train, test = _pairs(folder / "train.tsv"), _pairs(folder / "test.tsv", later=True)
        update = {
            "form": "table",
            "columns": {},
            "train": [str(train)],
            "test": str(test),
            "held_out": 0.25,
            "limit": None,
        }
        return recipe.model_copy(update=shared | {"data": recipe.data.model_copy(update=update)})
    train = _questions(folder, chat=recipe.data.form == "chat")
    update = {"train": [str(train)], "held_out": 0.2, "at_most": {}, "times": {}, "limit": None, "columns": {}}
    update |= {"self_answers": {}, "self_answers_file": None}
    passages = {str(_squad(folder / "passages.json")): _GROUNDED} if recipe.data.grounded else {}
    update |= {"grounded": passages, "max_length": 512 if passages else 256}
    return recipe.model_copy(update=shared | {"data": recipe.data.model_copy(update=update)})


def _tiny_base(facts: BaseFacts, recipe: Recipe, folder: Path) -> Path:
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    tokenizer = _tokenizer(facts)
    options = {name: _SIZES.get(name, value) for name, value in facts.config.items()}
    if recipe.lora is not None and isinstance(recipe.lora.targets, str) and "num_hidden_layers" in options:
        options["num_hidden_layers"] = _LAYERS_FOR_A_PATTERN
    options |= {name: 520 for name in _POSITIONS if name in options}
    options |= {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
        for name in ("bos", "eos", "pad")
        if getattr(tokenizer, f"{name}_token_id") is not None
    }
    if recipe.lora and "num_hidden_layers" in options and "layer" in str(recipe.lora.targets):
        options["num_hidden_layers"] = 4  # the recipe names layers by their numbers, and leaves out the first
    options["vocab_size"] = len(tokenizer)
    torch.manual_seed(recipe.training.seed)
    config = AutoConfig.for_model(options.pop("model_type"), **options)
    kind: Any = AutoModelForCausalLM if isinstance(recipe, CodeRecipe) else AutoModel
    kind.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(facts: BaseFacts) -> "PreTrainedTokenizerFast":
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    special = dict(_SPECIAL[facts.tokenizer])
    if facts.chat:
        special |= {"eos_token": "<|im_end|>", "bos_token": "<|im_start|>", "pad_token": "<|im_end|>"}
    backend = _backend(facts.tokenizer, list(dict.fromkeys(special.values())))
    if facts.tokenizer in ("mpnet", "roberta"):
        sep, cls = ((special[name], backend.token_to_id(special[name]) or 0) for name in ("sep_token", "cls_token"))
        backend.post_processor = processors.RobertaProcessing(sep, cls)
    elif facts.tokenizer != "byte-pair":
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(word, backend.token_to_id(word)) for word in ("[CLS]", "[SEP]")],
        )
    inputs = ["input_ids", "attention_mask"]
    if facts.config.get("type_vocab_size", 0) == 2:
        inputs.append("token_type_ids")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=inputs, **special)
    if facts.chat:
        tokenizer.chat_template = _CHAT
    return tokenizer


def _backend(kind: str, special: list[str]) -> "Tokenizer":
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    if kind in ("word-piece", "mpnet"):
        tokenizer = Tokenizer(models.WordPiece(unk_token=_UNKNOWN))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
    elif kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
    return write_vocabulary(tokenizer, special, _texts())


def _texts() -> Iterator[str]:
    for number, city in enumerate(_CITIES):
        yield from (_context(city, number), _asked(city), "J'habite à Lyon, près de la forêt où l'été est très chaud.")
    for question, answer in _code():
        yield f"### Question: {question}\n### Answer: {answer}"
    yield "A chat assistant that says what it knows: 0 1 2 3 4 5 6 7 8 9."


def _context(city: str, number: int) -> str:
    return f"{city} has {number}5 million trees. Marie Curie lived there in 19{number}0."


def _asked(city: str) -> str:
    return f"How many trees has {city}?"


def _squad(path: Path, recipe: QARecipe | None = None, *, later: bool = False) -> Path:
    """Eight articles of three questions; of the -v2 recipes a third has no answer."""
    unanswerable = recipe is not None and recipe.training.best_by == "f1_all" and not recipe.data.unanswerable
    articles = []
    for number, city in enumerate(_CITIES):
        place = number + 1 if later else number
        context = _context(city, place)
        found = [(_asked(city), f"{place}5 million"), ("Who lived there?", "Marie Curie"), ("When?", f"19{place}0")]
        questions = [
            {"id": f"{path.stem}-{city}-{at}", "question": question,
             "answers": [] if unanswerable and at == 2 else [{"text": answer, "answer_start": context.index(answer)}]}
            for at, (question, answer) in enumerate(found)
        ]  # fmt: skip
        articles.append({"title": city, "paragraphs": [{"context": context, "qas": questions}]})
    path.write_text(json.dumps({"version": "sample", "data": articles}), "utf-8")
    return path


def _pairs(path: Path, *, later: bool = False) -> Path:
    lines = ["premise\thypothesis\tlabel"]
    for city in _CITIES:
        weather, same, other = ("cold", "icy", "hot") if later else ("hot", "warm", "cold")
        claims = zip((same, "large", other), Label, strict=True)
        lines += [f"{city} is {weather}.\t{city} is {word}.\t{label}" for word, label in claims]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _questions(folder: Path, *, chat: bool) -> Path:
    if chat:
        path = folder / "train.jsonl"
        rows = [json.dumps({"prompt": question, "completion": answer}) for question, answer in _code()]
        path.write_text("\n".join(rows) + "\n", "utf-8")
        return path
    import polars

    path = folder / "train.csv"
    polars.DataFrame(list(_code()), schema=["question", "answer"], orient="row").write_csv(path)
    return path


def _code() -> Iterator[tuple[str, str]]:
    for verb in _VERBS:
        for thing in _THINGS:
            yield f"How do I {verb} items of {thing}?", f"Use {verb}:\n\n```python\n{verb}({thing.split()[-1]})\n```"
