"""Writing a conversation to a file that the user names."""

import os
from pathlib import Path

from assistant.errors import UsageError
from assistant.history.store import FORMS
from assistant.text import one_line
from tui.chat.session import Session


def export(session: Session, name: str) -> Path:
    """Write the conversation to a new file, in the form that the end of its name says; where it is.

    Raises:
        UsageError: the name says no form, is none, or is taken, or the file cannot be written.
        HistoryError: nothing was said yet, or the history cannot be read.
    """
    if not name:
        raise UsageError("/export needs the name of a file, for example /export chat.md or /export chat.html")
    path = Path(name)
    if (form := FORMS.get(path.suffix.lower())) is None:
        raise UsageError(f"{one_line(path.name, 40)}: end the name in .md or .html to read it, or .json to process it.")
    text = session.export(form)
    shown = one_line(name, 60)
    try:
        path = path.expanduser()
        # Never readable by others, not even for a moment.
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{shown} exists already; choose another name.") from error
    except OSError as error:
        raise UsageError(f"{shown} cannot be written ({error.strerror}); choose another place.") from error
    except (ValueError, RuntimeError) as error:  # a NUL, the home of a user that there is not
        raise UsageError(f"{shown} is not a file name; choose another.") from error
    return path
