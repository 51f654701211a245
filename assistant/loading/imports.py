"""Imports of large libraries by threads that load different models at the same time."""

import importlib
import threading

NETWORKS = ("torch", "transformers.modeling_utils", "transformers.models.auto.modeling_auto")
TOKENIZERS = ("torch", "transformers.models.auto.tokenization_auto")

_importing = threading.Lock()


def import_alone(*modules: str) -> None:
    """Import modules while no other thread does.

    Modules that import one another in a circle, as those of transformers do, are sound in one thread only: of two, each
    is given a module that the other has made half of.
    """
    with _importing:
        for module in modules:
            importlib.import_module(module)
