"""The verifier of a folder, ready to check claims."""

from assistant.encoders.cpu.eight_bits import load_ranges
from assistant.encoders.cpu.first_token import only_first_token
from assistant.encoders.pairs import PairEncoder
from assistant.loading.imports import NETWORKS, import_alone
from assistant.loading.pretrained import from_pretrained, quicken, quietly, ready
from assistant.models.cards import read_languages
from assistant.models.store import ResolvedModel
from assistant.verification.head import FILE_NAME as HEAD_FILE
from assistant.verification.head import Head
from assistant.verification.verifier import Verifier


def load_verifier(model: ResolvedModel, *, eight_bits: bool = True) -> Verifier:
    """The verifier of a folder, its labels mapped by name.

    Args:
        model: its folder.
        eight_bits: as `load_reader`.

    Raises:
        ModelError: as `load_reader`, or labels that are not those of entailment.
    """
    with quietly(model):
        import_alone(*NETWORKS)
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        # A whole model that a recipe trained has the file too; others say by their labels what their scores mean.
        ours = model.adapter or (model.base if (model.base / HEAD_FILE).is_file() else None)
        head = Head.load(ours) if ours is not None else None
        options = {"num_labels": head.classes, "ignore_mismatched_sizes": True} if head else {}
        network = from_pretrained(AutoModelForSequenceClassification, model, **options)
        head = head or Head.of_labels({int(key): str(value) for key, value in network.config.id2label.items()})
        tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=False)
        encoder, loaded = PairEncoder(tokenizer, network), ready(network, model)
        quicken(loaded, load_ranges(model.adapter or model.base) if eight_bits else {})
        only_first_token(loaded)
        languages = read_languages(model.adapter or model.base)
        return Verifier(loaded, encoder, name=model.name, head=head, languages=languages)
