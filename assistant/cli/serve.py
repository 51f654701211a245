"""`assistant serve`: an endpoint that speaks the OpenAI API, for other programs on this machine."""

import sys
from typing import Annotated

import typer

from assistant.cli.options import Model, Profile, Server, settings
from assistant.errors import AssistantError, UsageError

_CONNECTIONS = 256
_LOOPBACK = ("127.0.0.1", "localhost")


def serve(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="The address to listen on: 127.0.0.1 or localhost.")] = "127.0.0.1",
    no_token: Annotated[bool, typer.Option("--no-token", help="Let every program of this machine in.")] = False,
    queue: Annotated[int, typer.Option(help="How many requests may wait; more are refused.", min=1)] = 64,
    profile: Profile = None,
    server: Server = None,
    model: Model = None,
) -> int:
    r"""Serve chat completions with evidence and verdicts to programs on this machine. Needs the extra [serve].

    Clients send the token as the API key. It is printed when it is made, and kept in a file that only you can read.

    \b
    Examples:
      assistant serve
      assistant serve --port 9000 --profile light
    """
    chosen = settings(profile, server, model)
    if host not in _LOOPBACK:
        raise UsageError(f"--host {host}: this server listens on this machine only; choose {', '.join(_LOOPBACK)}.")
    try:
        import multipart  # type: ignore[import-untyped]  # noqa: F401  (what takes uploads apart)
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise AssistantError("The endpoint needs more: pip install 'terminal-assistant[serve]'.") from error
    from assistant.answering.assistant import Assistant
    from assistant.history.database import default_path
    from assistant.services.openai_api import Endpoint
    from assistant.services.token import token_of
    from assistant.services.worker import ModelWorker

    path = default_path().with_name("serve-token")
    token, made = (None, False) if no_token else token_of(path)
    worker = ModelWorker(Assistant(chosen, conversing=True), queue)
    endpoint = Endpoint(worker, token, ["127.0.0.1", "localhost"])
    config = uvicorn.Config(
        endpoint.app, host=host, port=port, log_level="warning", access_log=False, lifespan="off",
        limit_concurrency=_CONNECTIONS, backlog=_CONNECTIONS, timeout_keep_alive=30, timeout_graceful_shutdown=3,
        server_header=False, ws="none",
    )  # fmt: skip
    try:
        listening = config.bind_socket()
        listening.listen(_CONNECTIONS)  # before it is told: who reads that connects at once
    except SystemExit as error:
        worker.close()
        raise AssistantError(f"Port {port} of {host} cannot be used; name another by --port.") from error
    lines = [f"Listening on http://{host}:{listening.getsockname()[1]}/v1, model {chosen.profile}; Ctrl+C ends it."]
    if token is not None:
        lines.append(f"The token, shown this once: {token}" if made else f"The token is kept in {path}.")
    for line in lines:
        print(line, file=sys.stderr, flush=True)  # noqa: T201
    try:
        uvicorn.Server(config).run([listening])
    finally:
        worker.close()
    return 0
