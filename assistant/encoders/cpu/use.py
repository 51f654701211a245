"""Gives an encoder the attention of `attention`, and MPNet, whose modules attend by themselves, modules of ours."""

from typing import TYPE_CHECKING, Any

from assistant.encoders.cpu.attention import NAME, attend

if TYPE_CHECKING:
    import torch


def use_cpu_attention(model: Any) -> None:
    """Let an encoder on a CPU attend by `attention.attend`.

    Families whose attention transformers lets others replace, and MPNet, whose modules are exchanged for ours; the
    others are left alone.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    if model.device.type != "cpu":
        return
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, _mask)
    if model.config.model_type == "mpnet":
        from assistant.encoders.cpu.mpnet import MPNetEncoder

        model.config._attn_implementation = NAME  # which decides on the form of the mask
        model.base_model.encoder = MPNetEncoder(model.base_model.encoder)
    elif model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)


def _mask(*arguments: Any, **options: Any) -> "torch.Tensor | None":
    """The mask as transformers makes it, with one row for all queries where each sees every key but the padding."""
    from transformers.masking_utils import bidirectional_mask_function, sdpa_mask

    mask = sdpa_mask(*arguments, **options)
    if mask is not None and options.get("mask_function") is bidirectional_mask_function:
        return mask[:, :, :1]
    return mask
