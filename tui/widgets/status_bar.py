"""One slim line: how the models are, the route, and what there is to say just now."""

from datetime import timedelta

from textual.content import Content
from textual.widgets import Static

from assistant.events import Progress
from assistant.text import one_line, printable
from assistant.types import Route
from tui.parts import Part

_BAR = 16
_MEGABYTE = 1_000_000
_CAN_BE_ASKED = {
    Part.READERS: "documents can be asked about · ",
    Part.GENERATOR: "without a document it answers · ",
}


def short_name(model: str) -> str:
    """A model's name on a narrow line: of a path, its last part."""
    return one_line(model.rstrip("/").rpartition("/")[2] if model.startswith(("/", "~", ".")) else model, 40)


class StatusBar(Static):
    """The state of the models at the left; a word to the user takes its place until the next key is sent."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._models = Content.styled("○ starting", "$foreground 60%")
        self._said: Content | None = None
        self._ready: set[Part] = set()
        self._loading: dict[Part | None, Progress] = {}  # how far each part has come
        self._route: Route | None = None
        self.said = ""

    def show_loading(self, progress: Progress, part: Part | None = None) -> None:
        """Show how far loading has come; of two parts, that of the readers until they are there."""
        if part in self._ready:
            return
        self._loading[part] = progress
        if part is Part.GENERATOR and Part.READERS in self._loading:
            return
        stage = "".join(_CAN_BE_ASKED[ready] for ready in sorted(self._ready)) + printable(progress.stage)
        if progress.total <= 0:
            self._models = Content.assemble(("○ ", "$text-accent"), (f"{stage}…", "$foreground 60%"))
        else:
            share = min(1.0, progress.done / progress.total)
            done = round(share * _BAR)
            size = ""
            if progress.total > _MEGABYTE:
                size = f"  {progress.done / _MEGABYTE:.0f} of {progress.total / _MEGABYTE:.0f} MB"
                if progress.per_second is not None:
                    size += f"  {progress.per_second / _MEGABYTE:.1f} MB/s"
                if progress.seconds_left is not None:
                    size += f"  {timedelta(seconds=round(min(progress.seconds_left, 1e8)))} left"
            self._models = Content.assemble(
                ("○ ", "$text-accent"),
                (f"{stage}  ", "$foreground 60%"),
                ("━" * done, "$accent"),
                ("─" * (_BAR - done), "$text-disabled"),
                (f" {share:3.0%}" + size, "$foreground 60%"),
            )
        self._draw()

    def show_part(self, part: Part) -> None:
        """Show from now on, beside what is still being loaded, what can be asked already."""
        self._ready.add(part)
        self._loading.pop(part, None)
        for other, progress in list(self._loading.items()):
            self.show_loading(progress, other)

    def _forget_loading(self) -> None:
        self._ready, self._loading = set(), {}

    def show_ready(self, generator: str | None = None) -> None:
        """Show that the models are ready, and which one writes answers."""
        self._forget_loading()
        who = f" · {short_name(generator)}" if generator else ""
        self._models = Content.assemble(("● ", "$text-success"), (f"ready{who}", "$foreground 60%"))
        self._draw()

    def show_failed(self, message: str) -> None:
        """Show why the models could not be loaded; stays until they are loaded again."""
        self._forget_loading()
        line = printable(message).strip()
        self._models = Content.assemble((f"✘ {line}", "$text-error"), ("  /retry loads them again", "$foreground 60%"))
        self._draw()

    def show_route(self, route: Route | None) -> None:
        """Show the route that is forced; None is the automatic one, which needs no word."""
        self._route = route
        self._draw()

    def say(self, text: str, *, error: bool = False) -> None:
        """Say something to the user."""
        self.said = printable(text)
        self._said = Content.styled(("✘ " if error else "") + self.said, "$text-error" if error else "$text-accent")
        self._draw()

    def hush(self) -> None:
        """Take back what was said."""
        if self._said is not None:
            self.said, self._said = "", None
            self._draw()

    def _draw(self) -> None:
        line = self._said if self._said is not None else self._models
        if self._route is not None:
            line = Content.assemble((f"{self._route.value} ", "bold $text-accent"), ("· ", "$foreground 60%"), line)
        self.update(line)
