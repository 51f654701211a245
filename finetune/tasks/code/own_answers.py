"""A base's own right answers as training data, so that a training to answer in another shape takes nothing away.

Questions are put to the base as `finetune evaluate` puts them, and answered greedily. Where the rows have tests (MBPP)
the answers are run, and those that pass are trained on (compare rejection sampling, Yuan et al., 2023); of other rows
those that end by themselves and have code, which parses where it is Python. All answers are kept in one file, right and
wrong, so that no question is ever answered twice.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError
from assistant.verification.python_code import FENCE, PYTHON, syntax_fault
from finetune.data.code import CodeExample, question_hash, read_code, split_by_question, unique
from finetune.data.files import find_data, read_json_lines
from finetune.tasks.code.answers import Answered, answer_all, question_as_put

if TYPE_CHECKING:
    from assistant.generation.stream import Generator

FILE = "own-answers.jsonl"
_KEYS = ("base", "file", "question", "answer", "right")


def answer_and_keep(
    generator: "Generator",
    base: str,
    wanted: Mapping[str, int],
    held_out: float,
    path: Path,
    on_progress: Callable[[int, int], None],
) -> None:
    """Have a base answer questions until so many right answers are in a file, or no question is left.

    Args:
        generator: of the base.
        base: its reference, which is kept beside each answer.
        wanted: right answers by the name of the data set.
        held_out: the share of questions that is never asked.
        path: the file; what is in it already is counted, not asked again.
        on_progress: is told how many right answers there are of how many.

    Raises:
        UsageError: a data set cannot be read, or the file is of another base.
    """
    kept = _read(path, base)
    total = sum(wanted.values())
    right = {name: sum(row["right"] for row in kept if row["file"] == name) for name in wanted}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        for name, count in wanted.items():
            asked = {row["question"] for row in kept if row["file"] == name}
            for example in _questions(name, held_out):
                if right[name] >= count:
                    break
                if example.instruction in asked:
                    continue
                [answered] = answer_all(generator, [example], execute=True)
                passed = _is_right(answered)
                row = {"base": base, "file": name, "question": example.instruction, "answer": answered.text}
                lines.write(json.dumps(row | {"right": passed}, ensure_ascii=False) + "\n")
                lines.flush()
                right[name] += passed
                on_progress(sum(right.values()), total)


def own_answers(path: Path, base: str, wanted: Mapping[str, int], held_out: float) -> list[CodeExample]:
    """The right answers that a file holds, at most so many of a data set, as examples with the question as it was put.

    Raises:
        UsageError: the file cannot be read, is of another base, or a data set cannot be read.
    """
    kept = _read(path, base)
    made: list[CodeExample] = []
    for name, count in wanted.items():
        answers = {row["question"]: row["answer"] for row in kept if row["right"] and row["file"] == name}
        asked = [example for example in _questions(name, held_out) if example.instruction in answers]
        made += [
            CodeExample(
                question_as_put(example),
                answers[example.instruction],
                Path(name).name,
                also=(example.instruction,),
                split_by=example.instruction,
            )
            for example in asked[:count]
        ]
    return made


def _is_right(answered: Answered) -> bool:
    if not answered.ended:
        return False
    if answered.outcome is not None:
        return answered.outcome.passed
    blocks = FENCE.findall(answered.text)
    python = [code for language, code in blocks if language.lower() in PYTHON]
    return bool(blocks) and all(syntax_fault(code) is None for code in python)


def _questions(name: str, held_out: float) -> list[CodeExample]:
    """The training questions of a data set, in the order that their hash gives."""
    examples, _ = read_code(find_data(name))
    train, _ = split_by_question(unique(examples), held_out)
    return sorted(train, key=question_hash)


def _read(path: Path, base: str) -> list[dict[str, Any]]:
    """The rows of a file; none where it is not there. A last line that a killed process left unfinished is dropped."""
    if not path.is_file():
        return []
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])
    rows = list(read_json_lines(path))
    if any(key not in row for row in rows for key in _KEYS):
        raise UsageError(f"{path}: not a file of a base's own answers; remove it, and it is made anew.")
    others = [row["base"] for row in rows if row["base"] != base]
    if others:
        raise UsageError(f"{path} has the answers of {others[0]}, not of {base}; name another file or remove this one.")
    return rows
