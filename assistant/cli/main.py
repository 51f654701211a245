"""The `assistant` command. Nothing heavy is imported before a command needs it."""

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from assistant import __version__
from assistant.cli import config, history, models
from assistant.cli.ask import ask
from assistant.cli.batch import batch
from assistant.cli.compare import compare
from assistant.cli.completion import complete_at_the_first_tab_in_zsh, conversations
from assistant.cli.doctor import doctor
from assistant.cli.man import man
from assistant.cli.mcp import mcp
from assistant.cli.options import Commands, Generation, switches
from assistant.cli.serve import serve
from assistant.cli.verify import verify
from assistant.cli.web import web
from assistant.documents.formats import FORMATS
from assistant.errors import AssistantError, UsageError
from assistant.text import printable

app = Commands(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=True)
Documents = Annotated[
    list[str] | None, typer.Option("--document", help=f"Open this file ({FORMATS}). May be repeated.")
]
Resume = Annotated[
    str | None,
    typer.Option(
        help="Go on with this conversation; `last` is the newest.", metavar="ID", autocompletion=conversations
    ),
]
Plain = Annotated[bool | None, typer.Option("--plain", help="Chat in plain lines, as screen readers like it.")]


def _version(value: bool) -> None:
    if value:
        print(f"assistant {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback(invoke_without_command=True)
def main_options(
    context: typer.Context,
    document: Documents = None,
    resume: Resume = None,
    plain: Plain = None,
    *,
    generation: Generation,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> int:
    r"""A chat assistant for the terminal that runs on your own machine.

    It answers programming questions, finds answers in documents, shows the place, and checks each answer against the
    text. Without a command it opens the chat.

    \b
    Examples:
      assistant                                     open the chat
      assistant --document report.txt               open it with a document
      assistant ask "How do I merge two dicts?"     one question
      assistant batch questions.jsonl -o answers.jsonl
      assistant verify --premise @report.txt --hypothesis "Sales rose."
    """
    if context.invoked_subcommand is not None:
        ours = {"--document": document, "--resume": resume, "--plain": plain, **generation.by_option}
        if early := next((option for option, value in ours.items() if value is not None), None):
            raise UsageError(
                f"{early} is not read before a command; put it behind: "
                f"assistant {context.invoked_subcommand} … {early} …"
            )
        return 0
    from assistant.cli.chat import chat

    return chat(document or [], resume, generation.settings(plain=plain))


@app.command("chat")
def chat_command(
    document: Documents = None,
    resume: Resume = None,
    plain: Plain = None,
    *,
    generation: Generation,
) -> int:
    r"""Open the chat (the same as no command).

    \b
    Examples:
      assistant chat
      assistant chat --document report.pdf --document notes.md
      assistant chat --resume last
    """
    from assistant.cli.chat import chat

    return chat(document or [], resume, generation.settings(plain=plain))


app.command()(ask)
app.command()(batch)
app.command()(verify)
app.command()(compare)
app.add_typer(models.app, name="models")
app.add_typer(history.app, name="history")
app.add_typer(config.app, name="config")
app.command()(web)
app.command()(mcp)
app.command()(serve)
app.command()(doctor)
app.command()(man)

_INTERRUPTED = 130
_ENDED = tuple(128 + number for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)))


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    leave(run(app, "assistant"))


def leave(code: int) -> None:
    """Exit. After an interruption a model may still be at work in its thread, and Python's own way out would crash."""
    if code == _INTERRUPTED or code in _ENDED:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def run(command: typer.Typer, name: str) -> int:
    """Run a command line; what it raises becomes one line on standard error and an exit code."""
    _prepare_streams()
    complete_at_the_first_tab_in_zsh()
    _keep_lines_of_examples(command)
    with _ending_in_order() as ended:
        return _run(command, name, ended)


def _run(command: typer.Typer, name: str, ended: list[int]) -> int:  # noqa: PLR0911  (one way out for each kind of end)
    try:
        code = command(prog_name=name, standalone_mode=False)
        if ended and code == _INTERRUPTED:
            code = 128 + ended[0]
        sys.stdout.flush()
    except AssistantError as error:
        return _failed(name, error, error.exit_code)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: the message is its help
            print(printable(str(error)), file=sys.stderr)  # noqa: T201
            return 2
        return _failed(name, error, 2, getattr(error, "format_message", error.__str__)())
    except (KeyboardInterrupt, Abort):
        code = 128 + ended[0] if ended else _INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # its reader has had enough
        return 0
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        _drop_output()  # the same; click exits by itself then
        return 0
    except OSError as error:
        _drop_output()
        place = f" ({error.filename})" if error.filename else ""
        return _failed(name, error, 1, f"reading or writing failed: {error.strerror or error}{place}.")
    except MemoryError as error:
        return _failed(name, error, 1, "not enough memory; close other programs or use a smaller document or model.")
    except Exception as error:  # noqa: BLE001  (the last place where a fault can be told to the user)
        return _failed(name, error, 1, f"a fault in the program ({type(error).__name__}); --verbose shows where.")
    if code == _INTERRUPTED or code in _ENDED:
        with contextlib.suppress(OSError):  # the terminal may be gone
            print("Interrupted.", file=sys.stderr, flush=True)  # noqa: T201
    return code if isinstance(code, int) else 0


@contextlib.contextmanager
def _ending_in_order() -> Iterator[list[int]]:
    """Take the request to end, and the end of the terminal, as Ctrl+C is taken: files are left whole, nothing runs on.

    Yields:
        A list that will hold the signal's number.
    """
    ended: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        ended.append(number)
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # Ignored, as by nohup, a signal stays so; and only the main thread may say what is done with one.
    main = threading.current_thread() is threading.main_thread()
    taken = [number for number in numbers if main and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield ended
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _failed(name: str, error: BaseException, code: int, message: str | None = None) -> int:
    if switches.verbose:
        import traceback

        print(printable("".join(traceback.format_exception(error))), end="", file=sys.stderr)  # noqa: T201
    line = " ".join(printable(message or str(error)).split())
    print(f"{name}: {line}", file=sys.stderr)  # noqa: T201
    return code


def _keep_lines_of_examples(command: typer.Typer) -> None:
    """Make the marks before examples what Typer looks for: raw docstrings hold two characters in place of one."""
    for registered in (*command.registered_commands, command.registered_callback):
        callback = registered.callback if registered is not None else None
        if callback is not None and callback.__doc__:
            callback.__doc__ = callback.__doc__.replace("\\b\n", "\b\n")


def _prepare_streams() -> None:
    """Write UTF-8 to files and pipes whatever the locale; a terminal that lacks a character shows a question mark.

    A stream that was closed by who started the program (`>&-`) becomes one that goes nowhere: a file opened later
    would get its number, and what a library prints would land in that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  (as long as the program)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _drop_output() -> None:
    """Let go of output that cannot be written; Python would complain of it again when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
