"""The parts of what answers, which are loaded apart."""

from enum import StrEnum


class Part(StrEnum):
    """What answers from documents, reader and verifier; and the generator, which writes."""

    READERS = "readers"
    GENERATOR = "generator"
