"""How much memory and time a run takes, from the shape of its base: estimates, not measurements."""

from finetune.plan.bases import BaseFacts
from finetune.plan.parameters import Parameters
from finetune.recipe import Recipe
from finetune.tasks.registry import TASKS

_CONTEXT_BYTES = 0.7e9
"""What CUDA and its libraries take before anything is loaded."""
_T4_FLOPS = 11.5e12
"""Useful operations a second of a language model: a sixth of a T4's fp16 peak, as two published runs took
(4,539 and 7,373 s), if they kept their activations."""
_T4_FLOPS_AUTOCAST = 8e12
"""Of an encoder whose float32 weights are cast on the way: a rule of thumb."""
_T4_FLOPS_FLOAT32 = 2.5e12
"""Of an encoder in float32, as a published run of CamemBERT took (551 s on two GPUs, if each pair is padded to 128)."""
_DISENTANGLED = 3.0
"""So much longer DeBERTa's attention takes: in the published runs three times RoBERTa's time, at the same size."""
_ENCODER_BYTES, _PAIR_BYTES = 50, 12
"""Activations of an encoder under autocast, for each token and unit of width, and for each head and pair of tokens:
counted on the tensors that a layer of transformers 5.24 keeps, with attention that keeps its probabilities."""
_LAYER_SECONDS = 5e-3
"""What Python and the launching of kernels take for a layer and batch, forward and backward; a rule of thumb."""
_LONGEST = 1.5
"""The longest text of a batch, in texts of average length; it decides the memory."""


def memory(
    recipe: Recipe, facts: BaseFacts, parameters: Parameters, tokens: int | None, *, again: bool = True
) -> dict[str, float]:
    """Bytes on one GPU by what takes them.

    Activations of a language model after Korthikanti et al. (2022): 34 bytes for each token and unit of width in half
    precision, and 5 for each head and pair of tokens; with recomputation, the inputs of the layers and one layer's own.
    An encoder keeps more, in two formats, and all of it. `tokens` are those of an average text; `again` is whether a
    language model's activations are computed again in the backward pass.
    """
    shape, training = shape_of(facts), recipe.training
    width, layers, heads = shape["width"], shape["layers"], shape["heads"]
    embeddings = shape["vocabulary"] * width
    frozen = parameters.total - parameters.trained if recipe.method != "full" else 0
    layers_only = max(frozen - embeddings, 0)
    causal = TASKS[recipe.task].causal
    half = 2.0 if causal else 4.0
    bytes_a_weight = {"nf4": 0.52, "int8": 1.05}[recipe.quantization] if recipe.method == "qlora" else half
    weights = layers_only * bytes_a_weight + (frozen - layers_only) * half
    trained = parameters.trained * (4 + 4 + 8)
    length: float = recipe.longest
    if causal:
        length = min(length, (tokens or length) * _LONGEST)
    batch_tokens = training.batch_size * length
    unit, pair = (34, 5) if causal else (_ENCODER_BYTES, _PAIR_BYTES)
    layer = unit * batch_tokens * width + pair * heads * length * batch_tokens
    activations = layers * layer
    if not causal:
        activations += 2.0 * (parameters.total - embeddings)  # autocast keeps the weights in half precision too
    else:
        # The logits in half precision, as float32 for the loss, and their gradient.
        kept = 2 * layers * batch_tokens * width + layer if again else layers * layer
        activations = kept + batch_tokens * shape["vocabulary"] * (2 + 4 + 4)
    return {
        "frozen weights": weights,
        "trained weights, gradients, optimizer": float(trained),
        "activations": float(activations),
        "CUDA": _CONTEXT_BYTES,
    }


def seconds_on_t4(
    recipe: Recipe, facts: BaseFacts, parameters: Parameters, tokens: int, batches: int, *, again: bool = True
) -> float:
    """Training time on one T4: 6 operations a weight and token, 4 for the frozen ones, which get no gradient.

    A small model waits for Python rather than for the arithmetic: then its layers and batches count.
    """
    work = 6.0 if recipe.method in ("full", "extracted") else 4.0
    if TASKS[recipe.task].causal and again:
        work += 2.0  # activations are computed again in the backward pass, to save memory
    arithmetic = work * (parameters.total - _looked_up(recipe, facts)) * tokens / _rate(recipe)
    if facts.config.get("relative_attention"):
        arithmetic *= _DISENTANGLED
    return max(arithmetic, batches * shape_of(facts)["layers"] * _LAYER_SECONDS)


def _rate(recipe: Recipe) -> float:
    """Useful operations a second of a T4 in the recipe's format."""
    if TASKS[recipe.task].causal:
        return _T4_FLOPS
    return _T4_FLOPS_FLOAT32 if recipe.training.precision == "fp32" else _T4_FLOPS_AUTOCAST


def _looked_up(recipe: Recipe, facts: BaseFacts) -> int:
    """Parameters that are looked up rather than multiplied; a language model's are its output layer too."""
    shape = shape_of(facts)
    return 0 if TASKS[recipe.task].causal else shape["vocabulary"] * shape["width"]


def shape_of(facts: BaseFacts) -> dict[str, int]:
    """Width, layers, heads and vocabulary, whatever the family calls them."""
    names = {
        "width": ("hidden_size", "n_embd", "dim", "d_model"),
        "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
        "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
        "vocabulary": ("vocab_size",),
    }
    return {
        key: int(next(facts.config[name] for name in given if name in facts.config)) for key, given in names.items()
    }
