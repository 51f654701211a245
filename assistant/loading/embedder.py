"""The sentence embedder of a folder."""

from assistant.loading.pretrained import BUILDING, quicken, quietly, ready
from assistant.models.store import ResolvedModel
from assistant.retrieval.embedding import SentenceEmbedder


def load_embedder(model: ResolvedModel) -> SentenceEmbedder:
    """The sentence embedder of a folder.

    Raises:
        ModelError: as `load_reader`.
    """
    with quietly(model):
        from transformers import AutoModel, AutoTokenizer

        with BUILDING:
            network = AutoModel.from_pretrained(
                model.base, dtype="float32", use_safetensors=True, trust_remote_code=False
            )
        network = ready(network, model)
        quicken(network, {})
        tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)
        return SentenceEmbedder(network, tokenizer, name=model.name)
