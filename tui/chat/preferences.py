"""The settings in force, and changing one: in the user's settings file, every other line of which stays as it was."""

from collections.abc import Callable, Mapping

from pydantic import ValidationError

from assistant.errors import SettingsError
from assistant.settings import Settings, settings_path
from assistant.settings_file import Value, save_setting


class Preferences:
    """The settings of a running chat.

    Args:
        settings: Those it began with.
        changed: Called with the name of a setting once it has another value.
    """

    def __init__(self, settings: Settings, changed: Callable[[str], None]) -> None:
        self.settings = settings
        self._changed = changed

    def change(self, name: str, value: Value, *, keep: bool = True) -> None:
        """Change a setting; None is its default.

        Raises:
            SettingsError: the value does not fit, or the file cannot be written; nothing was changed then.
        """
        self.change_all({name: value}, keep=keep)

    def change_all(self, values: Mapping[str, Value], *, keep: bool = True) -> None:
        """Change some settings at once.

        Args:
            values: by their names; None is the default of one.
            keep: for the next time too.

        Raises:
            SettingsError: as `change`.
        """
        merged = {**self.settings.model_dump(exclude_unset=True), **values}
        merged = {name: value for name, value in merged.items() if name not in values or value is not None}
        try:
            settings = Settings.model_validate(merged)
        except ValidationError as error:
            raise SettingsError(f"{', '.join(values)}: {error.errors()[0]['msg'].lower()}.") from error
        for name, value in values.items() if keep else ():
            save_setting(settings_path(), name, None if value is None else getattr(settings, name))
        self.settings = settings
        for name in list(values)[-1:]:
            self._changed(name)
