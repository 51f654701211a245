"""Texts that would steer a terminal, a page or a reader, sent through every way in: what comes out is inert."""

import itertools
import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from assistant.history.store import History
from assistant.records import answer_to_json, json_line
from assistant.text import one_line, printable
from assistant.types import Answer, Claim, Document, Evidence, Label, Probabilities, Route, Usage, Verdict
from tests.conftest import Run
from tests.trust.hostile import LARGE, SMALL, active
from tests.trust.servers import LISTS_ONE, serving, speaks

EVERYTHING = {**SMALL, **LARGE}
ALL_SMALL = "\n".join(SMALL.values())
FACT = " The forest covers 5.5 million square kilometers. "


def test_the_corpus_is_hostile() -> None:
    assert sum(bool(active(text)) for text in EVERYTHING.values()) >= 25


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_shown_is_inert_and_made_so_in_linear_time(name: str) -> None:
    began = time.process_time()
    assert not active(printable(EVERYTHING[name]))
    assert not active(one_line(EVERYTHING[name]))
    assert len(one_line(EVERYTHING[name])) <= 80
    assert time.process_time() - began < 1


def test_writing_of_every_script_is_shown_as_it_is() -> None:
    for text in (
        "Ça déjà vu, naïve façade, Ångström", "Việt Nam", "שָׁלוֹם", "مَرْحَبًا", "हिन्दी क्ष", "ภาษาไทย น้ำ", "བོད་ཡིག",
        "👩\u200d👩\u200d👧\u200d👦 ❤️ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "می\u200cخواهم",
        "x\u0302\u0323", "1️⃣",
    ):  # fmt: skip
        assert printable(text) == text


@pytest.mark.parametrize("form", [["--json"], [], ["--verbose"]])
@pytest.mark.parametrize("route", ["extract", "grounded", "open"])
def test_ask_shows_nothing_raw(run: Run, tmp_path: Path, form: list[str], route: str) -> None:
    name = "bad\x1b]0;x\x07\u202e[red]\x9b.txt"
    for at, text in enumerate((ALL_SMALL, *LARGE.values())):
        if at and (route != "extract" or form):
            continue
        (tmp_path / name).write_text(text[:30_000] + FACT, "utf-8", "surrogatepass")
        question = f"How large is {text[:300]}?".replace("\x00", "")
        asked = [] if route == "open" else ["--document", name]
        code, out, err = run("ask", question, *asked, "--route", route, "--windows", "4", *form)
        assert not active(out), out[:200]
        assert not active(err, allowed="\r"), err[:200]
        assert code in (0, 1, 2), err
        if code == 0 and form == ["--json"]:
            assert json.loads(out)["question"] == question


@pytest.mark.parametrize("name", SMALL)
def test_an_error_shows_nothing_raw(run: Run, name: str) -> None:
    text = SMALL[name].replace("\x00", "")
    for arguments in (
        ["ask", "x", "--document", text],
        ["ask", "x", "--document", text, "--verbose"],
        ["ask", "x", "--route", text],
        ["ask", "x", "--profile", text],
        ["ask", "x", f"--{text}"],
        [text],
        ["batch", text, "-o", "out.jsonl"],
        ["history", "show", text],
        ["history", "search", text],
        ["models", "path", text],
        ["verify", "--premise", f"@{text}", "--hypothesis", "x"],
        ["compare", "x", "--document", text, "--reader", text],
    ):
        code, out, err = run(*arguments)
        assert not active(out) and not active(err), (arguments, out, err)
        assert code in (0, 1, 2)


def test_batch_writes_and_says_nothing_raw(run: Run, tmp_path: Path) -> None:
    rows = [
        {"id": f"{name} {text[:200]}", "question": f"How large {text[:200]}?", "document": text[:20_000] + FACT,
         "topic": text[:500], text[:50]: "key"}
        for name, text in EVERYTHING.items()
    ]  # fmt: skip
    rows += [{"question": "x", "document_path": text[:100]} for text in SMALL.values()]
    lines = [json.dumps(row) for row in rows] + list(itertools.islice(SMALL.values(), 12))
    (tmp_path / "in.jsonl").write_text("\n".join(re.sub(r"[\r\n]", " ", line) for line in lines), "utf-8")
    arguments = ["batch", "in.jsonl", "--route", "extract", "--windows", "2", "--no-verify"]
    for output in ("out.jsonl", "out.csv"):
        code, out, err = run(*arguments, "-o", output, "--report", f"{output}.html")
        assert code == 3, err
        assert not active(out) and not active(err), err
        assert not active((tmp_path / f"{output}.html").read_text("utf-8"))
        _Inert().check((tmp_path / f"{output}.html").read_text("utf-8"))
    assert not active((tmp_path / "out.jsonl").read_text("utf-8"))
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert len(records) == len(lines)
    assert [record["topic"] for record in records[: len(EVERYTHING)]] == [
        row["topic"] for row in rows[: len(EVERYTHING)]
    ]
    code, out, err = run(*arguments, "-o", "-")
    assert not active(out) and not active(err)


