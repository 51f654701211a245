"""What the embedded verifier says of plain pairs of sentences, English and French."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import environment

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

PAIRS = [
    ("I live in Lyon.", "I live in Marseille.", "contradiction"),
    ("A man is playing a guitar on stage.", "A man is performing music.", "entailment"),
    ("The meeting was moved to Friday.", "The meeting takes place on Monday.", "contradiction"),
    ("The company hired 20 engineers.", "The company is the largest in the country.", "neutral"),
    ("No one survived the crash.", "Everyone survived the crash.", "contradiction"),
    ("She speaks French and German fluently.", "She speaks German.", "entailment"),
    ("J'habite à Lyon.", "J'habite à Marseille.", "contradiction"),
    ("Elle a acheté une voiture rouge hier.", "Elle a acheté une voiture.", "entailment"),
    ("Le train part à huit heures.", "Le train part à dix heures.", "contradiction"),
    ("Paul lit un livre dans le jardin.", "Paul aime les romans policiers.", "neutral"),
    ("Il n'y a personne dans la salle.", "La salle est pleine de monde.", "contradiction"),
    ("Le chat dort sur le canapé.", "Un chat est en train de dormir.", "entailment"),
]
WRONG = {"Un chat est en train de dormir."}  # a known limit: the product gives no tick in French


@pytest.fixture(scope="module")
def labels(home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pairs")
    lines = [json.dumps({"premise": premise, "hypothesis": hypothesis}) for premise, hypothesis, _ in PAIRS]
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "verify", "--pairs", "pairs.jsonl", "-o", "verdicts.jsonl"],
        env=environment(home),
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line)["label"] for line in (folder / "verdicts.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(at, id=pair[1], marks=[pytest.mark.xfail(strict=True)] if pair[1] in WRONG else [])
        for at, pair in enumerate(PAIRS)
    ],
)
def test_a_plain_pair_has_the_label_that_people_give_it(labels: list[str], at: int) -> None:
    assert labels[at] == PAIRS[at][2]
