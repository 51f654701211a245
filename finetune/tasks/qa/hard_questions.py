"""Unanswerable questions that a reader takes for answerable: of several made from one question the hardest is kept.

Most questions that rules make without an answer are seen through at a glance, so that little is learned from them.
Those to which a trained reader finds its best answer teach most (hard negative mining; Karpukhin et al., 2020).
"""

import logging
import random
from collections.abc import Sequence

from assistant.loading.reader import load_reader
from assistant.models.store import ModelStore
from assistant.reading.reader import Reader
from finetune.data.squad import QAExample
from finetune.data.unanswerable import make_unanswerable
from finetune.recipe_data import HardQuestions
from finetune.tasks.qa.calibration import best_score, hardest
from finetune.tasks.qa.evaluation import read_all

log = logging.getLogger(__name__)

_DRAWN_FOR_ONE_KEPT = 1.5


def make_hard_questions(examples: Sequence[QAExample], wanted: HardQuestions, seed: int) -> list[QAExample]:
    """Altered questions (see `finetune.data.unanswerable`), the hardest of several draws, and of those the hardest.

    Args:
        examples: answerable ones are drawn from these.
        wanted: how many, of how many draws, and hard for which reader.
        seed: the same seed gives the same questions.

    Raises:
        AssistantError: the reader cannot be had.
    """
    store = ModelStore()
    embedded = wanted.reader == "embedded"
    reader = load_reader(store.resolve(store.catalogue.profile("embedded").reader if embedded else wanted.reader))
    return hardest_questions(reader, examples, wanted.share, wanted.draws, seed)


def hardest_questions(
    reader: Reader, examples: Sequence[QAExample], share: float, draws: int, seed: int
) -> list[QAExample]:
    """As `make_hard_questions`, with the reader at hand; `share` is of the answerable examples."""
    answerable = [example for example in examples if example.answers]
    count = round(share * len(answerable))
    pool = random.Random(f"{seed} hard").sample(answerable, min(len(answerable), round(count * _DRAWN_FOR_ONE_KEPT)))
    made = [each for draw in range(draws) for each in make_unanswerable(pool, {"altered": len(pool)}, seed + draw)]
    different = list({(each.id, each.question): each for each in made}.values())
    log.info("%s reads %d questions, to keep the hardest", reader.name, len(different))
    kept = hardest(different, read_all(reader, different))
    order = sorted(range(len(kept[0])), key=lambda at: -best_score(kept[1][at]))
    return [kept[0][at] for at in order[:count]]
