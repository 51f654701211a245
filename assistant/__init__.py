"""A chat assistant for the terminal that finds answers in documents and checks them.

In a program or a notebook:

    from assistant import Assistant, Document, Turn

    assistant = Assistant()
    answer = assistant.answer(Turn("How large is it?", (Document("forest.txt", text),)))
    answer.text, answer.evidence, answer.verdict
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from assistant.version import __version__

if TYPE_CHECKING:
    from assistant.answering.assistant import Assistant
    from assistant.answering.checking import check
    from assistant.batch import BatchOptions, answer_rows
    from assistant.documents.open import read_document
    from assistant.errors import AssistantError
    from assistant.settings import Settings, load_settings
    from assistant.types import (
        Answer,
        Claim,
        Document,
        Evidence,
        Label,
        Message,
        Role,
        Route,
        Support,
        Turn,
        TurnSampling,
        Verdict,
    )

# Before any of them is imported: no dependency reports to anybody.
for _switch in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "1")
# Of the kernels that oneDNN makes for each shape it keeps 1,024 by default: a tenth of a long batch's memory.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

_NAMES = {
    "assistant.answering.assistant": ["Assistant"],
    "assistant.answering.checking": ["check"],
    "assistant.batch": ["BatchOptions", "answer_rows"],
    "assistant.documents.open": ["read_document"],
    "assistant.errors": ["AssistantError"],
    "assistant.settings": ["Settings", "load_settings"],
    "assistant.types": [
        "Answer", "Claim", "Document", "Evidence", "Label", "Message", "Role", "Route", "Support", "Turn",
        "TurnSampling", "Verdict",
    ],
}  # fmt: skip
_WHERE = {name: module for module, names in _NAMES.items() for name in names}
__all__ = [
    "Answer", "Assistant", "AssistantError", "BatchOptions", "Claim", "Document", "Evidence", "Label", "Message",
    "Role", "Route", "Settings", "Support", "Turn", "TurnSampling", "Verdict", "__version__", "answer_rows", "check",
    "load_settings", "read_document",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for: the command line starts without what it does not need."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)
