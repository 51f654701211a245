"""What `finetune` prints for scripts keeps to the schemas of the pages."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from finetune.recipe_files import recipe_names
from tests.conftest import Run
from tests.finetune.test_inspection import _settings

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "output.schema.json"


def kept(name: str, out: str) -> Any:
    """What a command printed, held against its schema."""
    record = json.loads(out)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()) | {"$ref": f"#/$defs/{name}"}).validate(record)
    assert out.count("\n") == 1
    return record


def test_the_list_of_recipes_is_for_scripts_too(run: Run) -> None:
    recipes = kept("finetune_list", run("list", "--json")[1])["recipes"]
    assert [each["name"] for each in recipes] == recipe_names()
    said = {each["name"]: each["source_result"] for each in recipes}
    assert "72.73" in said["nli-camembert"] and said["qa-minilm"] == ""


def test_a_plan_is_one_object_and_several_are_a_list(run: Run) -> None:
    alone = kept("finetune_plan", run("plan", "nli-camembert", "--json")[1])
    assert alone["steps"] == 1_410
    several = kept("finetune_plan", run("plan", "nli-camemberta", "--gpus", "1", "--gpus", "2", "--json")[1])
    assert [each["gpus"] for each in several] == [1, 2]
    sweep = kept("finetune_plan", run("plan", "qa-bert", "--set", "training.epochs=1,2", "--json")[1])
    assert [each["settings"] for each in sweep] == [["training.epochs=1"], ["training.epochs=2"]]


@pytest.mark.parametrize("name", ["qa-distilbert", "nli-camembert", "code-gpt2-large"])
def test_the_data_of_a_recipe_is_one_object(run: Run, tmp_path: Path, name: str) -> None:
    code, out, err = run("data", name, *_settings(name, tmp_path / "sample"), "--tokens", "--json")
    assert code == 0, err
    found = kept("finetune_data", out)
    assert sum(found["lengths"]["counts"]) == found["train"] and found["encoded"]


def test_runs_side_by_side_and_figures_keep_to_their_schemas(run: Run, tmp_path: Path) -> None:
    for name in ("nli-camemberta", "nli-minilm"):
        code, _, err = run("run", name, "--smoke", "--output", name)
        assert code == 0, err
    rows = kept("finetune_compare", run("compare", "nli-camemberta", "nli-minilm", "--json")[1])
    assert [row["run"] for row in rows] == ["nli-camemberta", "nli-minilm"]
    assert all(row["accuracy"] >= 0 and row["architecture"] for row in rows)
    test = str(tmp_path / "nli-camemberta" / "sample" / "test.tsv")
    figures = kept("finetune_evaluate", run("evaluate", "nli", "--data", test, "--model", "nli-minilm", "--json")[1])
    assert figures["accuracy"] >= 0 and {"f1_macro"} <= figures.keys()
