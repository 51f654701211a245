"""What a code assistant's own answers are worth: their shape, their likeness to the given ones, whether they run."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.generation.stream import Sampling
from assistant.sandbox import Outcome, run_python
from assistant.types import Message, Role
from assistant.verification.python_code import FENCE, PYTHON, syntax_fault
from finetune.data.code import CodeExample
from finetune.data.grounded import with_passages
from finetune.tasks.needs import of_the_extra

if TYPE_CHECKING:
    from assistant.generation.stream import Generator

MAX_NEW_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with a model's answer: `ended` by itself, and where its tests were run, how that ended."""

    example: CodeExample
    text: str
    ended: bool
    outcome: Outcome | None = None


def answer_all(
    generator: "Generator",
    examples: Sequence[CodeExample],
    *,
    execute: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Answered]:
    """Put questions to a generator, greedily and each in a conversation of its own.

    Args:
        generator: of the chat, with its prompt and its ends.
        examples: their questions; one with tests shows the first of them, so that the names are known.
        execute: run the tests on the answer's code, in the sandbox.
        on_progress: is told how many are done of how many.
    """
    answered = []
    for done, example in enumerate(examples, 1):
        asked = [*example.before, Message(Role.USER, question_as_put(example))]
        if example.passages:
            asked = with_passages(example)
        stream = generator.stream(asked, sampling=Sampling(max_new_tokens=MAX_NEW_TOKENS))
        text = "".join(stream).strip()
        outcome = run_python(_program(text, example)) if execute and example.tests else None
        answered.append(Answered(example, text, stream.finish == "end", outcome))
        if on_progress is not None:
            on_progress(done, len(examples))
    return answered


def figures(answered: Sequence[Answered]) -> dict[str, Any]:
    """Shares, as percentages, the mean ROUGE-L (F1 of the longest common run of words in order; Lin, 2004), and BLEU.

    `parses` is of the answers with Python code, `pass_at_1` of those whose tests were run.
    """
    python = [code for each in answered for code in [_code(each.text)] if code is not None]
    ran = [each.outcome for each in answered if each.outcome is not None]
    report: dict[str, Any] = {
        "answers": len(answered),
        "rouge_l": _mean(100 * rouge_l(each.text, each.example.answer) for each in answered),
        "bleu": bleu([each.text for each in answered], [each.example.answer for each in answered]),
        "ended": _mean(100.0 * each.ended for each in answered),
        "fenced": _mean(100.0 * bool(FENCE.search(each.text)) for each in answered),
        "explained": _mean(100.0 * _explains(each.text) for each in answered),
        "python_answers": len(python),
        "parses": _mean(100.0 * (syntax_fault(code) is None) for code in python),
    }
    if ran:
        report |= {"executed": len(ran), "pass_at_1": _mean(100.0 * outcome.passed for outcome in ran)}
    return report


def rouge_l(text: str, reference: str) -> float:
    """ROUGE-L of a text, from 0 to 1, over words split at white space."""
    words, wanted = text.split(), reference.split()
    if not words or not wanted:
        return float(words == wanted)
    row = [0] * (len(wanted) + 1)
    for word in words:
        before = 0
        for at, other in enumerate(wanted, 1):
            before, row[at] = row[at], before + 1 if word == other else max(row[at], row[at - 1])
    precision, recall = row[-1] / len(words), row[-1] / len(wanted)
    return 2 * precision * recall / (precision + recall) if row[-1] else 0.0


def bleu(texts: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU of texts as sacrebleu counts it (Post, 2018), from 0 to 100."""
    if not texts:
        return 0.0
    with of_the_extra("sacrebleu"):
        from sacrebleu.metrics.bleu import BLEU

    return round(float(BLEU().corpus_score(list(texts), [list(references)]).score), 2)


def write_answers(path: Path, by_model: Mapping[str, Sequence[Answered]]) -> None:
    """Write question, given answer and each model's answer, side by side: JSON Lines, or a Markdown table of text."""
    rows = []
    for same in zip(*by_model.values(), strict=True):
        row: dict[str, Any] = {"question": same[0].example.instruction, "given": same[0].example.answer}
        for name, each in zip(by_model, same, strict=True):
            row[name] = each.text
            if each.outcome is not None:
                row[f"{name} passed"] = each.outcome.passed
                row[f"{name} reason"] = each.outcome.reason
        rows.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".md":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        return
    parts = []
    for number, row in enumerate(rows, 1):
        parts.append(f"## {number}\n")
        for name, value in row.items():
            fence = "`" * max(3, _longest_run(str(value)) + 1)
            parts.append(f"**{name}**\n\n{fence}text\n{value}\n{fence}\n")
    path.write_text("\n".join(parts), "utf-8")


def measure(
    generators: Mapping[str, "Generator"],
    examples: Sequence[CodeExample],
    *,
    execute: bool,
    answers: Path | None,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """The figures of each generator on the same questions; `answers` is where they are written side by side."""
    by_model, reports = {}, {}
    for name, generator in generators.items():
        began = time.perf_counter()
        by_model[name] = answer_all(generator, examples, execute=execute, on_progress=on_progress)
        reports[name] = figures(by_model[name]) | {"answer_seconds": round(time.perf_counter() - began, 1)}
    if answers is not None:
        write_answers(answers, by_model)
    return reports


def question_as_put(example: CodeExample) -> str:
    """The question of an example as a model is asked it: with its first test, where it has some."""
    if not example.tests:
        return example.instruction
    return f"{example.instruction}\n\nIt must pass this test:\n\n{example.tests.splitlines()[0]}"


def _program(text: str, example: CodeExample) -> str:
    return f"{_code(text) or text}\n\n{example.setup}\n{example.tests}\n"


def _code(text: str) -> str | None:
    """The Python of an answer: its blocks in that language or in none; None if it has none."""
    blocks = [code for language, code in FENCE.findall(text) if not language or language.lower() in PYTHON]
    return "\n\n".join(blocks) if blocks else None


def _explains(text: str) -> bool:
    """Whether there are at least three words beside the code."""
    return len(FENCE.sub(" ", text).split()) > 2


def _longest_run(text: str) -> int:
    return max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)


def _mean(values: Any) -> float:
    found = list(values)
    return round(sum(found) / len(found), 2) if found else 0.0
