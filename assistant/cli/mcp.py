"""`assistant mcp`: a server of the Model Context Protocol on standard input and output, for agents and editors."""

from pathlib import Path
from typing import Annotated

import typer

from assistant.cli.options import Model, Profile, Server, settings
from assistant.errors import AssistantError, UsageError


def mcp(
    folder: Annotated[
        list[Path] | None, typer.Option(help="Files of this folder may be opened, no others. May be repeated.")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Let the client search your conversations.")] = False,
    profile: Profile = None,
    server: Server = None,
    model: Model = None,
) -> int:
    r"""Serve documents, questions and checks to an agent or editor over MCP. Needs the extra [mcp].

    \b
    Examples:
      assistant mcp --folder ~/papers
      assistant mcp --folder . --history --profile light
    """
    chosen = settings(profile, server, model)
    folders = [each.expanduser() for each in folder or []]
    for each in folders:
        if not each.is_dir():
            raise UsageError(f"--folder {each}: there is no such folder.")
    try:
        import mcp as _  # noqa: F401
    except ImportError as error:
        raise AssistantError("The server needs the MCP library: pip install 'terminal-assistant[mcp]'.") from error
    from assistant.answering.assistant import Assistant
    from assistant.history.store import History
    from assistant.services.mcp_server import make_server
    from assistant.services.worker import ModelWorker

    worker = ModelWorker(Assistant(chosen), waiting=64)
    try:
        make_server(worker, folders, History if history else None).run("stdio")
    finally:
        worker.close()
    return 0
