"""`assistant` and `assistant chat`: the Textual app."""

import sys

from assistant.commands.ask import read_documents
from assistant.commands.options import settings, switches
from assistant.errors import UsageError


def chat(documents: list[str], resume: str | None, profile: str | None, server: str | None) -> int:
    """Open the chat.

    Raises:
        UsageError: standard input or output is no terminal, or an option is wrong.
    """
    chosen = settings(profile, server)
    opened = read_documents(documents, chosen.max_document_megabytes)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The chat needs a terminal; in a script use `assistant ask` or `assistant batch`.")
    from assistant.models.catalogue import load_catalogue

    load_catalogue().profile(chosen.profile)
    from tui.app import run_chat

    def responder() -> "Assistant":
        from assistant.assistant import Assistant

        return Assistant(chosen)

    from assistant.assistant import Assistant

    return run_chat(responder, opened, resume, color=switches.color)
