"""What the shell completes beside commands and options: profiles, models and conversations.

Nothing is fetched for it, and what goes wrong completes nothing.
"""

import sys

from assistant.errors import AssistantError

_CONVERSATIONS = 50
_FIRST_TAB = """if [ "$funcstack[1]" = "_%(prog_name)s" ]; then
  %(complete_func)s "$@"
fi
"""


def complete_at_the_first_tab_in_zsh() -> None:
    """Have zsh's completion script, where one is about to be written, complete when it is loaded.

    zsh loads it at the first Tab. Typer's only says then what completes from the second on, and the first does nothing.
    """
    if not any(given.startswith(("--install-completion", "--show-completion")) for given in sys.argv[1:]):
        return
    try:
        from typer._completion_shared import _completion_scripts as scripts
    except ImportError:  # no public part of Typer: without it, the second Tab completes
        return
    if _FIRST_TAB not in scripts.get("zsh", _FIRST_TAB):
        scripts["zsh"] = f"{scripts['zsh'].rstrip()}\n\n{_FIRST_TAB}"


def profiles(incomplete: str) -> list[tuple[str, str]]:
    """Profiles whose names begin so, with what they are for."""
    from assistant.models.catalogue import load_catalogue

    found = load_catalogue().profiles.values()
    return [(each.name, each.description) for each in found if each.name.startswith(incomplete)]


def models(incomplete: str) -> list[tuple[str, str]]:
    """Models of the list whose names begin so, with what they are for."""
    from assistant.models.catalogue import load_catalogue

    found = load_catalogue().bases.values()
    return [(each.name, each.purpose) for each in found if each.name.startswith(incomplete)]


def references(incomplete: str) -> list[tuple[str, str]]:
    """Profiles and models whose names begin so."""
    return profiles(incomplete) + models(incomplete)


def conversations(incomplete: str) -> list[tuple[str, str]]:
    """The newest conversations whose ids begin so, with their titles, and `last`."""
    from assistant.history.database import default_path
    from assistant.history.store import History
    from assistant.text import one_line

    if not default_path().exists():
        return []
    try:
        with History() as history:
            found = [(each.id, one_line(each.title, 60)) for each in history.list_conversations(_CONVERSATIONS)]
    except AssistantError:
        return []
    return [each for each in [("last", "the newest"), *found] if each[0].startswith(incomplete)]
