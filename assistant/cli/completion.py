"""What the shell completes beside commands and options: profiles, models and conversations.

Nothing is fetched for it, and what goes wrong completes nothing.
"""

from assistant.errors import AssistantError

_CONVERSATIONS = 50


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
