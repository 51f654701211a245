import json
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import AssistantError, UsageError
from assistant.models.store import ResolvedModel
from benchmarks import lookup, needle, reader, verifier
from benchmarks.documents import build_document, needle_document, one_question_each, read_paragraphs
from benchmarks.peers.protocol import count_windows
from benchmarks.report import agreement, answer_scores, number, table
from benchmarks.weights import save_merged
from benchmarks.workers import OURS, Peer, PeerError, System, Worker, python_of

SUBJECTS = ["Amazon", "Nile", "Seine", "Rhine", "Danube", "Volga", "Congo", "Tiber"]


@pytest.fixture(scope="module")
def squad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight paragraphs of about 40 words with a question each."""
    articles = []
    for number_, name in enumerate(SUBJECTS):
        context = (
            f"The {name} is {number_ + 2} hundred miles long and crosses the forest. " * 3 + f"It ends at {name} City."
        )
        answer = {"text": f"{name} City", "answer_start": context.index(f"{name} City")}
        question = {"id": name, "question": f"Where does the {name} end?", "answers": [answer]}
        articles.append({"title": name, "paragraphs": [{"context": context, "qas": [question]}]})
    path = tmp_path_factory.mktemp("squad") / "tiny.json"
    path.write_text(json.dumps({"data": articles}))
    return path


@pytest.mark.parametrize("words", [1, 40, 137, 1000])
def test_a_document_has_exactly_the_words_asked_for_and_answers_its_questions(squad: Path, words: int) -> None:
    document = build_document(read_paragraphs(squad, 7), words)
    assert document.words == words
    assert all(paragraph.text in document.text for paragraph in document.paragraphs)
    if document.paragraphs:
        assert all(question.answers[0] in document.text for question in document.questions(20))


def test_the_seed_alone_decides_the_order(squad: Path) -> None:
    first, again, other = (build_document(read_paragraphs(squad, seed), 200).text for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_needle_document_holds_each_needle_once_among_others(squad: Path) -> None:
    document = needle_document(read_paragraphs(squad, 7), needles=3, words=200, seed=7)
    questions = one_question_each(document.paragraphs, 7)
    assert len({question.context for question in questions}) == 3
    assert all(document.text.count(question.context) == 1 for question in questions)
    assert 200 <= document.words < 250
    with pytest.raises(UsageError, match="9 paragraphs"):
        needle_document(read_paragraphs(squad, 7), needles=9, words=200, seed=7)


def test_no_two_documents_are_the_same_to_what_is_kept_of_them() -> None:
    texts = {needle.unseen("text") for _ in range(20)}
    assert len(texts) == 20
    assert {text.strip() for text in texts} == {"text"}


def test_columns_are_aligned_to_the_widest_cell() -> None:
    lines = table(
        ["system", "s"], [["ours", number(1.5, 2)], ["a longer name", number(12345.678, 2)], ["x", number(None)]]
    )
    assert lines.splitlines() == [
        "system                 s",
        "------------------------",
        "ours                1.50",
        "a longer name  12,345.68",
        "x                      -",
    ]


def test_answers_agree_when_only_case_articles_and_punctuation_differ() -> None:
    assert agreement(["The Nile.", "1903"], ["nile", "1904"]) == 50


def test_answers_are_scored_as_squad_does(squad: Path) -> None:
    questions = [paragraph.questions[0] for paragraph in read_paragraphs(squad, 7)[:2]]
    scores = answer_scores([questions[0].answers[0], "nothing"], questions)
    assert scores == {"exact_match": 50, "f1": 50}


def test_a_peer_loads_a_tokenizer_that_cuts_nothing(reader_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    long = "the forest is large " * 200
    shipped = AutoTokenizer.from_pretrained(reader_folder)
    assert len(shipped.backend_tokenizer.encode(long).ids) == 8
    save_merged(ResolvedModel("tiny", reader_folder), tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert len(tokenizer.backend_tokenizer.encode(long).ids) > 800
    assert tokenizer.model_max_length == 512
    assert count_windows(tokenizer, "how large?", long, 384, 128) > 2
    assert (tmp_path / "model.safetensors").exists()


def test_our_worker_answers_from_the_document_and_says_what_goes_wrong(reader_folder: Path) -> None:
    text = "The Amazon rainforest covers 5.5 million square kilometers in South America. " * 60
    with Worker(OURS, python_of(OURS, Path("unused")), threads=1) as worker:
        loaded = worker.call("load", folder=str(reader_folder), dtype="float32")
        reply = worker.call("ask", document=text, question="How large is it?")
        work = worker.call("work", document=text, question="How large is it?")
        with pytest.raises(PeerError, match="question is empty"):
            worker.call("ask", document=text, question=" ")
        with pytest.raises(PeerError, match="another length"):
            worker.call("load", folder=str(reader_folder), stride=64)
    assert loaded["dtype"] == "float32"
    assert reply["answer"]
    assert reply["answer"] in text
    assert reply["windows"] > 1
    assert reply["seconds"] > 0
    assert reply["memory"] > 10_000_000
    assert work["flop"] > 0


def test_a_worker_that_does_not_start_is_an_error_with_its_last_words() -> None:
    with (
        Worker(Peer("benchmarks.peers.nobody"), python_of(OURS, Path("unused")), threads=1) as worker,
        pytest.raises(PeerError, match=r"exit status 1; .*nobody"),
    ):
        worker.call("load")


def test_the_comparison_goes_on_without_a_peer_that_cannot_be_installed(
    squad: Path,
    reader_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    absent = System("absent", Peer("benchmarks.peers.pipeline_qa", ("no-such-package==0",)))
    monkeypatch.setitem(reader.SYSTEMS, "absent", absent)
    output = tmp_path / "reader.json"
    options = {
        "--data": squad, "--model": reader_folder, "--systems": "ours-float32,absent", "--words": "60,300",
        "--questions": 2, "--repeats": 2, "--threads": 1, "--environments": tmp_path, "--output": output,
    }  # fmt: skip
    assert reader.main([str(part) for option in options.items() for part in option]) == 0
    report: dict[str, Any] = json.loads(output.read_text())
    assert "no-such-package" in report["left_out"]["absent"]
    assert [(row["system"], row["words"]) for row in report["rows"]] == [
        ("ours-float32", words) for words in (0, 60, 300)
    ]
    last = report["rows"][-1]
    assert len(last["first"]) == len(last["second"]) == 2
    assert last["agreement"] == 100
    assert last["share_of_peak"] > 0
    assert "LEFT OUT absent" in capsys.readouterr().out


def test_the_needle_test_reads_fewer_windows_with_ranking(
    squad: Path, reader_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path))
    output = tmp_path / "needle.json"
    options = {
        "--data": squad, "--model": reader_folder, "--only": "needle", "--needles": 8, "--words": 1, "--windows": 1,
        "--threads": 1, "--output": output,
    }  # fmt: skip
    assert needle.main(["--no-embeddings", *(str(part) for option in options.items() for part in option)]) == 0
    report = json.loads(output.read_text())["needle"]
    assert report["ranked_by"] == "words"
    rows = report["rows"]
    assert rows["ranked"]["windows"] == 1
    assert rows["everything"]["windows"] > 1
    assert len(rows["ranked"]["answers"]) == 8


def test_the_verifiers_quality_is_what_finetune_evaluate_says_of_it(verifier_folder: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("premise\thypo\tlabel\n" + "The Nile ends at Nile City.\tThe Nile ends.\tneutral\n" * 3)
    found = verifier.quality(str(pairs), str(verifier_folder), 2)
    assert found["total"] == 2
    assert 0 <= found["accuracy"] <= 100
    with pytest.raises(AssistantError, match=r"nowhere\.tsv"):
        verifier.quality(str(tmp_path / "nowhere.tsv"), str(verifier_folder), None)


def test_claims_on_one_document_are_timed(squad: Path, verifier_folder: Path) -> None:
    found = verifier.claims_on_document(str(squad), str(verifier_folder), 40, 2, 1)
    assert found["claims"] == 2 and found["words"] >= 40
    assert found["claims_seconds"] > 0


def test_an_unknown_system_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        reader.main(["--systems", "nobody"])
    assert "haystack" in capsys.readouterr().err


def test_answers_are_timed_with_lookup_and_without_for_each_kind_of_prompt(
    generator_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = tmp_path / "code.jsonl"
    code.write_text(
        json.dumps({"prompt": "Add.", "completion": "a + b + a + b + a + b + a + b + a + b + a + b"}) + "\n", "utf-8"
    )
    paragraph = {
        "context": "Lyon has 5 trees.",
        "qas": [{"id": "1", "question": "How many?", "answers": [{"text": "5", "answer_start": 9}]}],
    }
    squad = tmp_path / "squad.json"
    squad.write_text(json.dumps({"version": "1", "data": [{"title": "t", "paragraphs": [paragraph]}]}), "utf-8")
    monkeypatch.setattr(lookup, "CODE", str(code))
    monkeypatch.setattr(lookup, "PASSAGES", str(squad))
    report = tmp_path / "report.json"
    assert lookup.main(["--model", str(generator_folder), "--prompts", "1", "--output", str(report)]) == 0
    assert "tokens a step" in capsys.readouterr().out
    kinds = json.loads(report.read_text("utf-8"))["kinds"]
    assert set(kinds) == {"passages", "pasted code", "open questions"}
    for kind in kinds.values():
        assert kind["prompts"] == 1 and kind["tokens"] > 0 and kind["tokens_per_step"] >= 1
        assert kind["ratio"] == pytest.approx(kind["lookup"] / kind["one_by_one"])
