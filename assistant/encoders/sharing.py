"""Weights that several models have in common are held in memory once.

Reader, verifier and embedder are adapters of one encoder (or that encoder itself): what their adapters leave as it is,
above all the embeddings of the vocabulary, is the same in each.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    import torch

_held: "WeakValueDictionary[tuple[Path, str], torch.nn.Parameter]" = WeakValueDictionary()


def share_weights(network: Any, base: Path) -> None:
    """Let a model that is ready for use take the weights that a model of the same base holds already.

    Only weights equal in every bit are shared, so nothing changes but the memory. They are given back when the last
    model that holds them is.

    Args:
        network: a model of transformers, in its final number format and place.
        base: the folder that its base came from.
    """
    import torch

    prefix = f"{network.base_model_prefix}."
    for name, parameter in list(network.named_parameters()):
        key = base, name.removeprefix(prefix)
        held = _held.setdefault(key, parameter)
        if held is parameter or held.dtype != parameter.dtype or held.device != parameter.device:
            continue
        if held.shape == parameter.shape and torch.equal(held, parameter):
            owner, _, attribute = name.rpartition(".")
            setattr(network.get_submodule(owner), attribute, held)
