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

        self._penalty = sampling.repetition_penalty or 1.0
        self._warpers = _warpers(sampling)
        self._random = None
        if sampling.temperature:
            self._random = torch.Generator(device)
            if sampling.seed is None:
                self._random.seed()
            else:
                self._random.manual_seed(sampling.seed)

    def __call__(self, logits: "torch.Tensor", made: list[int]) -> int:
        """The next token after the answer's tokens so far.

        Args:
            logits: of shape (1, vocabulary); those of the answer's own tokens are changed where there is a penalty.
            made: the answer's tokens so far.
        """
        import torch

        with torch.inference_mode():
            if made and self._penalty != 1:
                self._penalise(logits[0], made)
            if self._random is None:
                return int(logits.argmax())
            scores = self._warpers(_ids(made, logits), logits)
            return int(torch.multinomial(scores.softmax(-1), 1, generator=self._random))

    def _penalise(self, logits: "torch.Tensor", made: list[int]) -> None:
        """Make the answer's own tokens less likely; in place, as a copy of all logits would wake torch's threads."""
        import torch

        seen = torch.tensor(sorted(set(made)), device=logits.device)
        chosen = logits[seen]
        logits[seen] = torch.where(chosen > 0, chosen / self._penalty, chosen * self._penalty)


def _ids(tokens: list[int], like: "torch.Tensor") -> "torch.LongTensor":
    import torch

    return cast("torch.LongTensor", torch.tensor([tokens], dtype=torch.long, device=like.device))


def _warpers(sampling: Sampling) -> "LogitsProcessorList":
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    warpers = LogitsProcessorList()
    if sampling.temperature not in (None, 0, 1):
        warpers.append(TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    return warpers
