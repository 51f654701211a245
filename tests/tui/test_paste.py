from pathlib import Path

import pytest

from tests.tui.harness import ARTICLE
from tui.chat.pasting import PasteKind, dropped_file, kind, title

PYTHON = """import os
from pathlib import Path

class Store:
    def __init__(self, path):
        self.path = path

    def load(self):
        if not self.path.exists():
            return None
        with open(self.path) as file:
            return file.read()

for name in os.listdir("."):
    print(Store(Path(name)).load())
"""
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app.py", line 10, in <module>
    main()
  File "/srv/app.py", line 7, in main
    run(settings)
  File "/srv/run.py", line 99, in run
    raise ValueError("no such thing, and the message goes on and on for quite a while")
ValueError: no such thing, and the message goes on and on for quite a while

I do not understand why this happens. Can you help me?
"""
C = "#include <stdio.h>\n\nint main(void) {\n    int total = 0;\n" + "    total += 1;\n" * 10 + "    return total;\n}\n"
JSON = '{\n  "name": "x",\n  "list": [\n    1,\n    2\n  ],\n  "a": "b",\n  "c": "d",\n  "e": {\n    "f": "g"\n  }\n}\n'
JAVA = "java.lang.IllegalStateException: bad\n" + "\tat com.example.Main.run(Main.java:12)\n" * 12
LOG = "2026-01-02 10:11:12,123 ERROR app could not start\n2026-01-02 10:11:13,123 INFO app goes on\n" * 6
DIFF = "@@ -1,4 +1,4 @@\n-    old = 1;\n+    new = 2;\n     same();\n" * 4
SQL = "SELECT name,\n  count(*) AS n\nFROM people\nWHERE age > 3\nGROUP BY name\nORDER BY n;\n" * 3
LETTER = "Dear Anna,\n\nthank you for the parcel.\nIt came on Monday.\nWe opened it at once.\n\nThe cat is well.\n" * 2
FRENCH = "Le phare fut allumé en 1871. Il mesure trente-huit mètres; la tour est en granit gris. " * 10
LIST = "\n".join(f"- point number {n} of the minutes of the meeting" for n in range(12))
RECIPE = "Pancakes\n\n" + "\n".join(f"{n} cups of flour, well sifted" for n in range(1, 12))


@pytest.mark.parametrize("text", [PYTHON, TRACEBACK, C, JSON, JAVA, LOG, DIFF, SQL], ids=range(8))
def test_code_and_tracebacks_stay_in_the_question(text: str):
    assert kind(text) is PasteKind.QUESTION


@pytest.mark.parametrize("text", [ARTICLE, LETTER, FRENCH, LIST, RECIPE, "\n".join([ARTICLE] * 3)], ids=range(6))
def test_long_prose_is_a_document(text: str):
    assert kind(text) is PasteKind.DOCUMENT


@pytest.mark.parametrize("text", ["x", "Why is the sky blue?\nAnd the sea?", "a " * 200, "/home/me", "", "\n\n\n"])
def test_short_texts_stay_in_the_question(text: str):
    assert kind(text) is PasteKind.QUESTION


def test_what_is_longer_than_any_question_is_a_document():
    assert kind(PYTHON * 60) is PasteKind.DOCUMENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ARTICLE, "The light at Corran Head"),
        ("\n\n## Heading\ntext", "Heading"),
        ("word " * 50, "word word word word word word word word…"),
        ("x" * 100, "x" * 40 + "…"),
        ("\x1b[31mred\ntext", "red"),
        ("###\n", "pasted text"),
    ],
)
def test_the_title_is_the_beginning_of_the_first_line(text: str, expected: str):
    assert title(text) == expected


def test_a_dropped_file_is_recognised_however_the_terminal_writes_it(tmp_path: Path):
    file = tmp_path / "my notes (1).txt"
    file.write_text("x")
    escaped = str(file).replace(" ", "\\ ").replace("(", "\\(").replace(")", "\\)")
    for text in (str(file), f"'{file}'", f'"{file}" ', escaped, file.as_uri()):
        assert dropped_file(text) == file
    for text in ("", "my notes", str(tmp_path), f"{file} {file}", f"look at\n{file}", "/no/such", "'/open", "/a\0b"):
        assert dropped_file(text) is None
