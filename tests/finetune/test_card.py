import re
from pathlib import Path

from assistant.models.cards import Figures, read_figures
from finetune.recipe_files import load_recipe
from finetune.run.card import write_card


def test_a_card_is_plain_markdown_behind_front_matter_that_holds_its_results(tmp_path: Path) -> None:
    results = (Figures("SQuAD v1.1", 76.04, 84.46, "validation"), Figures("SQuAD v2.0", 60.1, 64.2, "validation"))
    path = write_card(load_recipe("qa-minilm"), {"steps": 12, "train_loss": 1.2}, tmp_path, "## More", results)
    text = path.read_text("utf-8")
    assert read_figures(tmp_path) == results
    assert text.startswith("---\nbase_model: all-minilm-l6-v2\nlibrary_name: peft\npipeline_tag: question-answering\n")
    body = text.split("\n---\n", 1)[1]
    assert body.startswith("\n# qa-minilm\n")
    assert body.endswith("## More\n")
    assert "EM" not in body


def test_a_card_without_results_has_no_model_index(tmp_path: Path) -> None:
    text = write_card(load_recipe("qa-minilm"), {"steps": 12}, tmp_path).read_text("utf-8")
    assert "model-index" not in text and read_figures(tmp_path) == ()


def test_no_cell_of_a_card_is_cut_by_a_bar_within_it(tmp_path: Path) -> None:
    text = write_card(load_recipe("qa-minilm"), {"steps": 12}, tmp_path).read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert any(r"query\|key" in row for row in rows)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
