"""The settings: what each is, what it is for, and changing it."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from assistant.errors import SettingsError
from assistant.settings import Settings, settings_path
from assistant.text import one_line
from tui.chat.preferences import Preferences
from tui.screens.dialogs import EntryScreen

_NAME = 28
_TABLES = {
    "keys": 'Write them into the file, below [keys]: an action and its keys, for example chat.stop = "f9"',
    "servers": "Write them into the file, each below [servers.NAME]: url, and where wanted, model and key_variable",
}


class SettingsScreen(ModalScreen[None]):
    """All settings. Enter changes one; it is kept in the settings file and holds at once.

    Args:
        preferences: Those in force.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="settings.back"),
    ]

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self._preferences = preferences

    def compose(self) -> ComposeResult:
        """The list, what the chosen one is for, keys."""
        with Vertical(id="settings"):
            yield OptionList(id="settings-list")
            yield Static(id="settings-help")
            yield Static(id="settings-line")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show them."""
        self._fill()
        self.query_one(OptionList).focus()
        self._say(f"Kept in {settings_path()}")

    def on_screen_resume(self) -> None:
        """A theme may have been chosen meanwhile."""
        self._fill()

    def _fill(self) -> None:
        listed = self.query_one(OptionList)
        at = listed.highlighted or 0
        listed.clear_options()
        defaults = Settings()
        for name in Settings.model_fields:
            value = getattr(self._preferences.settings, name)
            style = "$text-accent" if value != getattr(defaults, name) else "$foreground 60%"
            listed.add_option(
                Option(Content.assemble((f"{name:<{_NAME}}", "bold"), (one_line(_shown(value), 60), style)), id=name)
            )
        listed.highlighted = at

    @on(OptionList.OptionHighlighted)
    def explain(self, event: OptionList.OptionHighlighted) -> None:
        """Say what the chosen setting is for."""
        event.stop()
        self.query_one("#settings-help", Static).update(Content(self._about(event.option.id or "")))

    @on(OptionList.OptionSelected)
    def change(self, event: OptionList.OptionSelected) -> None:
        """Change a setting: switch it, or ask for its value."""
        event.stop()
        name = event.option.id or ""
        value = getattr(self._preferences.settings, name)
        if name == "theme":
            self.app.search_themes()
        elif isinstance(value, bool):
            self._set(name, not value)
        elif isinstance(value, dict):
            self._say(_TABLES.get(name, f"Write them into the file, below [{name}]"))
        else:

            def entered(text: str | None) -> None:
                if text is not None:
                    self._set(name, text.strip() or None)

            hint = f"{self._about(name)} Nothing for the default."
            self.app.push_screen(EntryScreen(name, "" if value is None else str(value), hint), entered)

    def _set(self, name: str, value: str | bool | None) -> None:
        try:
            self._preferences.change(name, value)
        except SettingsError as error:
            self._say(str(error), error=True)
        else:
            self._fill()
            self._say(f"{name} is now {_shown(getattr(self._preferences.settings, name))}")

    def _about(self, name: str) -> str:
        about = Settings.model_fields[name].description or ""
        return " ".join(about.split())

    def _say(self, text: str, *, error: bool = False) -> None:
        style = "$text-error" if error else "$foreground 60%"
        self.query_one("#settings-line", Static).update(Content.styled(one_line(text, 200), style))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        # Of a server only its name: what else is known of it may be a key.
        return (
            ", ".join(f"{name} = {item}" if isinstance(item, str) else name for name, item in value.items()) or "none"
        )
    return "—" if value is None else str(value)
