"""The models: the profiles to choose from, what each needs, and what is on this machine."""

import os
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from assistant.errors import AssistantError
from assistant.models.catalogue import ModelSpec, Profile
from assistant.models.store import ModelStore
from assistant.text import one_line
from tui.chat.preferences import Preferences

_PARTS = ("generator", "reader", "verifier")
# Measured with the embedded profile: 2.1 GB. Weights are float32 while they are made ready for the engine, which holds
# its own as well.
_PROGRAM, _EACH = 800_000_000, 8  # bytes, and bytes a parameter
_TIMES_GGUF = 1.5  # weights that stay in few bits take what their file takes; some are held once more


class ModelsScreen(ModalScreen[None]):
    """The profiles. Enter takes one: its models are fetched and loaded while the chat goes on.

    Args:
        preferences: The settings in force.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="models.back"),
    ]

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self._preferences = preferences
        self._store = ModelStore()

    def compose(self) -> ComposeResult:
        """The profiles, what is on this machine, keys."""
        with Vertical(id="models"):
            yield Static(Content.styled("Which models answer", "bold $text-accent"))
            yield OptionList(
                *(Option(self._profile(each), id=each.name) for each in self._store.catalogue.profiles.values()),
                id="models-list",
            )
            yield Static(id="models-installed")
            yield Static(id="models-line")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin at the profile in use, and look what is there."""
        listed = self.query_one(OptionList)
        listed.focus()
        names = list(self._store.catalogue.profiles)
        listed.highlighted = (
            names.index(self._preferences.settings.profile) if self._preferences.settings.profile in names else 0
        )
        own = [
            f"{part}: {named}" for part in _PARTS if (named := getattr(self._preferences.settings, part)) is not None
        ]
        if self._preferences.settings.server:
            own.append(f"generator: on {self._preferences.settings.server}")
        if own:
            self._say(f"In place of the profile's, as the settings say: {', '.join(own)}")
        self._look()

    @work(thread=True, exit_on_error=False)
    def _look(self) -> None:
        lines = [f"  {one_line(each.name, 44):<44} {each.bytes / 1e6:8.1f} MB" for each in self._store.installed()]
        text = "\n".join(lines) or "  nothing yet"
        shown = Content.assemble(("On this machine\n", "bold $text-accent"), (text, "$foreground 60%"))
        self.app.call_from_thread(self.query_one("#models-installed", Static).update, shown)

    def _profile(self, profile: Profile) -> Content:
        mark = "● " if profile.name == self._preferences.settings.profile else "  "
        lines = [
            Content.assemble((mark, "$text-accent"), (profile.name, "bold"), (f"  {profile.description}", "")),
            *(
                Content.styled(
                    f"  {part:<10} {_short(getattr(profile, part))}  {self._needs(getattr(profile, part))}",
                    "$foreground 60%",
                )
                for part in _PARTS
            ),
            *self._memory(profile),
        ]
        return Content("\n").join(lines)

    def _memory(self, profile: Profile) -> list[Content]:
        """What it needs of the machine's memory, beside what there is; nothing where a model's size is not known."""
        bases = {getattr(profile, part).base: self._weights(getattr(profile, part)) for part in _PARTS}
        known = [weights for weights in bases.values() if weights is not None]
        if len(known) < len(bases):
            return []
        needed, there = _PROGRAM + sum(known), machine_memory()
        line = f"  memory     up to {needed / 1e9:.1f} GB"
        if there is None:
            return [Content.styled(line, "$foreground 60%")]
        style = "$foreground 60%" if needed < there else "$text-warning"
        return [Content.styled(f"{line}; this machine has {there / 1e9:.1f} GB", style)]

    def _weights(self, spec: ModelSpec) -> float | None:
        """What a model's weights take, in bytes; None where its size is not known."""
        base, parameters = self._store.catalogue.bases.get(spec.base), self._parameters(spec)
        if base is not None and base.gguf is not None:
            return _TIMES_GGUF * base.gguf.bytes
        return None if parameters is None else _EACH * parameters

    def _parameters(self, spec: ModelSpec) -> int | None:
        base = self._store.catalogue.bases.get(spec.base)
        return base.parameters if base else spec.parameters

    def _needs(self, spec: ModelSpec) -> str:
        base, parameters = self._store.catalogue.bases.get(spec.base), self._parameters(spec)
        size = f"{parameters / 1e6:,.0f} M parameters, " if parameters else ""
        try:
            if self._store.is_ready(spec.base):
                return f"{size}ready"
        except AssistantError as error:
            return one_line(str(error), 60)
        return size + (f"{base.download_bytes / 1e6:,.0f} MB to fetch" if base else "from the Hub")

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Take a profile."""
        event.stop()
        if event.option.id == self._preferences.settings.profile:
            self.dismiss()
            return
        try:
            self._preferences.change("profile", event.option.id)
        except AssistantError as error:
            self._say(str(error), error=True)
        else:
            self.dismiss()

    def _say(self, text: str, *, error: bool = False) -> None:
        style = "$text-error" if error else "$foreground 60%"
        self.query_one("#models-line", Static).update(Content.styled(one_line(text, 300), style))


def machine_memory() -> int | None:
    """The memory of this machine in bytes; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _short(spec: ModelSpec) -> str:
    """A model's name without the whole of the revision that it is pinned to."""
    name, _, revision = str(spec).partition("@")
    return f"{name}@{revision[:7]}" if revision else name
