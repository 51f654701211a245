"""Spaces: readers side by side, and installed from the repository that the program is of."""

import json
import runpy
from pathlib import Path

import pytest

from assistant.errors import UsageError
from finetune.recipe_files import load_recipe
from finetune.run import source
from finetune.run.publish import write_space
from finetune.run.readers_space import EXAMPLES, GRADIO, write_readers_space


def _run_of(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.json").write_text(load_recipe(name).model_dump_json())
    return folder


def test_readers_answer_side_by_side(tmp_path: Path, reader_folder: Path, silent_reader_folder: Path) -> None:
    run = _run_of(tmp_path / "run", "qa-bert")
    names = [str(reader_folder), str(silent_reader_folder), str(reader_folder)]
    folder = write_readers_space(tmp_path / "space", [(run, name) for name in names], "Three readers")
    card = (folder / "README.md").read_text()
    assert "sdk: gradio" in card and "app_file: app.py" in card
    assert int(GRADIO.partition(".")[0]) >= 6, (
        "gradio 5 wants a huggingface_hub below 2, and the Space could not be built"
    )
    app = runpy.run_path(str(folder / "app.py"))
    assert app["TITLE"] == "Three readers" and len(app["EXAMPLES"]) == len(EXAMPLES)
    question, text = EXAMPLES[0]
    first, second, third = app["answers"](question, text)
    assert first.partition("<br>")[0] == third.partition("<br>")[0]
    assert first.startswith("<b>") and "<mark>" in first and second.startswith("<b>not in the text</b>")
    marked = first.partition("<mark>")[2].partition("</mark>")[0]
    assert marked in text and f"<b>{marked}</b>" in first
    assert app["answers"]("", text) == ["Write a question and a text."] * 3
    assert "<script>" not in app["answers"]("What?", "<script>alert(1)</script> The Nile.")[0]


def test_the_page_has_a_column_for_each_reader(tmp_path: Path, reader_folder: Path) -> None:
    gradio = pytest.importorskip("gradio")
    run = _run_of(tmp_path / "run", "qa-bert")
    folder = write_readers_space(tmp_path / "space", [(run, str(reader_folder))] * 3, "Three readers")
    page = runpy.run_path(str(folder / "app.py"))["page"]()
    blocks = list(page.blocks.values())
    assert sum(isinstance(block, gradio.HTML) for block in blocks) == 3
    assert all(block.min_width <= 300 for block in blocks if isinstance(block, gradio.Column) and block.children)
    assert sum(isinstance(block, gradio.Dataset) for block in blocks) == 1, "examples to click"


def test_a_verifier_does_not_stand_beside_readers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no reader"):
        write_readers_space(tmp_path, [(_run_of(tmp_path / "run", "nli-camembert"), "me/verifier")], "x")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/me/assistant.git", "git+https://github.com/me/assistant.git@abc"),
        ("git@github.com:me/assistant.git", "git+https://github.com/me/assistant.git@abc"),
        ("https://me:secret@git.example.org/assistant", "git+https://git.example.org/assistant@abc"),
        ("/home/me/assistant", None),
        ("http://127.0.0.1:3000/assistant", None),
        ("https://localhost/assistant", None),
    ],
)
def test_a_repository_is_named_where_others_reach_it_and_never_with_a_password(url: str, address: str | None) -> None:
    assert source._address(url, "abc") == address


def test_a_space_installs_what_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run_of(tmp_path / "run", "qa-bert")
    monkeypatch.setattr(source, "_installed_from", lambda: None)
    monkeypatch.setattr(source, "_checkout", lambda: "git+https://github.com/me/assistant@abc")

    def installs(address: str | None = None) -> str:
        return (write_space(tmp_path / "space", [(run, "me/reader")], "chat", address) / "Dockerfile").read_text()

    text = installs()
    assert (
        'install --no-cache-dir --user "terminal-assistant[web,documents] @ git+https://github.com/me/assistant@abc"'
        in text
    )
    assert "install --yes --no-install-recommends git" in text
    text = (
        write_space(tmp_path / "space", [(run, "me/reader")], "chat", "https://x.org/a.whl") / "Dockerfile"
    ).read_text()
    assert "@ https://x.org/a.whl" in text and "apt-get" not in text
    monkeypatch.setattr(source, "_checkout", lambda: None)
    text = installs()
    assert "terminal-assistant[web,documents]==" in text and "apt-get" not in text
    lines = (
        write_readers_space(tmp_path / "two", [(run, "me/a")] * 2, "x", "git+https://x.org/a") / "requirements.txt"
    ).read_text()
    assert lines == "terminal-assistant @ git+https://x.org/a\n"
    assert json.loads(json.dumps(EXAMPLES))
