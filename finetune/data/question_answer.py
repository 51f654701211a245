"""A table of programming questions and answers, as a base model without a chat template is tuned on them.

The form is that of the published work: `### Question: {question}` and, on the next line, `### Answer: {answer}`, which
`assistant.generation.prompts` gives every model without a template.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil

from finetune.data.code import CodeExample
from finetune.data.tables import column, read_table
from finetune.recipe_data import CodeColumn

FORM = "### Question: {question}\n### Answer: {answer}"


def read_question_answers(
    source: str, columns: Mapping[CodeColumn, str], max_characters: int
) -> tuple[list[CodeExample], Counter[str]]:
    """The examples of a table, and how many rows were left out for what.

    Rows with a null are dropped, then texts of `max_characters` or more characters, the form's own included.

    Raises:
        UsageError: the data cannot be read or lacks a column.
        AssistantError: the Hub did not give it.
    """
    rows = read_table(source)
    left_out: Counter[str] = Counter()
    examples: list[CodeExample] = []
    if not rows:
        return examples, left_out
    question = column(source, rows[0], [columns.get("question", "question")])
    answer = column(source, rows[0], [columns.get("answer", "answer")])
    for row in rows:
        asked, said = row.get(question), row.get(answer)
        if asked is None or said is None:
            left_out["no question or no answer"] += 1
        elif not isinstance(asked, str) or not isinstance(said, str):
            left_out["a question or answer that is no text"] += 1
        elif len(FORM.format(question=asked, answer=said)) >= max_characters:
            left_out[f"{max_characters} characters or more"] += 1
        elif not asked.strip() or not said.strip():
            left_out["an empty question or answer"] += 1
        else:
            examples.append(CodeExample(asked, said, source, ready=True))
    return examples, left_out


def split_at_random(
    examples: Sequence[CodeExample], held_out: float, seed: int
) -> tuple[list[CodeExample], list[CodeExample]]:
    """Training and held-out examples; the held-out part is rounded up, as in scikit-learn and `datasets`."""
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    out = held_out_rows(len(examples), held_out)
    return [examples[index] for index in order[out:]], [examples[index] for index in order[:out]]


def held_out_rows(rows: int, share: float) -> int:
    """How many rows a share holds out."""
    return ceil(round(rows * share, 6))
