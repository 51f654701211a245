import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assistant.batch.lines import BatchOptions, Line, Selection, read_lines
from assistant.batch.rows import BatchLineError, Row, digest_of
from assistant.batch.sources import count_rows, format_of, read_rows
from assistant.batch.template import Template
from assistant.errors import UsageError
from assistant.settings import Settings
from assistant.types import Document

FOREST = "The forest covers 5.5 million square kilometers."


def _rows(content: bytes, kind: str, longest: int = 10_000) -> list[Row]:
    return list(read_rows(io.BytesIO(content), kind, longest))


def _lines(content: bytes, kind: str, options: BatchOptions | None = None) -> list[Line]:
    return list(read_lines(_rows(content, kind), options or BatchOptions()))


def _csv(*rows: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize(
    "name, kind",
    [
        ("a.jsonl", "jsonl"),
        ("-", "jsonl"),
        ("a.CSV", "csv"),
        ("a.tsv", "csv"),
        ("a.parquet", "parquet"),
        ("a.json", "squad"),
    ],
)
def test_a_name_says_the_format(name: str, kind: str) -> None:
    assert format_of(name) == kind


# What goes wrong in the third of five rows, by format; the others must be answered.
BROKEN_JSONL = {
    "cut off": b'{"question": "Where',
    "no object": b"[1, 2]",
    "no JSON": b"Where is it?",
    "a field missing": b'{"document": "x"}',
    "a wrong type": b'{"question": 5}',
    "a number that is none": b'{"question": "Where?", "x": NaN}',
    "NUL bytes": b"\0\0\0",
    "another encoding": '{"question": "Où?"}'.encode("latin-1"),
    "two encodings": '{"question": "Où'.encode() + '?é"}'.encode("utf-16"),
    "a surrogate in the document": b'{"question": "Where?", "document": "\\ud800"}',
    "nested too deep": b'{"question": "Where?", "x": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    "a line too long": b'{"question": "' + b"x" * 20_000 + b'"}',
    "a doubled id": b'{"question": "Where?", "id": "a"}',
    "no id": b'{"question": "Where?", "id": 1.5}',
}  # fmt: skip


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("broken", BROKEN_JSONL.values(), ids=BROKEN_JSONL)
def test_a_broken_line_is_told_in_its_place_and_the_others_are_read(broken: bytes, end: bytes) -> None:
    good = [json.dumps({"question": "Where?", "id": name}).encode() for name in "abcd"]
    content = b"\xef\xbb\xbf" + end.join([*good[:2], b"", broken, *good[2:]])
    lines = _lines(content, "jsonl")
    assert [line.number for line in lines] == [1, 2, 4, 5, 6]
    assert [line.error is None for line in lines] == [True, True, False, True, True]
    assert "\n" not in str(lines[2].error)
    assert [line.id for line in lines if line.error is None] == list("abcd")


BROKEN_CSV = {
    "too few cells": b"c",
    "too many cells": b"c,Where?,x,y,z",
    "a stray quote": b'c,"Where"?,x',
    "a quote that is never closed": b'c,"Where?,x',
    "another encoding": "c,Où?,x".encode("latin-1"),
    "a question missing": b"c,,x",
    "an empty document": b'c,Where?," "',
    "a line too long": b"c," + b"x" * 20_000 + b",x",
    "a doubled id": b"a,Where?,x",
}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("broken", BROKEN_CSV.values(), ids=BROKEN_CSV)
def test_a_broken_row_of_a_table_is_told_in_its_place_and_the_others_are_read(broken: bytes, end: bytes) -> None:
    content = end.join([b"\xef\xbb\xbfid,question,document", b"a,Where?,x", b'b,Where?,"two', b'lines"', b""])
    lines = _lines(end.join([content + broken, b"d,Where?,x", b"e,\0Where?,x"]), "csv")
    assert [line.number for line in lines] == [2, 3, 5, 6, 7]
    assert [line.error is None for line in lines] == [True, True, False, True, True]
    assert lines[1].turn is not None
    assert lines[1].turn.documents[0].text == f"two{end.decode()}lines"


@given(st.binary(max_size=300) | st.text(alphabet='",;\n\r\t\0aé{}[]:', max_size=200).map(str.encode))
def test_no_bytes_at_all_break_a_reader(content: bytes) -> None:
    for kind, first in (("jsonl", b""), ("csv", b"id,question\n")):
        rows = _rows(first + content, kind, longest=64)
        numbers = [row.number for row in rows]
        assert numbers == sorted(set(numbers))
        assert all((row.fields is None) is (row.error is not None) for row in rows)
        list(read_lines(rows, BatchOptions()))
    for kind in ("squad", "parquet"):
        with pytest.raises(UsageError):
            _rows(content, kind)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")), st.text(alphabet='",\n x')
        )
    )
)
def test_what_a_csv_writer_writes_is_read(cells: list[tuple[str, str]]) -> None:
    content = _csv(["question", "note"], *map(list, cells)).replace(b"\r\n", b"\n")
    expected = [(left, right) for left, right in cells if left or right]
    rows = _rows(content, "csv")
    assert [(row.fields["question"] or "", row.fields["note"] or "") for row in rows if row.fields] == expected


