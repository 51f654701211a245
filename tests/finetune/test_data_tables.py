"""Reading rows of all kinds, and what is dropped on the way."""

import json
from pathlib import Path

import pytest

from assistant.errors import UsageError
from assistant.types import Label
from finetune.data.pairs import Pair, read_labelled_pairs, split_by_label
from finetune.data.question_answer import read_question_answers, split_at_random
from finetune.data.squad import read_questions
from finetune.data.survey import histogram, survey, warnings_of
from finetune.data.tables import read_table
from finetune.recipe_data import QAColumn

ROWS = [{"question": "Why?", "answer": "Because."}, {"question": "How, then?", "answer": 'So "quoted"\nhere.'}]


def write(folder: Path, kind: str) -> Path:
    import polars

    path = folder / f"rows.{kind}"
    frame = polars.DataFrame(ROWS)
    if kind == "csv":
        frame.write_csv(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    elif kind == "json":
        path.write_text(json.dumps(ROWS))
    else:
        path.write_text("\n".join(json.dumps(row) for row in ROWS))
    return path


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("rows.csv", "premise,label\nDie Bäume dort,neutral\n", "utf-16"),
        ("rows.csv", "sep=;\r\npremise;label\r\nDie Bäume dort;neutral\r\n", "utf-8-sig"),
        ("rows.csv", "premise;label\r\nDie Bäume dort;neutral\r\n", "cp1252"),
        ("rows.tsv", "premise\tlabel\nDie Bäume dort\tneutral\n", "utf-16"),
        ("rows.jsonl", '{"premise": "Die Bäume dort", "label": "neutral"}\n', "utf-16-le"),
        ("rows.json", '[{"premise": "Die Bäume dort", "label": "neutral"}]', "cp1252"),
    ],
)
def test_tables_are_read_as_the_programs_of_windows_write_them(
    tmp_path: Path, name: str, text: str, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert read_table(str(tmp_path / name)) == [{"premise": "Die Bäume dort", "label": "neutral"}]
    assert bool(caplog.messages) == (not encoding.startswith("utf-8"))


@pytest.mark.parametrize("kind", ["csv", "parquet", "json", "jsonl"])
def test_rows_come_out_of_every_format_as_they_went_in(tmp_path: Path, kind: str) -> None:
    assert read_table(str(write(tmp_path, kind))) == ROWS


def test_a_tsv_keeps_quotation_marks_and_text_that_looks_like_a_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text('premise\thypo\tlabel\n"Yes, he said.\t007\tneutral\n')
    assert read_table(str(path)) == [{"premise": '"Yes, he said.', "hypo": "007", "label": "neutral"}]


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("rows.xlsx", "x", "ends in .csv"),
        ("rows.json", "{", "not valid JSON"),
        ("rows.json", "{}", "a list of JSON objects"),
        ("rows.parquet", "x", "not a table"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=said):
        read_table(str(tmp_path / name))


def test_a_reference_to_the_hub_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="hub:OWNER/NAME"):
        read_table("hub:nothing")


def test_rows_with_nulls_and_long_texts_are_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "glaive.csv"
    form = len("### Question: \n### Answer: ")
    fits, too_long = "a" * (100 - form - 2), "a" * (100 - form - 1)
    path.write_text(f"q,a\nx,{fits}\nx,{too_long}\n,answer\nquestion,\n")
    examples, left_out = read_question_answers(str(path), {"question": "q", "answer": "a"}, 100)
    assert [example.answer for example in examples] == [fits]
    assert left_out == {"100 characters or more": 1, "no question or no answer": 2}
    with pytest.raises(UsageError, match="no column named question"):
        read_question_answers(str(path), {}, 100)


def test_a_random_split_is_the_same_with_the_same_seed_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\n" + "".join(f"q{n},a{n}\n" for n in range(23)))
    examples, _ = read_question_answers(str(path), {}, 1024)
    train, held_out = split_at_random(examples, 0.2, 42)
    assert (len(train), len(held_out)) == (18, 5)
    assert {example.instruction for example in [*train, *held_out]} == {f"q{n}" for n in range(23)}
    assert split_at_random(examples, 0.2, 42) == (train, held_out)
    assert split_at_random(examples, 0.2, 43) != (train, held_out)


