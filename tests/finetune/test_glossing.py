import csv
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import UsageError
from finetune.data.glossing import Dictionary, gloss_some, learn_dictionary, read_dictionary
from finetune.data.squad import QAExample
from finetune.recipe import QARecipe
from finetune.recipe_files import load_recipe
from finetune.tasks.qa.training import load_examples

ENGLISH = ["the cat sleeps", "the dog sleeps", "the cat eats", "a dog eats", "a cat", "a dog", "the house", "a house"]
FRENCH = ["le chat dort", "le chien dort", "le chat mange", "un chien mange", "un chat", "un chien", "la maison"]
FRENCH += ["une maison"]
ONE_TO_ONE = Dictionary({"cat": (("chat",), (1.0,)), "where": (("où",), (1.0,)), "garden": (("jardin",), (1.0,))})


def _example(context: str = "The cat is in the garden.", answer: str = "the garden") -> QAExample:
    return QAExample("1", "t", context, "Where is the cat?", (answer,), context.index(answer))


def test_words_are_learned_from_sentences_and_their_translations() -> None:
    learned = learn_dictionary(ENGLISH * 3, FRENCH * 3).translations
    assert {word: learned[word][0][0] for word in ("cat", "dog", "house", "sleeps", "eats")} == {
        "cat": "chat", "dog": "chien", "house": "maison", "sleeps": "dort", "eats": "mange",
    }  # fmt: skip


def test_a_word_that_is_seen_too_seldom_is_not_learned() -> None:
    assert learn_dictionary(["a cat"], ["un chat"]).translations == {}
    assert learn_dictionary([], []).translations == {}
    assert learn_dictionary(["...", ""], ["!", "un chat"]).translations == {}


def test_question_paragraph_and_answer_are_glossed_together() -> None:
    glossed = ONE_TO_ONE.gloss_example(_example(), random.Random(0))
    assert glossed.question == "Où is the chat?"
    assert glossed.context == "The chat is in the jardin."
    assert glossed.answers == ("the jardin",)
    assert glossed.context[glossed.start or 0 : glossed.end] == "the jardin"


def test_a_question_without_an_answer_stays_without() -> None:
    example = QAExample("1-moved", "t", "The cat sleeps.", "Where is the cat?", (), None)
    glossed = ONE_TO_ONE.gloss_example(example, random.Random(0))
    assert (glossed.context, glossed.answers, glossed.start) == ("The chat sleeps.", (), None)


@given(st.text(), st.text(min_size=1), st.text(), st.integers(0, 5))
def test_an_answer_stands_where_it_is_said_to_whatever_the_text(
    before: str, answer: str, after: str, seed: int
) -> None:
    words = ("le", "un très long mot"), (0.5, 0.5)
    dictionary = Dictionary(dict.fromkeys((*"abcdefgh0", *before.lower().split(), *answer.lower().split()), words))
    example = QAExample("1", "t", before + answer + after, "?", (answer,), len(before))
    glossed = dictionary.gloss_example(example, random.Random(seed))
    assert glossed.start is not None
    assert glossed.context[glossed.start : glossed.end] == glossed.answers[0]


def test_the_share_says_how_many_are_glossed() -> None:
    examples = [_example()] * 400
    glossed = gloss_some(examples, [0.0] * 200 + [0.5] * 200, ONE_TO_ONE, seed=1)
    changed = [example.question != "Where is the cat?" for example in glossed]
    assert not any(changed[:200])
    assert 60 < sum(changed[200:]) < 140
    assert glossed == gloss_some(examples, [0.0] * 200 + [0.5] * 200, ONE_TO_ONE, seed=1)


def _table(path: Path, texts: list[str]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t")
        rows.writerows([("premise", "hypothesis", "label"), *((text, text, "neutral") for text in texts)])
    return str(path)


def test_tables_of_different_length_are_no_translation_of_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has 2 texts, and .* has 4"):
        read_dictionary(_table(tmp_path / "en.tsv", ["a", "b"]), _table(tmp_path / "fr.tsv", ["un"]))


def _recipe(tmp_path: Path, file: str, share: float) -> QARecipe:
    articles = [_article(title) for title in ("one", "two")]
    (tmp_path / "squad.json").write_text(json.dumps({"data": articles}))
    sentences = _table(tmp_path / "en.tsv", ENGLISH * 3)
    translation = _table(tmp_path / "fr.tsv", FRENCH * 3)
    recipe = load_recipe(
        "qa-minilm",
        [
            f'data.train=["{tmp_path / "squad.json"}"]', "data.yardstick={}", "data.unanswerable={}",
            "data.held_out=0.5",
            f'data.glossed={{files={{"{file}"={share}}},sentences="{sentences}",translation="{translation}"}}',
        ],
    )  # fmt: skip
    assert isinstance(recipe, QARecipe)
    return recipe


def _article(title: str) -> dict[str, object]:
    answers = [{"text": "the house", "answer_start": 18}]
    question = {"id": title, "question": "In what sleeps the cat?", "answers": answers}
    return {"title": title, "paragraphs": [{"context": "the cat sleeps in the house", "qas": [question]}]}


def test_a_recipe_glosses_what_is_trained_on_and_not_what_is_measured(tmp_path: Path) -> None:
    train, held_out, _ = load_examples(_recipe(tmp_path, str(tmp_path / "squad.json"), 1.0))
    assert "chat" in train[0].question and "maison" in train[0].answers[0]
    assert held_out[0].question == "In what sleeps the cat?"


def test_other_files_than_those_that_are_named_stay_as_they_are(tmp_path: Path) -> None:
    train, _, _ = load_examples(_recipe(tmp_path, "other.json", 1.0))
    assert train[0].question == "In what sleeps the cat?"
