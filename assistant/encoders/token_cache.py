"""Documents tokenised once, for all models that read with the same tokenizer."""

from collections.abc import Sequence

from assistant.encoders.pairs import PairEncoder, TokenizedText
from assistant.recent import Recent
from assistant.types import Document

DOCUMENTS_KEPT = 128
_CHARACTERS_AT_ONCE = 200_000


class TokenCache:
    """The tokens of the documents that were asked about last, by tokenizer and text."""

    def __init__(self) -> None:
        self._texts: Recent[tuple[str, str], TokenizedText] = Recent(DOCUMENTS_KEPT)

    def tokenized(self, encoder: PairEncoder, documents: Sequence[Document]) -> list[TokenizedText]:
        """The tokens of each document; those that are not kept go through the tokenizer together."""
        name, texts = encoder.tokenizer_name, dict[str, TokenizedText]()
        for each in documents:
            if (known := self._texts.get((name, each.id))) is not None:
                texts[each.id] = known
        new = {document.id: document for document in documents if document.id not in texts}
        short = [each for each in new.values() if len(each.text) <= _CHARACTERS_AT_ONCE]
        texts.update(zip((each.id for each in short), encoder.tokenize([each.text for each in short]), strict=True))
        for document in new.values():
            # The tokenizer's own records are large: a long text goes through it in pieces, so that few exist at once.
            if document.id not in texts:
                texts[document.id] = encoder.tokenize_long(document.text, _CHARACTERS_AT_ONCE)
            self._texts.keep((name, document.id), texts[document.id])
        return [texts[document.id] for document in documents]
