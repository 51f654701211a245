"""Publishing what a run trained: a model repository on the Hub, and a Space that serves the chat with it."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistant import __version__
from assistant.errors import AssistantError, UsageError
from assistant.models.catalogue import load_catalogue
from assistant.models.validation import is_adapter
from assistant.text import one_line
from finetune.recipe import Recipe
from finetune.recipe_files import read_run
from finetune.run.hub import create_private
from finetune.run.report_page import PLOTS_FOLDER
from finetune.run.source import needs_git, requirement
from finetune.tasks.registry import TASKS
from finetune.trainer.saving import trained_folder, write_merged

SPACE_PORT = 7860
_NEVER = ("*.bin", "*.pt", "*.pth", "optimizer*", "scheduler*", "rng_state*", "training_args*")
_BESIDE = ("report.md", "report.html", "figures.json", "test.json", "run.json", "recipe.json")


def push_model(run: Path, repo: str, *, private: bool = True, merged: bool = False) -> str:
    """Upload what a run trained, its card, report, plots and record; never an optimizer's state. Returns the address.

    Args:
        run: its folder.
        repo: of the Hub, as OWNER/NAME.
        private: whether others may not see it.
        merged: an adapter goes up merged into its base, as a model that needs nothing else.

    Raises:
        UsageError: the folder holds no finished run.
        AssistantError: the Hub did not take it.
    """
    from huggingface_hub import HfApi

    with _staged(run, merged=merged) as folder:
        api = HfApi()
        create_private(api, repo, private=private)
        _upload(api, repo, folder, "model")
    return f"{api.endpoint}/{repo}"


def check_finished(run: Path) -> Path:
    """Where a run keeps what it trained.

    Raises:
        UsageError: the folder holds no finished run.
    """
    trained = trained_folder(run)
    if trained is None:
        raise UsageError(
            f"{run}: no finished run (it has neither an adapter nor a model); train it with `finetune run`."
        )
    return trained


@contextmanager
def _staged(run: Path, *, merged: bool) -> Iterator[Path]:
    """A folder with exactly what is uploaded."""
    trained = check_finished(run)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        if merged and is_adapter(trained):
            write_merged(trained, read_run(run), folder)
        else:
            shutil.copytree(trained, folder, ignore=shutil.ignore_patterns(*_NEVER))
        for name in _BESIDE:
            if (run / name).is_file():
                shutil.copyfile(run / name, folder / name)
        if (run / PLOTS_FOLDER).is_dir():
            shutil.copytree(run / PLOTS_FOLDER, folder / PLOTS_FOLDER)
            with (folder / "README.md").open("a", encoding="utf-8") as card:
                card.write(_plots(sorted((run / PLOTS_FOLDER).glob("*.png"))))
        yield folder


def _plots(files: Sequence[Path]) -> str:
    """The plots as the card shows them, beside which they lie."""
    shown = [f"![{file.stem.replace('-', ' ')}]({PLOTS_FOLDER}/{file.name})" for file in files]
    return "\n".join(["", "## Plots", "", *shown, ""])


def _upload(api: Any, repo: str, folder: Path, kind: str) -> None:
    try:
        api.upload_folder(
            repo_id=repo, folder_path=folder, repo_type=kind, commit_message=f"terminal-assistant {__version__}"
        )
    except Exception as error:
        raise AssistantError(f"The upload to {repo} failed: {one_line(str(error), 200)}. Run it again.") from error


def write_space(folder: Path, models: Sequence[tuple[Path, str]], title: str, install_from: str | None = None) -> Path:
    """Write a Docker Space that serves the chat with models of the Hub, into a folder.

    In it the app listens to the world; every visitor gets a process, and a history, of their own, which end with the
    visit.

    Args:
        folder: gets the Space's files.
        models: folders of runs, and the repositories they were pushed to.
        title: of the Space.
        install_from: what pip installs; by default what this program was installed from.

    Raises:
        UsageError: two models would play the same part.
    """
    parts: dict[str, str] = {}
    for run, repo in models:
        recipe = read_run(run)
        if not (role := TASKS[recipe.task].role):
            raise UsageError(f"{run} is for {TASKS[recipe.task].purpose}, for which the chat of a Space has no part.")
        if role in parts:
            raise UsageError(f"{parts[role]} and {repo} are both a {role.lower()}; a Space takes one of each.")
        parts[role] = repo
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(_space_card(title, list(parts.values())), "utf-8")
    (folder / "Dockerfile").write_text(_dockerfile(parts, install_from), "utf-8")
    (folder / "serve.py").write_text(_SERVE, "utf-8")
    return folder


def push_space(folder: Path, repo: str, *, private: bool = True, sdk: str = "docker") -> str:
    """Upload a Space that `write_space` or `write_readers_space` wrote; returns its address.

    Raises:
        AssistantError: the Hub did not take it.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    create_private(api, repo, private=private, repo_type="space", space_sdk=sdk)
    _upload(api, repo, folder, "space")
    return f"{api.endpoint}/spaces/{repo}"


