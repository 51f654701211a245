"""The models: a server's and the profiles to choose from, what each needs, and what is on this machine."""

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
from assistant.generation.server import ListedModel, list_models, resolve
from assistant.models.catalogue import ModelSpec, Profile
from assistant.models.store import ModelStore
from assistant.settings import load_settings
from assistant.text import counted, one_line
from tui.chat.preferences import Preferences

_PARTS = ("generator", "reader", "verifier")
# Measured with the embedded profile: 2.1 GB. Weights are float32 while they are made ready for the engine, which holds
# its own as well.
_PROGRAM, _EACH = 800_000_000, 8  # bytes, and bytes a parameter
_TIMES_GGUF = 1.5  # weights that stay in few bits take what their file takes; some are held once more


_PROFILE, _MODEL, _SERVER = "profile:", "model:", "server:"


class ModelsScreen(ModalScreen[None]):
    """The models of the server, where there is one, other servers, and the profiles.

    Enter takes one: its models are fetched and loaded while the chat goes on, and the conversation is gone on with.

    Args:
        preferences: The settings in force.
        generator: The model that writes answers, where the settings do not name it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", key_display="esc", id="models.back"),
    ]

    def __init__(self, preferences: Preferences, generator: str | None = None) -> None:
        super().__init__()
        self._preferences = preferences
        self._generator = preferences.settings.server_model or generator
        self._store = ModelStore()
        self._ids: list[str] = []

    def compose(self) -> ComposeResult:
        """The profiles, what is on this machine, keys."""
        with Vertical(id="models"):
            yield Static(Content.styled("Which models answer", "bold $text-accent"))
            yield OptionList(id="models-list")
            yield Static(id="models-installed")
            yield Static(id="models-line")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin at what is in use, and look what is there."""
        self._fill([])
        self.query_one(OptionList).focus()
        own = [
            f"{part}: {named}" for part in _PARTS if (named := getattr(self._preferences.settings, part)) is not None
        ]
        if self._preferences.settings.server:
            own.append(f"generator: on {one_line(self._preferences.settings.server.rpartition('@')[2], 60)}")
        if own:
            self._say(f"In place of the profile's, as the settings say: {', '.join(own)}")
        self._look()
        if self._preferences.settings.server:
            self._ask_server()

    def _fill(self, models: list[ListedModel]) -> None:
        """Show what there is to choose from, the server's models first; begin at what is in use."""
        settings = self._preferences.settings
        options = [(f"{_MODEL}{model.name}", self._served(model)) for model in models if model.converses]
        options += [
            (f"{_SERVER}{name}", Content.assemble(("  server ", ""), (one_line(name, 60), "bold")))
            for name in settings.servers
            if name != settings.server
        ]
        if settings.server:
            options.append((_SERVER, Content.styled("  no server: the profile's own generator", "$foreground 60%")))
        options += [
            (f"{_PROFILE}{profile.name}", self._profile(profile)) for profile in self._store.catalogue.profiles.values()
        ]
        ids = [name for name, _ in options]
        wanted = [f"{_MODEL}{self._generator}"] if models else []
        wanted.append(f"{_PROFILE}{settings.profile}")
        listed = self.query_one(OptionList)
        listed.set_options([Option(shown, id=str(at)) for at, (_, shown) in enumerate(options)])
        self._ids = ids
        listed.highlighted = next((ids.index(wanted_id) for wanted_id in wanted if wanted_id in ids), 0)

    def _served(self, model: ListedModel) -> Content:
        mark = "● " if model.name == self._generator else "  "
        context = f"  context of {counted(model.context, 'token')}" if model.context else ""
        return Content.assemble(
            (mark, "$text-accent"), (one_line(model.name, 70), "bold"), (context, "$foreground 60%")
        )

    @work(thread=True, exit_on_error=False, group="server")
    def _ask_server(self) -> None:
        settings = self._preferences.settings
        try:
            models = list_models(resolve(settings.server or "", settings.servers))
        except AssistantError as error:
            self.app.call_from_thread(self._say, str(error), error=True)
        else:
            self.app.call_from_thread(self._fill, models)

    @work(thread=True, exit_on_error=False)
    def _look(self) -> None:
        lines = [f"  {one_line(model.name, 44):<44} {model.bytes / 1e6:8.1f} MB" for model in self._store.installed()]
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
        """Take a server's model, a server or a profile."""
        event.stop()
        chosen = self._ids[event.option_index]
        try:
            self._choose(chosen)
        except AssistantError as error:
            self._say(str(error), error=True)
        else:
            self.dismiss()

    def _choose(self, chosen: str) -> None:
        preferences, settings = self._preferences, self._preferences.settings
        if chosen.startswith(_MODEL):
            name = chosen.removeprefix(_MODEL)
            if name != self._generator:
                # Another server, named for this time alone, has other models: then this is for this time too.
                preferences.change("server_model", name, keep=load_settings().server == settings.server)
        elif chosen.startswith(_SERVER):
            preferences.change_all({"server_model": None, "server": chosen.removeprefix(_SERVER) or None})
        elif (profile := chosen.removeprefix(_PROFILE)) != settings.profile:
            preferences.change("profile", profile)

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