GOOD = st.fixed_dictionaries(
    {"question": st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map("Q {}".format)},
    optional={"document": st.just(FOREST), "note": st.integers() | st.text(max_size=5)},
)
WRONG = st.sampled_from([
    b"{", b"null", b"[]", b'"text"', b"{}", b'{"question": null}', b'{"question": 5}', b'{"question": ["Where?"]}',
    b'{"question": "Where?", "document": 1}', b'{"question": "Where?", "document": " "}', b"\0", b"\xff\xfe{",
    b'{"question": "Where?", "document": "\\udc80"}', b'{"question": "Where?", "route": "no"}',
    b'{"question": "Where?", "id": {}}', b'{"question": "Where?", "x": Infinity}', "{'question': 'Où'".encode("utf-16"),
    b'{"question": "' + b"x" * 12_000 + b'"}', b'{"question": "Where?"} {"question": "Who?"}',
])  # fmt: skip


@given(st.lists(GOOD | WRONG | st.just(b" ")), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans())
def test_whatever_stands_between_them_good_lines_are_read_and_bad_ones_told_with_their_number(
    given_: list[Any], end: bytes, marked: bool, ended: bool
) -> None:
    content = end.join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in given_)
    assume(marked or not content.startswith(b"\xff\xfe"))  # the mark of UTF-16
    lines = _lines(b"\xef\xbb\xbf" * marked + content + end * ended, "jsonl")
    wanted = [(number, each) for number, each in enumerate(given_, 1) if each != b" "]
    assert [line.number for line in lines] == [number for number, _ in wanted]
    for line, (number, each) in zip(lines, wanted, strict=True):
        assert line.id == str(number)
        if isinstance(each, bytes):
            assert line.error is not None and line.turn is None
            assert "\n" not in str(line.error)
        else:
            assert line.turn is not None and line.turn.question == each["question"]
            assert line.carried == {key: value for key, value in each.items() if key == "note"}


def test_semicolons_and_tabs_separate_cells_too() -> None:
    for delimiter in ";\t":
        rows = _rows(f"question{delimiter}x\nWhere, there?{delimiter}1\n".encode(), "csv")
        assert rows[0].fields == {"question": "Where, there?", "x": "1"}


def test_a_table_whose_columns_have_no_names_of_their_own_is_refused() -> None:
    with pytest.raises(UsageError, match="name the columns"):
        _rows(b"a,a\n1,2\n", "csv")
    with pytest.raises(UsageError, match="is this a CSV file"):
        _rows(b"\x93\xfa,b\n1,2\n", "csv")


def test_a_squad_file_gives_its_questions_with_paragraph_and_answers(tmp_path: Path) -> None:
    question = {"id": "x1", "question": "How large?", "answers": [{"text": "5.5", "answer_start": 0}, {"text": "six"}]}
    none = {"id": "x2", "question": "Who?", "answers": [], "is_impossible": True}
    broken = {"id": "x3", "answers": []}
    data = {"data": [{"title": "Forest", "paragraphs": [{"context": FOREST, "qas": [question, none, broken]}]}]}
    lines = _lines(json.dumps(data).encode(), "squad")
    assert [(line.id, line.expected) for line in lines] == [("x1", ("5.5", "six")), ("x2", ()), ("x3", None)]
    assert lines[0].turn is not None
    assert lines[0].turn.documents[0].text == FOREST
    assert lines[0].carried["title"] == "Forest"
    assert lines[2].error is not None