def usage_of(recipe: Recipe, repo: str) -> str:
    """How to use a pushed model in the chat, or by transformers where the chat has no part for it."""
    if not TASKS[recipe.task].role:
        return f'transformers.pipeline("{TASKS[recipe.task].pipeline}", model="{repo}")'
    return f"ASSISTANT_{TASKS[recipe.task].role}={repo} assistant"


def _space_card(title: str, models: Sequence[str]) -> str:
    listed = "\n".join(f"  - {model}" for model in models)
    return (
        f"---\ntitle: {title}\nemoji: 💬\ncolorFrom: blue\ncolorTo: gray\nsdk: docker\napp_port: {SPACE_PORT}\n"
        f"models:\n{listed}\n---\n\nThe chat of terminal-assistant in a browser, with models of its own. "
        "Every visitor has a history of their own, which is gone when they leave.\n"
    )


def _dockerfile(parts: dict[str, str], install_from: str | None) -> str:
    wanted = requirement("web,documents", install_from)
    git = "RUN apt-get update && apt-get install --yes --no-install-recommends git\n" if needs_git(wanted) else ""
    variables = "".join(f"ENV ASSISTANT_{role}={repo}\n" for role, repo in sorted(parts.items()))
    catalogue = load_catalogue()
    own = catalogue.profile("embedded")
    names = [
        own.generator.base,
        own.reader.base,
        own.verifier.base,
        *([catalogue.embedder] if catalogue.embedder else []),
    ]
    pulled = " && ".join(f"assistant models pull {name}" for name in dict.fromkeys([*names, *parts.values()]))
    return f"""\
FROM python:3.12-slim
{git}\
# A Space runs as user 1000.
RUN useradd --create-home --uid 1000 user
USER user
WORKDIR /home/user/app
ENV PATH=/home/user/.local/bin:$PATH HF_HOME=/home/user/.cache/huggingface ASSISTANT_CACHE=/home/user/.cache/assistant
RUN pip install --no-cache-dir --user "{wanted}"
{variables}\
# Private models need the Space's secret HF_TOKEN, which is there while it is built too.
RUN --mount=type=secret,id=HF_TOKEN,mode=0444 sh -c 'if [ -f /run/secrets/HF_TOKEN ]; then \\
    export HF_TOKEN=$(cat /run/secrets/HF_TOKEN); fi; {pulled}'
COPY --chown=user serve.py .
# Visitors can have the chat open any file, so the process has no token to read.
CMD ["env", "-u", "HF_TOKEN", "python", "serve.py"]
"""


_SERVE = f'''\
"""Serves the chat to the world: a process and a history for each visitor."""

import os
import shlex
import sys

from textual_serve.server import Server

VISITOR = """
import os, subprocess, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    sys.exit(subprocess.call([sys.executable, "-m", "assistant"], env=os.environ | {{"ASSISTANT_DATA": folder}}))
"""

name = os.environ.get("SPACE_HOST")
Server(
    shlex.join([sys.executable, "-c", VISITOR]),
    host=os.environ.get("HOST", "0.0.0.0"),
    port=int(os.environ.get("PORT", "{SPACE_PORT}")),
    title="assistant",
    public_url=f"https://{{name}}" if name else None,
).serve()
'''
