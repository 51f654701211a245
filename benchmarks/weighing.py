"""How a verifier's word is weighed with a reader's: questions put to whole articles that neither was trained on.

Of each held-out article of SQuAD's training set some questions of its own are asked, some that ask for something else
than it says, and some of another article. What comes first of the reader, right or not, is held against the article by
the verifier. A logistic function of both log-odds is fitted to whether it was right; a wrong answer counts
`WRONG` times, since it does more harm than none. Prints what is then shown, each article told by the fit to the others.

    python -m benchmarks.weighing                    # the profile `embedded`
    python -m benchmarks.weighing --save FOLDER      # and write the fit into the calibration of that reader's folder
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assistant.loading.reader import load_reader
from assistant.loading.verifier import load_verifier
from assistant.metrics import token_f1
from assistant.models.catalogue import ModelSpec
from assistant.models.store import ModelStore
from assistant.reading.calibration import Calibration, Joint
from assistant.reading.reader import Question, Reader
from assistant.types import Document
from assistant.verification.candidates import Check
from assistant.verification.claims import span_claim
from assistant.verification.verifier import Verifier
from finetune.data.files import find_data
from finetune.data.squad import QAExample, read_squad
from finetune.data.unanswerable import make_unanswerable
from finetune.tasks.qa.calibration import RIGHT_F1

TITLES = (
    "War_on_Terror", "Warsaw_Pact", "Washington_University_in_St._Louis", "Wayback_Machine", "Web_browser",
    "Westminster_Abbey", "Windows_8", "Wood", "Xbox_360", "Yale_University", "YouTube", "Zhejiang", "Zinc",
)  # fmt: skip
"""What the recipes `qa-mpnet` and `nli-mpnet` hold out of their training."""
OWN, ALTERED, FOREIGN = 30, 15, 8
WRONG = 1.5
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A question's best span: what reader and verifier give it, and whether it is right."""

    kind: str
    title: str
    right: bool
    read: float
    entailed: float
    answered: bool
    supported: bool


def questions(examples: Sequence[QAExample], titles: Sequence[str]) -> list[tuple[str, str, QAExample]]:
    """Kind, article and question of each that is asked."""
    generator = random.Random(5)
    by_title = {title: [each for each in examples if each.title == title] for title in titles}
    asked: list[tuple[str, str, QAExample]] = []
    for title, own in by_title.items():
        asked += [("own", title, each) for each in generator.sample(own, min(OWN, len(own)))]
        asked += [("altered", title, each) for each in make_unanswerable(own, {"altered": ALTERED}, 3)]
        other = by_title[generator.choice([each for each in titles if each != title])]
        foreign = generator.sample(other, min(FOREIGN, len(other)))
        asked += [("foreign", title, replace(each, answers=())) for each in foreign]
    return asked


def ask(reader: Reader, verifier: Verifier, examples: Sequence[QAExample], titles: Sequence[str]) -> list[Weighed]:
    """What reader and verifier say of each question."""
    texts = {title: dict.fromkeys(each.context for each in examples if each.title == title) for title in titles}
    documents = {title: Document(title, "\n\n".join(paragraphs)) for title, paragraphs in texts.items()}
    asked, found = questions(examples, titles), []
    for title in titles:
        document, part = documents[title], [each for each in asked if each[1] == title]
        readings = reader.read([Question(example.question, document) for _, _, example in part])
        read = [(row, reading) for row, reading in zip(part, readings, strict=True) if reading.best is not None]
        places = [document.evidence(reading.spans[0].start, reading.spans[0].end) for _, reading in read]
        claims = [span_claim(row[2].question, place.text) for (row, _), place in zip(read, places, strict=True)]
        verdicts = verifier.verify(
            [Check(document, [claim], (place,)) for claim, place in zip(claims, places, strict=True)]
        )
        for ((kind, _, example), reading), place, verdict in zip(read, places, verdicts, strict=True):
            if verdict is None or reading.best is None:
                continue
            right = bool(example.answers) and token_f1(place.text, example.answers) >= RIGHT_F1
            entailed = verdict.claims[0].probabilities.entailment
            supported = not verdict.unsupported
            span = reading.span_score(reading.best)
            found.append(Weighed(kind, title, right, span, entailed, reading.answered, supported))
        print(f"{title}: {len(read)} questions", flush=True)
    return found


def features(rows: Sequence[Weighed]) -> tuple[Floats, Floats]:
    """Log-odds with a column of ones, of shape (rows, 3), and which rows are right."""
    given = np.clip(np.array([[row.read, row.entailed] for row in rows]), 1e-4, 1 - 1e-4)
    return np.hstack([np.log(given / (1 - given)), np.ones((len(rows), 1))]), np.array([float(r.right) for r in rows])


def fit(rows: Sequence[Weighed]) -> Joint:
    """The weights of a logistic function, by Newton's method, with a little weight decay."""
    inputs, right = features(rows)
    counts = np.where(right == 1, 1.0, WRONG)
    weights = np.zeros(3)
    for _ in range(50):
        likely = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (counts * (likely - right)) + 0.01 * weights
        curvature = (inputs * (counts * likely * (1 - likely))[:, None]).T @ inputs + 0.01 * np.eye(3)
        weights -= np.linalg.solve(curvature, gradient)
    return Joint(*(round(float(weight), 4) for weight in weights))


def shown(rows: Sequence[Weighed], is_shown: Sequence[bool]) -> str:
    """How many right and wrong answers are given, of each kind of question."""
    parts = []
    for kind in ("own", "altered", "foreign"):
        of_kind = [(row, given) for row, given in zip(rows, is_shown, strict=True) if row.kind == kind]
        right = sum(given and row.right for row, given in of_kind)
        wrong = sum(given and not row.right for row, given in of_kind)
        parts.append(f"{kind} {right} right, {wrong} wrong of {len(of_kind)}")
    return "; ".join(parts)


def main() -> None:
    """Ask, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", type=Path, help="the folder of a reader's adapter; by default the profile's")
    parser.add_argument("--save", type=Path, help="the folder whose calibration.json gets the fit")
    parser.add_argument("--titles", type=int, default=len(TITLES), help="articles that are asked")
    options = parser.parse_args()
    store = ModelStore()
    profile = store.catalogue.profile("embedded")
    spec = profile.reader if options.reader is None else ModelSpec(profile.reader.base, str(options.reader))
    reader = load_reader(store.resolve(spec))
    reader.first = load_reader(store.resolve(store.catalogue.profile("light").reader))
    verifier = load_verifier(store.resolve(profile.verifier))
    titles = TITLES[: options.titles]
    examples = [each for each in read_squad(find_data("squad/train-v1.1.json")) if each.title in titles]
    rows = ask(reader, verifier, examples, titles)
    others = {title: fit([row for row in rows if row.title != title]) for title in titles}
    together = [others[row.title](row.read, row.entailed) >= 0.5 for row in rows]
    print("reader alone:       ", shown(rows, [row.answered for row in rows]))
    print("and entailed:       ", shown(rows, [row.answered and row.supported for row in rows]))
    print("weighed together:   ", shown(rows, together))
    joint = fit(rows)
    print(joint)
    if options.save is not None:
        replace(Calibration.load(options.save), joint=joint).save(options.save)


if __name__ == "__main__":
    main()