@pytest.mark.parametrize(
    "broken",
    [
        5, {"title": "none"}, {"paragraphs": {}}, {"paragraphs": [7]}, {"paragraphs": [{"context": FOREST}]},
        {"paragraphs": [{"context": FOREST, "qas": ["Where?"]}]},
        {"paragraphs": [{"context": FOREST, "qas": [{"question": "Where?", "answers": ["five"]}]}]},
        {"paragraphs": [{"context": FOREST, "qas": [{"question": "Where?", "answers": 5}]}]},
        {"paragraphs": [{"context": 5, "qas": [{"question": "Where?"}]}]},
        {"paragraphs": [{"context": FOREST, "qas": [{"question": ["Where?"]}]}]},
        {"paragraphs": [{"context": FOREST, "qas": [{"question": "Where?", "id": 1.5}]}]},
        {"paragraphs": [{"context": FOREST, "qas": [{"question": "Where?", "id": "a"}]}]},
    ],
)  # fmt: skip
def test_what_is_broken_in_a_squad_file_is_told_in_its_place_and_the_rest_is_read(broken: Any) -> None:
    def article(name: str) -> dict[str, Any]:
        return {"paragraphs": [{"context": FOREST, "qas": [{"id": name, "question": "How large?"}]}]}

    lines = _lines(json.dumps({"data": [article("a"), broken, article("b")]}).encode(), "squad")
    assert [(line.number, line.error is None) for line in lines] == [(1, True), (2, False), (3, True)]
    assert [line.id for line in lines if line.error is None] == ["a", "b"]


def test_a_squad_file_that_is_none_is_refused_as_a_whole() -> None:
    for content in (b"", b"[]", b'{"data": 5}', b'{"version": 1}', b"\xff\xfe", b"{" * 5000):
        with pytest.raises(UsageError, match="Not a SQuAD file"):
            _rows(content, "squad")


def test_what_is_broken_in_a_parquet_row_is_told_in_its_place_and_the_rest_is_read(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    documents = [FOREST, " ", FOREST, None, FOREST, "\0 Lyon"]
    table = {"id": ["a", "b", "a", "c", "d", "e"], "question": ["Q?", "Q?", "Q?", "Q?", None, "\0?"]}
    pq.write_table(pa.table({**table, "document": documents}), tmp_path / "in.parquet")
    lines = _lines((tmp_path / "in.parquet").read_bytes(), "parquet")
    assert [(line.number, line.error is None) for line in lines] == [
        (1, True), (2, False), (3, False), (4, True), (5, False), (6, True),
    ]  # fmt: skip
    pq.write_table(pa.table({"question": [1, 2]}), tmp_path / "numbers.parquet")
    assert [line.error is not None for line in _lines((tmp_path / "numbers.parquet").read_bytes(), "parquet")] == [
        True,
        True,
    ]


def test_parquet_rows_keep_their_types_and_what_json_has_not_becomes_text(tmp_path: Path) -> None:
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "question": ["Where?", None],
            "day": [datetime.date(2026, 1, 2), None],
            "share": [0.5, float("nan")],
            "answers": [["a", "b"], []],
            "raw": [b"abc", b"\xff"],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    content = (tmp_path / "in.parquet").read_bytes()
    rows = _rows(content, "parquet")
    assert rows[0].fields == {
        "question": "Where?",
        "day": "2026-01-02",
        "share": 0.5,
        "answers": ["a", "b"],
        "raw": "abc",
    }
    lines = _lines(content, "parquet")
    assert [line.expected for line in lines] == [("a", "b"), None]
    assert lines[1].error is not None
    assert count_rows(io.BytesIO(content), "parquet") == 2


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b'{"document": "x"}', "jsonl",
         '"question" is missing; there is "document" (--column question=NAME takes one of them)'),
        (b'{"question": null}', "jsonl", '"question" is missing'),
        (b'["Where?"]', "squad", 'a JSON object such as {"question": ...} is needed, not str'),
        (b'question\n"a"b\n', "csv", "not valid CSV: ',' expected after '\"'"),
        (b'{"data": [{"paragraphs": [5]}]}', "squad",
         'a paragraph of the SQuAD file is no object with a list of "qas"'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_row_is_said(content: bytes, kind: str, message: str) -> None:
    assert [str(line.error) for line in _lines(content, kind)] == [message]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("ID;Question;Topic\na;Où?;x\n".encode("cp1252"), "csv"),
        ("sep=;\r\nId; QUESTION ;Topic\r\na;Où?;x\r\n".encode("cp1252"), "csv"),
        ("Id\tQuestion\tTopic\r\na\tOù?\tx\r\n".encode("utf-16"), "jsonl"),
        (json.dumps([{"ID": "a", "Question": "Où?", "Topic": "x"}]).encode(), "squad"),
    ],
)
def test_columns_are_found_in_letters_of_either_case(content: bytes, kind: str) -> None:
    [line] = _lines(content, kind)
    assert line.turn is not None
    assert (line.id, line.turn.question, line.carried) == ("a", "Où?", {"Topic": "x"})


