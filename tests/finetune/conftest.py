"""Tiny GGUF files, as the tests of the store make them."""

from tests.assistant.models.conftest import write_gguf

__all__ = ["write_gguf"]
