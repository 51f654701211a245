"""Worker: the assistant with all of its models, as the chat has it."""

from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve

_QUESTION = "What does git status show? Answer in one sentence."
_DOCUMENT = "The ferry to Brenn leaves at nine and carries forty passengers. It does not run on Sundays.\n" * 20


class Worker:
    """Holds one assistant."""

    def load(self, profile: str, generator_alone: bool) -> dict[str, Any]:
        """Load every model of a profile, or its generator alone."""
        from assistant.answering.assistant import Assistant
        from assistant.events import unheard
        from assistant.settings import Settings

        self.assistant = Assistant(Settings(profile=profile), conversing=True)
        if generator_alone:
            self.assistant.models.generator(unheard)
        else:
            self.assistant.load()
        return {"memory": _memory(), "most": peak_memory()}

    def answer(self, with_document: bool) -> dict[str, Any]:
        """Have the generator write, and a question answered about a document where the other models are there."""
        from assistant.types import Document, Turn

        self.assistant.answer(Turn(_QUESTION))
        if with_document:
            self.assistant.answer(Turn("How many passengers does the ferry carry?", (Document("d", _DOCUMENT),)))
        return {"memory": _memory(), "most": peak_memory()}


def _memory() -> int:
    """What this process holds, in bytes; the most that it held where the system does not say."""
    try:
        return 1024 * int(Path("/proc/self/status").read_text("ascii", "replace").split("VmRSS:")[1].split()[0])
    except (OSError, IndexError):
        return peak_memory()


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "answer": worker.answer})
