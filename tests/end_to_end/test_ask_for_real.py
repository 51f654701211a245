"""`ask`, `verify` and `batch` on the embedded models."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import AMAZON, Run, environment, one_object

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

QUESTION = "Which country holds most of the rainforest?"
KEYS = {"id", "question", "route", "answer", "score", "evidence", "verdict", "closest", "models", "usage"}


def test_an_answer_stands_in_the_document_where_its_evidence_says(run: Run, amazon: Path) -> None:
    done = run("ask", QUESTION, "--document", str(amazon), "--json")
    assert done.returncode == 0, done.stderr.decode()
    record = one_object(done.stdout)
    assert record.keys() >= KEYS
    assert record["route"] == "extract"
    assert "Brazil" in record["answer"]
    (place,) = record["evidence"]
    assert AMAZON[place["start"] : place["end"]] == place["text"] == record["answer"]
    assert place["document"] == "amazon.txt"
    assert 0 <= record["score"] <= 1
    verdict = record["verdict"]
    assert verdict["entailment"] + verdict["neutral"] + verdict["contradiction"] == pytest.approx(1)
    assert verdict["label"] == "entailment"
    assert record["models"]["generator"] is None
    assert record["usage"]["windows"] == 1


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r\n\r\n"])
def test_offsets_count_characters_with_accents_emoji_and_line_ends_as_they_are(run: Run, end: str) -> None:
    text = f"🌳🌳 Forêt amazonienne — résumé.{end}" + AMAZON.replace(". ", f".{end}") + f"{end}Fin 👩🏽‍🌾."
    done = run("ask", QUESTION, "--document", "-", "--json", "--route", "extract", stdin=text.encode("utf-8"))
    assert done.returncode == 0, done.stderr.decode()
    record = one_object(done.stdout)
    assert record["evidence"]
    for place in record["evidence"]:
        assert text[place["start"] : place["end"]] == place["text"]


def test_a_question_that_the_document_does_not_answer_gets_null_and_the_closest_passage(run: Run, amazon: Path) -> None:
    done = run("ask", "Who won the 1998 football world cup final?", "--document", str(amazon), "--json")
    record = one_object(done.stdout)
    assert record["answer"] is None
    assert record["evidence"] == []
    assert record["verdict"] is None
    place = record["closest"]
    assert AMAZON[place["start"] : place["end"]] == place["text"]


def test_an_open_question_is_answered_with_code(run: Run) -> None:
    done = run("ask", "Write a Python function that adds two numbers.", "--json")
    record = one_object(done.stdout)
    assert record["route"] == "open"
    assert "def " in record["answer"]
    assert "```" in record["answer"]
    assert record["verdict"] is None
    assert record["usage"]["completion_tokens"] > 0


def test_a_generated_answer_about_a_document_is_checked_claim_by_claim(run: Run, amazon: Path) -> None:
    done = run("ask", "Explain where the rainforest is.", "--document", str(amazon), "--json", "--route", "grounded")
    record = one_object(done.stdout)
    assert record["route"] == "grounded"
    assert record["verdict"] is not None or record["verdict_reason"]
    for claim in (record["verdict"] or {"claims": []})["claims"]:
        place = claim["evidence"]
        assert AMAZON[place["start"] : place["end"]] == place["text"]


def test_people_read_the_answer_its_place_and_the_verdict(run: Run, amazon: Path) -> None:
    done = run("ask", QUESTION, "--document", str(amazon))
    text = done.stdout.decode()
    assert text.splitlines()[0] == "Brazil"
    assert "[Brazil]" in text
    assert "amazon.txt, characters" in text
    assert "entailed" in text
    assert b"\x1b" not in done.stdout


def test_verify_tells_a_contradiction_from_an_entailment(run: Run) -> None:
    premise = "A man is sleeping on the sofa in the living room."
    labels = [
        one_object(run("verify", "--premise", premise, "--hypothesis", hypothesis, "--json").stdout)["label"]
        for hypothesis in ("A man is asleep.", "The man is awake and running in the park.")
    ]
    assert labels == ["entailment", "contradiction"]


def test_batch_keeps_the_order_and_reports_bad_lines_in_place(run: Run, amazon: Path, tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": "a", "question": QUESTION, "document": AMAZON, "topic": "forest"}),
        "{not json",
        json.dumps({"question": "Which country has 13% of the forest?", "document_path": str(amazon)}),
        json.dumps({"id": "d", "question": "Where is it?", "document_path": "missing.txt"}),
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    done = run("batch", "q.jsonl", "-o", "a.jsonl")
    assert done.returncode == 3, done.stderr.decode()
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert [record["id"] for record in records] == ["a", "2", "3", "d"]
    assert records[0]["topic"] == "forest"
    assert [("error" in record) for record in records] == [False, True, False, True]
    assert records[1]["line"] == 2
    assert "Peru" in records[2]["answer"]
    assert b"2 answered, 2 failed" in done.stderr


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or not hasattr(os, "geteuid")
    or subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode != 0,
    reason="needs to be allowed to cut the network off (unshare -rn)",
)
def test_nothing_needs_the_network_once_the_models_are_there(home: Path, amazon: Path) -> None:
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "assistant", "ask", QUESTION, "--document", str(amazon), "--json"],
        env={**environment(home), "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert one_object(done.stdout)["answer"] is not None
