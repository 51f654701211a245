"""Linear layers of encoders on a CPU, with what follows them in the same kernel.

In bfloat16 `torch.nn.Linear` first copies its bias over the whole output, and an activation is another pass over it;
oneDNN adds the one and applies the other while the product is still in the cache. Weights stay where they are.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def fuse_linear_layers(model: Any) -> None:
    """Let the linear layers of a bfloat16 model on a CPU run as above; other models are left alone.

    The model can then be used in inference mode only.
    """
    import torch

    if model.device.type != "cpu" or model.dtype != torch.bfloat16 or not torch.backends.mkldnn.is_available():
        return
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return  # the kernels would raise on this processor; torch's own layers work everywhere
    kinds = _kinds()
    for module in model.modules():
        if type(module) is torch.nn.Linear:
            module.__class__ = kinds["none"]
    for module in model.modules():
        # An activation right after the layer, as the families that descend from BERT have it.
        if _is_gelu(getattr(module, "intermediate_act_fn", None)) and type(module.dense) is kinds["none"]:
            module.dense.__class__ = kinds["gelu"]
            module.intermediate_act_fn = torch.nn.Identity()


def applies_gelu(linear: Any) -> bool:
    """Whether a layer has taken in the GELU behind it."""
    return bool(_classes) and type(linear) is _classes["gelu"]


def _is_gelu(activation: Any) -> bool:
    """Whether an activation is the exact GELU, not an approximation of it."""
    import torch
    from transformers.activations import GELUActivation

    return (isinstance(activation, torch.nn.GELU) and activation.approximate == "none") or (
        isinstance(activation, GELUActivation) and activation.act is torch.nn.functional.gelu
    )


_classes: dict[str, type] = {}


def _kinds() -> dict[str, type]:
    """The classes of layers with nothing behind them, and with a GELU."""
    if not _classes:
        import torch

        def kind(name: str, operation: str, algorithm: str) -> type:
            def forward(self: Any, states: "torch.Tensor") -> "torch.Tensor":
                fused: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                    states, self.weight, self.bias, operation, [], algorithm
                )
                return fused

            return type(name, (torch.nn.Linear,), {"forward": forward})

        _classes.update(none=kind("FusedLinear", "none", ""), gelu=kind("FusedLinearGelu", "gelu", "none"))
    return _classes
