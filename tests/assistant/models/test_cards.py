from pathlib import Path

import pytest

from assistant.models.cards import Figures, front_matter, read_figures, read_languages

# As the Hub's own evaluation writes it into cards.
PUBLISHED = """---
language: en
license: cc-by-4.0
datasets: [squad_v2]
model-index:
- name: owner/reader
  results:
  - task: {type: question-answering, name: Question Answering}
    dataset: {name: squad_v2, type: squad_v2, config: squad_v2, split: validation}
    metrics:
    - {type: exact_match, value: 79.9309, name: Exact Match, verified: true, verifyToken: abc}
    - {type: f1, value: 82.9501, name: F1, verified: true}
    - {type: total, value: 11869, name: total}
  - task: {type: question-answering, name: Question Answering}
    dataset: {name: squad, type: squad, config: plain_text, split: validation}
    metrics:
    - {type: exact_match, value: "0.857"}
    - {type: f1, value: 0.9191}
  - task: {type: text-classification}
    dataset: {name: sst2, type: sst2}
    metrics:
    - {type: f1, value: 12.0}
---

# A reader
"""


def _figures(folder: Path, card: str | bytes) -> tuple[Figures, ...]:
    (folder / "README.md").write_bytes(card.encode() if isinstance(card, str) else card)
    return read_figures(folder)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_figures_of_a_card_are_read_in_percent_and_squad_comes_first(tmp_path: Path, ends: str) -> None:
    assert _figures(tmp_path, PUBLISHED.replace("\n", ends)) == (
        Figures("SQuAD v1.1", 85.7, 91.91, "validation"),
        Figures("SQuAD v2.0", 79.93, 82.95, "validation"),
    )


def test_figures_read_as_a_person_would_say_them() -> None:
    assert str(Figures("SQuAD v1.1", 76.04, 84.46)) == "SQuAD v1.1 EM 76.0 F1 84.5"
    assert str(Figures("PIAF", None, 45.0)) == "PIAF F1 45.0"
    assert "\x1b" not in str(Figures("bad\x1b[31m\nname", 1.5)) and "\n" not in str(Figures("bad\nname", 1.5))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    figures = (Figures("SQuAD v1.1", 76.04, 84.46, "validation"), Figures("PIAF, held-out fifth", None, 45.2))
    block = front_matter("ours", figures, license="cc-by-sa-4.0", base_model="all-minilm-l6-v2")
    assert block.startswith("---\n") and block.endswith("\n---\n")
    assert _figures(tmp_path, block + "\n# ours\n") == figures
    assert _figures(tmp_path, front_matter("ours", (), license="mit") + "# ours\n") == ()


@pytest.mark.parametrize(
    "card",
    [
        "",
        "# A card without front matter",
        "---\n",
        "---\n---\n",
        "---\n- a list\n---\n",
        "---\nmodel-index: 5\n---\n",
        "---\nmodel-index: [{name: x}]\n---\n",
        "---\nmodel-index: [{name: x, results: [{task: 5}]}]\n---\n",
        "---\nignore_metadata_errors: true\n---\n",
        "---\n: : :\n\t-\n---\n",
        "---\nx: !!python/object/apply:os.system ['touch owned']\n---\n",
        "---\nmodel-index: " + "[" * 20_000 + "\n---\n",
        "---\nmodel-index: [" + "[" * 400 + "\n---\n",
        "---\nmodel-index:\n " + "- " * 20_000 + "\n---\n",
        b"\xff\xfe---\n---\n",
        PUBLISHED.replace("79.9309", ".nan")
        .replace("82.9501", "[1]")
        .replace('"0.857"', "-3")
        .replace("0.9191", "1e9"),
        PUBLISHED.replace("- {type: total", "- &a {type: total").replace("- {type: f1, value: 12.0}", "- *a"),
    ],
)
def test_a_broken_card_is_no_error_and_gives_no_figures(
    tmp_path: Path, card: str | bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _figures(tmp_path, card) == ()
    assert capsys.readouterr() == ("", "")
    assert not (tmp_path / "owned").exists()


def test_a_folder_without_a_card_gives_no_figures(tmp_path: Path) -> None:
    assert read_figures(tmp_path) == ()


@pytest.mark.parametrize(
    "card, languages",
    [
        (PUBLISHED, {"en"}),
        ("---\nlanguage: [fr, en-GB]\n---\n", {"fr", "en"}),
        ("---\nlanguage: multilingual\n---\n", set()),
        ("---\nlanguage: {a: b}\n---\n", set()),
        ("---\nlanguage: [1, null, '<b>']\n---\n", set()),
        ("# no front matter", set()),
    ],
)
def test_the_languages_of_a_card_are_known_by_their_codes(tmp_path: Path, card: str, languages: set[str]) -> None:
    (tmp_path / "README.md").write_text(card)
    assert read_languages(tmp_path) == languages
