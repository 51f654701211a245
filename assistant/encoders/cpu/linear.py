"""Linear layers of encoders on a CPU, with what follows them in the same kernel.

In bfloat16 `torch.nn.Linear` first copies its bias over the whole output, and an activation is another pass over it;
oneDNN adds the one and applies the other while the product is still in the cache. Weights stay where they are.
"""

from typing import Any


def fuse_linear_layers(model: Any) -> None:
    """Let the linear layers of a bfloat16 model on a CPU run as above; other models are left alone.

    The model can then be used in inference mode only.
    """
    import torch

    if model.device.type != "cpu" or model.dtype != torch.bfloat16 or not torch.backends.mkldnn.is_available():
        return
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return  # the kernels would raise on this processor; torch's own layers work everywhere
    from assistant.encoders.cpu.layers import FusedLinear

    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if type(module) is torch.nn.Linear:
                setattr(parent, name, FusedLinear(module, _activation_behind(parent, name)))


def _activation_behind(parent: Any, name: str) -> str:
    """The activation right after a layer, taken out of its parent, as the families that descend from BERT have it."""
    import torch

    if name != "dense" or not _is_gelu(getattr(parent, "intermediate_act_fn", None)):
        return "none"
    parent.intermediate_act_fn = torch.nn.Identity()
    return "gelu"


def _is_gelu(activation: Any) -> bool:
    """Whether an activation is the exact GELU, not an approximation of it."""
    import torch
    from transformers.activations import GELUActivation

    return (isinstance(activation, torch.nn.GELU) and activation.approximate == "none") or (
        isinstance(activation, GELUActivation) and activation.act is torch.nn.functional.gelu
    )