def test_pairs_are_read_with_words_or_numbers_as_labels(tmp_path: Path) -> None:
    words, numbers = tmp_path / "words.tsv", tmp_path / "numbers.tsv"
    words.write_text("premise\thypo\tlabel\nIl pleut .\tIl fait beau.\tcontradiction\nx\ty\t-\nx\t\tneutral\n")
    numbers.write_text("premise\thypothesis\tlabel\nIl pleut .\tIl fait beau.\t2\n")
    pairs, left_out = read_labelled_pairs(str(words), {})
    assert pairs == [Pair("Il pleut .", "Il fait beau.", Label.CONTRADICTION)]
    assert left_out == {"a label that is none of the three": 1, "no premise or no hypothesis": 1}
    assert read_labelled_pairs(str(numbers), {})[0] == pairs
    words.write_text("premise\thypo\tlabel\nx\ty\tyes\n")
    with pytest.raises(UsageError, match="the column label holds yes"):
        read_labelled_pairs(str(words), {})


def test_each_label_is_held_out_in_the_same_share() -> None:
    pairs = [Pair(f"p{n}", "h", label) for n in range(50) for label in Label]
    kept, out = split_by_label(pairs, 0.1, 42)
    assert len(kept) == 135 and len(out) == 15
    assert all(sum(pair.label is label for pair in out) == 5 for label in Label)
    assert not set(kept) & set(out)


def test_questions_of_a_table_are_those_of_the_file(tmp_path: Path) -> None:
    import polars

    context = "Lyon has trees."
    question = {"id": "1", "question": "What has trees?", "answers": [{"text": "Lyon", "answer_start": 0}]}
    none = {"id": "2", "question": "Who?", "answers": []}
    file, table = tmp_path / "squad.json", tmp_path / "squad.parquet"
    paragraphs = [{"context": context, "qas": [question, none]}]
    file.write_text(json.dumps({"data": [{"title": "T", "paragraphs": paragraphs}]}))
    rows = [
        {"id": row["id"], "title": "T", "context": context, "question": row["question"],
         "answers": {"text": [each["text"] for each in row["answers"]],
                     "answer_start": [each["answer_start"] for each in row["answers"]]}}
        for row in (question, none)
    ]  # fmt: skip
    polars.DataFrame(rows).write_parquet(table)
    assert read_questions(str(table)) == read_questions(str(file))
    with pytest.raises(UsageError, match="no column named context; it has question, answer"):
        read_questions(str(write(tmp_path, "parquet")))


def test_questions_of_ones_own_table_need_neither_starts_nor_ids(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("text,asked,answer\nLyon has trees. Rome too.,What else has?,Rome\nLyon has trees.,Who is king?,\n")
    columns: dict[QAColumn, str] = {"context": "text", "question": "asked", "answers": "answer"}
    first, second = read_questions(str(path), columns)
    assert (first.answers, first.start, first.context[first.start : first.end]) == (("Rome",), 16, "Rome")
    assert (second.answers, second.start) == ((), None)
    assert first.title != second.title, "the split keeps a text in one part"
    with pytest.raises(UsageError, match="no column named context"):
        read_questions(str(path))


def test_a_survey_finds_leaks_and_another_language() -> None:
    english = [f"This is the answer number {n} of what is in it for them." for n in "abcdefghijklmnopqrstuvwxyz"]
    french = [f"Il est dans la maison avec {n} pour le dîner et les enfants." for n in "abcdefghijklmnopqrstuvwxyz"]
    found = survey(english, english[:2], [*french, english[0].upper()], lengths=[3, 5, 40], labels=["a"] * 4 + ["b"])
    assert (found["in_train_and_held_out"], found["in_train_and_test"], found["twice_in_train"]) == (2, 1, 0)
    said = " ".join(warnings_of(found))
    assert "1 of 27 test rows" in said and "mostly English" in said and "mostly French" in said and "commonest" in said
    assert not warnings_of(survey(english, [], ["Quite another text."], lengths=[]))


def test_a_histogram_holds_every_length() -> None:
    lengths = [0, 1, 19, 20, 383, 384]
    made = histogram(lengths)
    assert sum(made["counts"]) == len(lengths) and len(made["edges"]) == len(made["counts"]) + 1
    assert made["edges"][-1] > 384