def test_columns_that_are_named_to_the_letter_come_first() -> None:
    [line] = _lines(b"Question,question,Document,ID\nNo?,Yes?,report.pdf,a\n", "csv")
    assert line.turn is not None
    assert (line.turn.question, line.turn.documents, line.id) == ("Yes?", (), "2")
    assert line.carried == {"Question": "No?", "Document": "report.pdf", "ID": "a"}
    named = BatchOptions(columns={"question": "Frage"})
    [line] = _lines(b"Frage,Question\nJa?,No?\n", "csv", named)
    assert line.turn is not None
    assert (line.turn.question, line.carried) == ("Ja?", {"Question": "No?"})


def test_whatever_answers_depend_on_tells_one_run_from_another() -> None:
    options = [
        BatchOptions(), BatchOptions(document=Document("a", "One.")), BatchOptions(template=Template("{name}?")),
        BatchOptions(verify=False), BatchOptions(top_k=2), BatchOptions(select=(Selection("country", "France"),)),
        BatchOptions(columns={"question": "prompt"}),
    ]  # fmt: skip
    settings = Settings()
    assert len({option.digest(settings) for option in options}) == len(options)
    assert BatchOptions(limit=5).digest(settings) == BatchOptions().digest(settings)


def test_rows_nested_too_deep_to_be_written_are_told_apart_by_their_columns() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert digest_of({"a": deep}) != digest_of({"b": deep})


def test_rows_are_counted_as_they_are_read() -> None:
    assert count_rows(io.BytesIO(b'{"data": [{"paragraphs": []}, 5]}'), "squad") == 0, (
        "that costs as much as reading it"
    )
    assert count_rows(io.BytesIO(b'{"question": "a"}\n\n \nbad\n'), "jsonl") == 2
    assert count_rows(io.BytesIO(b'question\n"a\nb"\nc\n'), "csv") == 2


def test_columns_of_other_names_are_taken_for_what_they_are() -> None:
    options = BatchOptions(columns={"question": "prompt", "document": "context", "id": "key", "answers": "gold"})
    content = _csv(["key", "prompt", "context", "gold", "lang"], ["k1", "How large?", FOREST, '["5.5", "six"]', "en"])
    line = _lines(content, "csv", options)[0]
    assert line.turn is not None
    assert (line.id, line.turn.question, line.turn.documents[0].text) == ("k1", "How large?", FOREST)
    assert line.expected == ("5.5", "six")
    assert line.carried == {"gold": '["5.5", "six"]', "lang": "en"}


def test_a_template_makes_the_question_of_columns() -> None:
    options = BatchOptions(template=Template("What does {{{company}}} say about {topic}?"))
    rows = [{"company": "ACME", "topic": 5}, {"compani": "ACME", "topic": "x"}, {"company": ["x"], "topic": "x"}]
    lines = _lines("\n".join(map(json.dumps, rows)).encode(), "jsonl", options)
    assert lines[0].turn is not None
    assert lines[0].turn.question == "What does {ACME} say about 5?"
    assert "compani" in str(lines[1].error)
    assert isinstance(lines[2].error, BatchLineError)


def test_a_template_reaches_into_nothing() -> None:
    fields = {"a": "x", "a.b": "dotted", "a[0]": "indexed"}
    assert Template("{a.b} {a[0]}").fill(fields) == "dotted indexed"
    with pytest.raises(BatchLineError, match="__class__"):
        Template("{a.__class__}").fill(fields)


@pytest.mark.parametrize("text", ["no column", "{", "{}", "{a!r}", "{a:>9}"])
def test_a_template_takes_names_of_columns_alone(text: str) -> None:
    with pytest.raises(UsageError, match="template"):
        Template(text)


def test_only_the_selected_lines_are_answered_up_to_the_limit() -> None:
    content = "".join(json.dumps({"question": "Where?", "lang": each}) + "\n" for each in ["en", "fr", None, "en", 5])
    for select, limit, numbers in [
        ([Selection("lang", "en")], None, [1, 4]),
        ([Selection("lang", "en", negated=True)], None, [2, 3, 5]),
        ([Selection("lang", "")], None, [3]),
        ([Selection("lang", "5")], None, [5]),
        ([Selection("lang", "en"), Selection("lang", "fr")], None, []),
        ([], 2, [1, 2]),
        ([Selection("lang", "en")], 1, [1]),
    ]:
        lines = _lines(content.encode(), "jsonl", BatchOptions(select=tuple(select), limit=limit))
        assert [line.number for line in lines] == numbers


