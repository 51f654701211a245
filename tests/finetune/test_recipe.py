from pathlib import Path

import pytest

from assistant.errors import UsageError
from finetune.recipe import NLIRecipe
from finetune.recipe_files import combinations, load_recipe, recipe_names, recipe_text


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_parses_and_is_named_as_its_file(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.licence and recipe.description
    assert set(load_recipe(name).model_dump()) == set(recipe.model_dump())


def test_settings_lie_over_a_recipe() -> None:
    recipe = load_recipe(
        "nli-minilm",
        ["training.epochs=0.5", "base=/some/folder", "data.qa_pairs.right=3", 'data.train=["x.tsv"]', "data.qa=x"],
    )
    assert isinstance(recipe, NLIRecipe)
    assert (recipe.training.epochs, recipe.base) == (0.5, "/some/folder")
    assert (recipe.data.qa_pairs["right"], recipe.data.train, recipe.data.qa) == (3, ["x.tsv"], "x")


@pytest.mark.parametrize(
    "setting, said",
    [
        ("training.epoch=2", "unknown key training.epoch; did you mean epochs"),
        ("traning.epochs=2", "unknown key traning; did you mean training"),
        ("training.epochs=-1", "training.epochs"),
        ("training.epochs=many", "training.epochs"),
        ("training.epochs.x=1", "is a value, not a section"),
        ("data.qa=5", "data.qa"),
        ("task=other", "task"),
        ("epochs", "key=value"),
        ("=3", "key=value"),
        ("max_length=5", "max_length"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_nearest_right_key(setting: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_recipe("nli-minilm", [setting])


def test_what_a_recipe_says_of_its_data_is_not_said_of_other_data() -> None:
    theirs, mine = load_recipe("code-gpt2-large"), load_recipe("code-gpt2-large", ['data.train=["mine.csv"]'])
    assert theirs.data.declared.train == 19_919 and "Glaive" in theirs.licence
    assert mine.data.declared.train is None and mine.licence.startswith("not stated")
    told = ['data.train=["mine.csv"]', "licence=MIT", "data.declared.train=5"]
    said = load_recipe("code-gpt2-large", told)
    assert (said.licence, said.data.declared.train) == ("MIT", 5)


def test_a_recipe_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(recipe_text("qa-minilm").replace("qa-minilm", "mine", 1))
    assert load_recipe(str(path)).name == "mine"
    path.write_text("task = ")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_recipe(str(path))
    path.write_bytes(b"task = '\xff'")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_recipe(str(path))
    path.write_text("name = 'x'")
    with pytest.raises(UsageError, match="task"):
        load_recipe(str(path))


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean qa-minilm"):
        load_recipe("qa-minilml")


def test_a_list_where_one_value_belongs_makes_a_run_of_each() -> None:
    made = combinations("nli-minilm", ["training.learning_rate=[1e-4, 2e-4]", "lora.r=[4, 8]", "training.epochs=1"])
    assert made == [
        ["training.learning_rate=0.0001", "lora.r=4", "training.epochs=1"],
        ["training.learning_rate=0.0001", "lora.r=8", "training.epochs=1"],
        ["training.learning_rate=0.0002", "lora.r=4", "training.epochs=1"],
        ["training.learning_rate=0.0002", "lora.r=8", "training.epochs=1"],
    ]


def test_values_between_commas_are_a_list_where_one_value_belongs() -> None:
    assert combinations("nli-minilm", ["training.epochs=1,2"]) == [["training.epochs=1"], ["training.epochs=2"]]
    assert combinations("qa-bert", ["loop=trainer,accelerate"]) == [["loop=trainer"], ["loop=accelerate"]]
    assert combinations("qa-bert", ["licence=MIT, or Apache-2.0"]) == [["licence=MIT, or Apache-2.0"]]
    with pytest.raises(UsageError, match=r"training\.epochs"):
        load_recipe("qa-bert", combinations("qa-bert", ["training.epochs=many,few"])[0])


def test_a_list_where_a_list_belongs_is_one_value() -> None:
    assert combinations("nli-minilm", ['data.train=["a.tsv", "b.tsv"]']) == [['data.train=["a.tsv", "b.tsv"]']]


@pytest.mark.parametrize(
    "recipe, settings, said",
    [
        ("qa-bert", ["method=lora"], r"needs a section \[lora\]"),
        ("qa-bert", ["method=prompt"], "for code recipes"),
        ("qa-bert", ["loop=mine"], "loop"),
        ("code-gpt2-large", ["quantization=none"], "quantization"),
        ("code-gpt2-large", ["training.precision=fp8"], "training.precision"),
        ("qa-bert", ["training.best_by=f2"], "choose exact_match, f1, f1_all"),
        ("nli-camembert", ["training.best_by=f1"], "choose accuracy, f1_macro"),
        ("qa-minilm", ["data.choose_on=test"], "needs data.test"),
        ("code-gpt2-large", ["training.early_stopping=3"], "set training.eval_rows"),
        ("code-gpt2-large", ["data.choose_on=test", "data.test=x.csv"], "held-out questions and no test data"),
    ],
)
def test_a_method_that_cannot_be_is_refused(recipe: str, settings: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_recipe(recipe, settings)
