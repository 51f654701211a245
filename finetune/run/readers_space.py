"""A Gradio Space in which readers answer the same question side by side."""

import json
from collections.abc import Sequence
from pathlib import Path

from assistant.errors import UsageError
from finetune.recipe_files import read_run
from finetune.run.source import requirement

GRADIO = "6.31.0"
"""A version that goes with huggingface_hub 2, which the program needs; none of 5 does."""
EXAMPLES = (
    (
        "How large is the forest?",
        "The Amazon rainforest covers 5.5 million square kilometres in South America. It holds about 390 billion "
        "trees of 16,000 species. Most of it lies in Brazil, the rest in eight other countries.",
    ),
    (
        "Who rebuilt the mill?",
        "The mill at Torsby burned down in 1931. Elna Brandt rebuilt it in 1934 with money from the bank in Sunne. "
        "Since 1970 it has been a museum.",
    ),
    (
        "When was the bridge opened?",
        "The mill at Torsby burned down in 1931. Elna Brandt rebuilt it in 1934 with money from the bank in Sunne. "
        "Since 1970 it has been a museum.",
    ),
)
"""Questions to click; the last one has no answer in its text."""


def write_readers_space(
    folder: Path, models: Sequence[tuple[Path, str]], title: str, install_from: str | None = None
) -> Path:
    """Write a Space that shows the answers of several readers beside each other, into a folder.

    Args:
        folder: gets the Space's files.
        models: folders of runs, and the repositories they were pushed to.
        title: of the Space.
        install_from: what pip installs; by default what this program was installed from.

    Raises:
        UsageError: a run is no reader.
    """
    for run, repo in models:
        if read_run(run).task != "qa":
            raise UsageError(f"{repo} is no reader: side by side are readers only.")
    folder.mkdir(parents=True, exist_ok=True)
    names = [repo for _, repo in models]
    listed = "\n".join(f"  - {name}" for name in names)
    (folder / "README.md").write_text(
        f"---\ntitle: {title}\nemoji: 🔎\ncolorFrom: blue\ncolorTo: gray\nsdk: gradio\nsdk_version: {GRADIO}\n"
        f"app_file: app.py\nmodels:\n{listed}\n---\n\nReaders answer a question on a text, side by side.\n",
        "utf-8",
    )
    (folder / "requirements.txt").write_text(requirement("", install_from) + "\n", "utf-8")
    app = _APP.replace("MODELS = []", f"MODELS = {json.dumps(names)}")
    app = app.replace("EXAMPLES = []", f"EXAMPLES = {json.dumps(EXAMPLES, indent=4)}")
    (folder / "app.py").write_text(app.replace('TITLE = ""', f"TITLE = {json.dumps(title)}"), "utf-8")
    return folder


_APP = '''\
"""Readers answer a question on a text, side by side."""

import html
import time
from functools import cache

TITLE = ""
MODELS = []
EXAMPLES = []
MOST_CHARACTERS = 100_000


@cache
def reader(name):
    """A reader, fetched and loaded once."""
    from assistant.loading.reader import load_reader
    from assistant.models.store import ModelStore

    store = ModelStore()
    store.ensure(name, lambda progress: None)
    return load_reader(store.resolve(name))


def answers(question, text):
    """Of each reader: what it answers, how sure it is, how long it took, and the text with the answer marked."""
    from assistant.reading.reader import Question
    from assistant.types import Document

    told = []
    for name in MODELS:
        if not question.strip() or not text.strip():
            told.append("Write a question and a text.")
            continue
        loaded, began = reader(name), time.perf_counter()
        reading = loaded.read([Question(question.strip(), Document("text", text[:MOST_CHARACTERS]))])[0]
        took = time.perf_counter() - began
        if reading.best is None or not reading.answered:
            told.append(f"<b>not in the text</b><br><small>{took:.2f} s</small>")
            continue
        start, end = reading.best.start, reading.best.end
        before, said, after = (html.escape(part) for part in (text[:start][-200:], text[start:end], text[end:][:200]))
        told.append(
            f"<b>{said}</b><br><small>score {reading.score:.2f}, {took:.2f} s</small>"
            f"<p>{before}<mark>{said}</mark>{after}</p>"
        )
    return told


def page():
    """The page: a question, a text, and a column for each reader."""
    import gradio

    with gradio.Blocks(title=TITLE, analytics_enabled=False) as blocks:
        gradio.Markdown(f"# {TITLE}")
        question = gradio.Textbox(label="Question", max_length=1000)
        text = gradio.Textbox(label="Text", lines=8, max_length=MOST_CHARACTERS)
        button = gradio.Button("Ask", variant="primary")
        with gradio.Row():
            columns = []
            for name in MODELS:
                with gradio.Column(min_width=160):
                    gradio.Markdown(f"**{name}**")
                    columns.append(gradio.HTML())
        examples = [list(each) for each in EXAMPLES]
        gradio.Examples(examples, [question, text], columns, answers, cache_examples=False, run_on_click=True)
        gradio.on([button.click, question.submit], answers, [question, text], columns)
    return blocks


if __name__ == "__main__":
    page().launch()
'''
