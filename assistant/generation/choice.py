"""How the next token is chosen from logits."""

from typing import TYPE_CHECKING, cast

from assistant.generation.stream import Sampling

if TYPE_CHECKING:
    import torch
    from transformers import LogitsProcessorList


class TokenChoice:
    """Chooses the next token from logits: the likeliest, or one drawn with the processors of transformers."""

    def __init__(self, sampling: Sampling, device: str = "cpu") -> None:
        import torch

        self._penalty = _penalty(sampling)
        self._warpers = _warpers(sampling)
        self._random = None
        if sampling.temperature > 0:
            self._random = torch.Generator(device)
            if sampling.seed is None:
                self._random.seed()
            else:
                self._random.manual_seed(sampling.seed)

    def __call__(self, logits: "torch.Tensor", made: list[int]) -> int:
        """The next token after the answer's tokens so far.

        Args:
            logits: of shape (1, vocabulary).
            made: the answer's tokens so far.
        """
        import torch

        with torch.inference_mode():
            scores = logits
            if made and self._penalty:
                scores = self._penalty(_ids(made, logits), scores.clone())
            if self._random is None:
                return int(scores.argmax())
            scores = self._warpers(_ids(made, logits), scores)
            return int(torch.multinomial(scores.softmax(-1), 1, generator=self._random))


def _ids(tokens: list[int], like: "torch.Tensor") -> "torch.LongTensor":
    import torch

    return cast("torch.LongTensor", torch.tensor([tokens], dtype=torch.long, device=like.device))


def _penalty(sampling: Sampling) -> "LogitsProcessorList":
    from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor

    if sampling.repetition_penalty == 1:
        return LogitsProcessorList()
    return LogitsProcessorList([RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)])


def _warpers(sampling: Sampling) -> "LogitsProcessorList":
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    warpers = LogitsProcessorList()
    if sampling.temperature not in (0, 1):
        warpers.append(TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k > 0:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    return warpers