@pytest.mark.parametrize("name", [*SMALL, "zalgo", "zero-width flood", "escape flood"])
def test_what_a_model_writes_is_shown_inert(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pytest.importorskip("openai")
    text = EVERYTHING[name][:3_000]
    with serving(LISTS_ONE, speaks(text)) as url:
        monkeypatch.setenv("ASSISTANT_SERVER", url)
        monkeypatch.setenv("ASSISTANT_MAX_NEW_TOKENS", "512")
        code, out, err = run("ask", "Write a loop")
        assert code == 0, err
        assert not active(out.encode("utf-8", "surrogatepass")) and not active(err)
        code, out, _ = run("ask", "Write a loop", "--json")
        assert not active(out)
        assert json.loads(out)["answer"] == (text.strip() or None)


# --- conversations, and what is made of them


def _said(history: History, text: str) -> str:
    document = Document(one_line(text, 20) + text[:50], text[:20_000] + FACT)
    place = Evidence(document.name, 0, min(len(text), 200), document.text[: min(len(text), 200)], 0.9)
    claim = Claim(text[:300], Label.ENTAILMENT, Probabilities(0.9, 0.05, 0.05), place)
    answer = Answer(
        Route.EXTRACT, text[:5_000], 0.9, (place,), place, Verdict((claim,)), usage=Usage(0.1), asked=text[:200]
    )
    conversation = history.create(text[:500])
    history.add_user_message(conversation, text[:20_000], [document])
    record = json_line(answer_to_json(text[:5_000], answer, "1"))
    history.save_answer(conversation, text[:20_000], record=record, reason=text[:300])
    history.add_user_message(conversation, "an open one")
    opened = json_line(answer_to_json("an open one", Answer(Route.OPEN, text, usage=Usage(0.1)), "2"))
    history.save_answer(conversation, text[:50_000], record=opened)
    return conversation


class _Inert(HTMLParser):
    """Sees that a page runs nothing and asks for nothing from elsewhere."""

    TAGS = frozenset(
        "html head meta title style body header main footer h1 h2 h3 h4 h5 h6 p article section figure figcaption mark"
        " div span b em strong s small pre code ul ol li dl dt dd meter blockquote hr br a details summary table"
        " caption thead tbody tfoot tr th td svg g rect text line path polyline circle".split()
    )

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in self.TAGS, tag
        for name, value in attributes:
            assert not name.startswith("on"), name
            if name in ("href", "src", "xlink:href", "action", "formaction", "srcdoc", "data", "style"):
                assert (tag, name) == ("a", "href") or name == "style", (tag, name)
                assert not re.match(r"\s*(javascript|data|vbscript|file):", value or "", re.IGNORECASE), value
                assert "url(" not in (value or "") or name == "href"

    def check(self, page: str) -> None:
        self.feed(page)
        self.close()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("hostile-history")
    with History(folder / "history.db") as history:
        yield folder, {name: _said(history, text) for name, text in EVERYTHING.items()}


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_conversation_is_listed_shown_and_exported_inert(
    kept: tuple[Path, dict[str, str]], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    folder, ids = kept
    monkeypatch.setenv("ASSISTANT_DATA", str(folder))
    began = time.perf_counter()
    export = ["export", ids[name], "--format", "json"]
    for arguments in (["list"], ["show", ids[name]], ["search", "forest OR word"], export):
        code, out, err = run("history", *arguments)
        assert code == 0, err
        assert not active(out) and not active(err), (arguments, active(out))
    for form in ("md", "json", "html"):
        code, _, err = run("history", "export", ids[name], "-o", f"{name}.{form}".replace("/", "-"))
        assert code == 0, err
        text = (tmp_path / f"{name}.{form}".replace("/", "-")).read_text("utf-8")
        assert not active(text), (form, active(text))
        if form == "json":
            assert json.loads(text)["messages"][0]["text"] == EVERYTHING[name][:20_000]
        if form == "html":
            _Inert().check(text)
            assert "Content-Security-Policy" in text
        if form == "md":
            _no_html_or_images(text)
    assert time.perf_counter() - began < 20


def _no_html_or_images(markdown: str) -> None:
    from markdown_it import MarkdownIt

    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        kinds = {child.type for child in token.children or ()} | {token.type}
        assert not kinds & {"html_block", "html_inline", "image"}, token.content[:200]


def test_code_in_an_exported_answer_is_as_it_was(tmp_path: Path) -> None:
    code = "```cpp\n#include <vector>\nstd::vector<int> a;\n```\n\nUse `<b>` or `![x](y)`; 1 < 2."
    with History(tmp_path / "history.db") as history:
        conversation = history.create("t")
        history.add_user_message(conversation, "How?")
        history.save_answer(conversation, code)
        assert code in history.export(conversation)
