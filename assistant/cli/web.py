"""`assistant web`: the same app in a browser, on this machine only unless told otherwise, for one person only."""

import os
import shlex
import sys
from typing import Annotated

import typer

from assistant.cli.options import Model, Profile, Server, settings
from assistant.errors import AssistantError
from assistant.settings import PREFIX


def web(
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen on; others can reach it if it is not loopback.")] = (
        "127.0.0.1"
    ),
    profile: Profile = None,
    server: Server = None,
    model: Model = None,
) -> int:
    r"""Serve the chat to a browser, by the link that is printed. Needs the extra [web].

    \b
    Examples:
      assistant web
      assistant web --port 9000 --profile gpt2-large
      assistant web --server ollama --model qwen3
    """
    chosen = settings(profile, server, model)
    try:
        from assistant.cli.web_server import PrivateServer
    except ImportError as error:
        raise AssistantError("The web view needs textual-serve: pip install 'terminal-assistant[web]'.") from error
    command = shlex.join([sys.executable, "-m", "assistant", "--profile", chosen.profile])
    # Not in the command, which everybody on this machine can read: an address may hold a password.
    for name, value in (("SERVER", server), ("SERVER_MODEL", chosen.server_model), ("GENERATOR", chosen.generator)):
        if value is not None:
            os.environ[f"{PREFIX}{name}"] = value
    try:
        PrivateServer(command, host, port).serve()
    except OSError as error:
        reason = error.strerror or error
        raise AssistantError(
            f"Port {port} of {host} cannot be used ({reason}); name others by --port and --host."
        ) from error
    return 0