@pytest.mark.parametrize(
    "given_, expected",
    [
        ("5.5", ("5.5",)), (["a", "b"], ("a", "b")), ([], ()), (7, ("7",)), (None, None), ({"text": ["a"]}, ("a",)),
        ([{"text": "a", "answer_start": 3}], ("a",)), ({"b": 1}, None), ([["a"]], None), ("[not json", ("[not json",)),
    ],
)  # fmt: skip
def test_expected_answers_are_understood_as_data_sets_write_them(given_: Any, expected: Any) -> None:
    line = _lines(json.dumps({"question": "Where?", "answers": given_}).encode(), "jsonl")[0]
    assert line.expected == expected
    assert line.carried == {"answers": given_}


def test_a_lines_digest_tells_its_content_and_that_of_its_document(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"

    def digest(row: dict[str, Any], text: str = "a b", options: BatchOptions | None = None) -> str:
        path.write_text(text)
        return _lines(json.dumps(row).encode(), "jsonl", options)[0].digest

    row = {"question": "Where?", "document_path": str(path)}
    assert digest(row) == digest(row)
    assert len({digest(row), digest(row, "a c"), digest({**row, "x": 1}), digest({**row, "question": "Who?"})}) == 4
    default = [digest({"question": "Where?"}, options=BatchOptions(Document("d", text))) for text in ("a", "b")]
    assert default[0] != default[1]


def test_a_file_that_many_lines_name_in_turns_is_read_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import assistant.batch.lines as module

    read: list[Path] = []
    real: Callable[..., Document] = module.read_document

    def counting(path: Path, megabytes: int) -> Document:
        read.append(path)
        return real(path, megabytes)

    monkeypatch.setattr(module, "read_document", counting)
    for name in "ab":
        (tmp_path / name).write_text(f"{name} words")
    rows = [{"question": "Where?", "document_path": str(tmp_path / name)} for name in "abababab"]
    lines = _lines("\n".join(map(json.dumps, rows)).encode(), "jsonl")
    assert [line.error for line in lines] == [None] * 8
    assert len(read) == 2


def test_an_id_is_found_again_however_far_above_its_first_line_is() -> None:
    count = 30_000
    ids = [*range(count), 0, 17_000, count - 1, ""]
    rows = (Row(line, "", {"id": str(each), "question": "Where?"}) for line, each in enumerate(ids, 1))
    failed = {line.number: str(line.error) for line in read_lines(rows, BatchOptions()) if line.error}
    assert list(failed) == [count + 1, count + 2, count + 3]
    assert [int(message.split("line ")[1].split()[0]) for message in failed.values()] == [1, 17_001, count]


OLD = ["question,id", "Où?,1", "Who?,2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(encoding: str, end: str) -> None:
    table = end.join([*OLD, ""]).encode(encoding)
    assert [(row.number, row.fields) for row in _rows(table, "csv")] == [
        (2, {"question": "Où?", "id": "1"}),
        (3, {"question": "Who?", "id": "2"}),
    ]
    lines = end.join(['{"question": "Où?"}', '{"question": "Who?"}']).encode(encoding)
    assert [row.fields for row in _rows(lines, "jsonl")] == [{"question": "Où?"}, {"question": "Who?"}]
    assert count_rows(io.BytesIO(lines), "jsonl") == 2


def test_a_carriage_return_within_a_cell_stays() -> None:
    assert [row.fields for row in _rows(b'question,x\n"a\rb",c\n', "csv")] == [{"question": "a\rb", "x": "c"}]


def test_files_with_marks_that_were_joined_are_read() -> None:
    one = '{"question": "Who?"}\n'.encode("utf-8-sig")
    assert [row.fields for row in _rows(one + one, "jsonl")] == [{"question": "Who?"}] * 2


def test_blank_lines_before_the_names_of_columns_count_as_lines_alone() -> None:
    assert [(row.number, row.fields) for row in _rows(b"\nSEP=;\n\r\nquestion;id\nWho?;1\n", "csv")] == [
        (5, {"question": "Who?", "id": "1"})
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize(
    "table", ["id\tquestion\r\n1\tOù ?\r\n", "sep=;\r\nid;question\r\n1;Où ?\r\n", '"id","question"\n"1","Où ?"\n']
)
def test_a_table_whose_name_does_not_say_so_is_read_as_one(encoding: str, table: str) -> None:
    content = table.encode(encoding)
    assert format_of("Excel's Unicode text.txt") == "jsonl"
    assert [row.fields for row in _rows(content, "jsonl")] == [{"id": "1", "question": "Où ?"}]
    assert count_rows(io.BytesIO(content), "jsonl") == (2 if table.startswith("sep") else 1)
