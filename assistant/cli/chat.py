"""`assistant` and `assistant chat`: the Textual app."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.cli.ask import read_documents
from assistant.cli.options import switches
from assistant.errors import UsageError
from assistant.settings import TAB_VARIABLE, Settings

if TYPE_CHECKING:
    from assistant.answering.assistant import Assistant


def chat(documents: list[str], resume: str | None, chosen: Settings) -> int:
    """Open the chat: on a screen, or in plain lines where these are wanted or the terminal can do no more.

    Args:
        documents: files to open.
        resume: a conversation to go on with.
        chosen: the settings in force.

    Raises:
        UsageError: standard input or output is no terminal.
    """
    opened = read_documents(documents, chosen.max_document_megabytes)
    in_browser = "TEXTUAL_DRIVER" in os.environ  # textual-serve draws what comes through our pipes
    if not in_browser and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The chat needs a terminal; in a script use `assistant ask` or `assistant batch`.")
    from assistant.models.store import ModelStore

    store = ModelStore()
    if not store.is_hub_profile(chosen.profile):  # what the Hub has is fetched when the chat is open
        store.catalogue.profile(chosen.profile)

    def responder(settings: Settings) -> "Assistant":
        from assistant.answering.assistant import Assistant  # in the engine's thread: it takes a moment

        return Assistant(settings, conversing=True)

    if not in_browser and (chosen.plain or os.environ.get("TERM") == "dumb"):
        from tui.chat.plain import run_plain

        return run_plain(responder, opened, resume, chosen)
    from tui.app import run_chat

    tab = os.environ.get(TAB_VARIABLE)
    return run_chat(
        responder, opened, resume, settings=chosen, color=switches.color, verbose=switches.verbose,
        tab=Path(tab) if tab else None,
    )  # fmt: skip
