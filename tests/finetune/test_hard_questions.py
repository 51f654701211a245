from pathlib import Path

from assistant.loading.reader import load_reader
from assistant.models.store import ModelStore
from finetune.data.squad import QAExample
from finetune.tasks.qa.calibration import best_score
from finetune.tasks.qa.evaluation import read_all
from finetune.tasks.qa.hard_questions import hardest_questions

CONTEXT = "Orellana explored the old Amazon in 1541. Pizarro built a large fort near Quito in 1549."


def _questions() -> list[QAExample]:
    asked = [(who, what) for who in ("Orellana", "Pizarro") for what in ("old Amazon", "large fort")]
    return [
        QAExample(
            str(number), f"t{number}", f"{CONTEXT} It is tale {number}.", f"When did {who} explore the {what}?",
            ("1541",), CONTEXT.index("1541"),
        )
        for number, (who, what) in enumerate(asked)
    ]  # fmt: skip


def test_of_several_draws_those_are_kept_in_which_the_reader_finds_most(reader_folder: Path) -> None:
    reader = load_reader(ModelStore().resolve(str(reader_folder)))
    few = hardest_questions(reader, _questions(), share=0.5, draws=6, seed=1)
    assert len(few) == 2
    assert all(example.start is None and not example.answers for example in few)
    assert few == hardest_questions(reader, _questions(), share=0.5, draws=6, seed=1)
    scores = [best_score(reading) for reading in read_all(reader, few)]
    assert scores == sorted(scores, reverse=True)
    one_draw = hardest_questions(reader, _questions(), share=0.5, draws=1, seed=1)
    assert sum(scores) > sum(best_score(reading) for reading in read_all(reader, one_draw))
