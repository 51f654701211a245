"""`finetune evaluate`: measure a model on labelled data."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli.console import StatusLine
from assistant.errors import UsageError
from assistant.events import Progress
from assistant.text import counted
from finetune.cli.models import BASE, base_of, recipe_of, resolve, run_of
from finetune.cli.options import Json

if TYPE_CHECKING:
    from assistant.models.store import ResolvedModel
    from assistant.verification.verifier import Verifier
    from finetune.data.answer_pairs import AnswerCheck
    from finetune.data.code import CodeExample
    from finetune.data.pairs import Pair

TASKS = ("qa", "nli", "code")
ANSWER_CHECKS, ANSWER_SEED = 5000, 42


def evaluate(
    task: Annotated[str, typer.Argument(help="qa, nli or code.")],
    data: Annotated[
        str,
        typer.Option(help="What to measure on: SQuAD JSON, a table of pairs, code questions; or hub:OWNER/NAME#SPLIT."),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="A profile (embedded, light), base or base:NAME (without the adapter), a run's folder, a GGUF file, "
            "or a Hub name."
        ),
    ] = "embedded",
    limit: Annotated[int | None, typer.Option(help="Only this many rows, drawn evenly.", min=1)] = None,
    last_articles: Annotated[
        float | None,
        typer.Option(help="qa: only the file's last articles, as this share of all of them.", min=0.0, max=1.0),
    ] = None,
    held_out: Annotated[
        float | None,
        typer.Option(
            help="nli: of answers on sources, only those on this share of the sources, which a training that holds out "
            "as much has not seen.",
            min=0.0,
            max=1.0,
        ),
    ] = None,
    errors: Annotated[Path | None, typer.Option(help="qa: write the wrong answers, with what is wrong, here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="qa: draw the reliability of the score into this file.")] = None,
    answers: Annotated[
        Path | None,
        typer.Option(help="code: have the questions answered too, and write the answers here (.jsonl or .md)."),
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(help="code: a second model on the same questions; base is that of the model that is measured."),
    ] = None,
    execute: Annotated[
        bool,
        typer.Option("--execute", help="code: run the answers against the tests of their rows (MBPP), in a sandbox."),
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="qa, nli: measure in 8 bits too, and say what that costs.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="--int8: from now on use the model in 8 bits where that is faster.")
    ] = False,
    json_: Json = False,
) -> int:
    r"""Measure a model on labelled data.

    \b
    Examples:
      finetune evaluate qa --data dev-v1.1.json --model embedded
      finetune evaluate qa --data piaf-v1.0.json --last-articles 0.2
      finetune evaluate nli --data xnli.tsv --model runs/nli-minilm/adapter --json
      finetune evaluate nli --data dev-v1.1.json      right and wrong answers to its questions
      finetune evaluate nli --data wice-claims.jsonl  claims on whole documents, as those of QAGS
      finetune evaluate nli --data ragtruth/summary.jsonl --held-out 0.2   what models wrote on sources, as SummEdits
      finetune evaluate code --data codegen-instruct.json --model base --limit 200
      finetune evaluate code --data conala-train.json --limit 50 --answers answers.md --beside base
      finetune evaluate code --data mbpp-train-validation.jsonl --execute --beside base
      finetune evaluate code --data mbpp-train-validation.jsonl --execute --model light --beside base:light
      finetune evaluate code --data dev-v1.1.json     questions on its passages, answered in a sentence
    """
    if task not in TASKS:
        raise UsageError(f"There is no task {task!r}; choose {', '.join(TASKS)}.")
    for_code = {"--answers": answers, "--beside": beside, "--execute": execute or None}
    if task != "code" and (given := [name for name, value in for_code.items() if value is not None]):
        raise UsageError(f"{given[0]} is for code.")
    for_qa = {"--last-articles": last_articles, "--errors": errors, "--plot": plot}
    if task != "qa" and (given := [name for name, value in for_qa.items() if value is not None]):
        raise UsageError(f"{given[0]} is for qa.")
    if held_out is not None and task != "nli":
        raise UsageError("--held-out is for nli.")
    if int8 and task == "code":
        raise UsageError("--int8 is for qa and nli.")
    if keep and not int8:
        raise UsageError("--keep goes with --int8.")
    from finetune.data.files import find_data
    from finetune.data.tables import is_hub

    if not is_hub(data):
        find_data(data)  # a wrong name is told before a model is fetched
    from finetune.run.run import quiet_libraries

    quiet_libraries()
    with StatusLine() as status:
        found = resolve(task, model, status)
        if task == "qa":
            report = _evaluate_qa(
                data, found, limit, last_articles, status, int8=int8, keep=keep, errors=errors, plot=plot
            )
        elif task == "nli":
            report = _evaluate_nli(data, found, limit, held_out, status, int8=int8, keep=keep)
        else:
            models = {model: found}
            if beside is not None:
                models[beside] = base_of(task, model, status) if beside == BASE else resolve(task, beside, status)
            report = _evaluate_code(data, models, limit, status, execute=execute, answers=answers)
    if json_:
        print(json.dumps(report))  # noqa: T201
        return 0
    _print_figures(report)
    return 0


def _print_figures(report: Mapping[str, Any], indent: str = "") -> None:
    for name, value in report.items():
        if isinstance(value, Mapping):
            print(f"{indent}{name}")  # noqa: T201
            _print_figures(value, indent + "  ")
        else:
            shown = f"{value:.2f}" if isinstance(value, float) else value
            print(f"{indent + name:<{18 if len(name) < 18 else 54}} {shown}")  # noqa: T201


def _evaluate_qa(
    data: str,
    model: "ResolvedModel",
    limit: int | None,
    last_articles: float | None,
    status: StatusLine,
    *,
    int8: bool,
    keep: bool,
    **files: Path | None,
) -> dict[str, Any]:
    from assistant.loading.reader import load_reader
    from finetune.data.files import evenly
    from finetune.data.squad import read_questions, split_by_article
    from finetune.run.run import measuring
    from finetune.tasks.qa import evaluation as qa_evaluation
    from finetune.trainer.int8 import SAMPLE, cost_of_int8

    questions = read_questions(data)
    if last_articles is not None:
        _, questions = split_by_article(questions, last_articles)
    reader, rows = load_reader(model, eight_bits=not int8), evenly(questions, limit)
    report = qa_evaluation.evaluate(reader, rows, measuring(status), **files)
    if int8:
        sample, kept = evenly(rows, SAMPLE), model.adapter or model.base
        report["int8"] = cost_of_int8(
            reader,
            read=lambda: qa_evaluation.read_all(reader, sample),
            measure=lambda: qa_evaluation.evaluate(reader, rows, measuring(status)),
            report=report,
            keep=kept if keep else None,
        )
    return report


def _evaluate_nli(
    data: str,
    model: "ResolvedModel",
    limit: int | None,
    held_out: float | None,
    status: StatusLine,
    *,
    int8: bool,
    keep: bool,
) -> dict[str, Any]:
    from assistant.loading.verifier import load_verifier
    from finetune.run.run import measuring
    from finetune.trainer.int8 import SAMPLE, cost_of_int8

    verifier, measure = load_verifier(model, eight_bits=not int8), _nli_measure(data, limit, held_out, status)
    report = measure(verifier, measuring(status))
    if int8:
        sample, kept = _nli_measure(data, min(SAMPLE, limit or SAMPLE), held_out, status), model.adapter or model.base
        report["int8"] = cost_of_int8(
            verifier,
            read=lambda: sample(verifier, None),
            measure=lambda: measure(verifier, measuring(status)),
            report=report,
            keep=kept if keep else None,
        )
    return report


def _nli_measure(
    data: str, limit: int | None, held_out: float | None, status: StatusLine
) -> Callable[["Verifier", Callable[[int, int], None] | None], dict[str, Any]]:
    """How a verifier is measured on a file: labelled pairs, claims on documents, or answers to a file's questions."""
    from finetune.data.files import evenly, find_data
    from finetune.data.squad import is_squad
    from finetune.tasks.nli import claims as claim_evaluation
    from finetune.tasks.nli import training as nli

    if data.endswith(".json") and is_squad(find_data(data)):
        answers = _answer_checks(data, limit or ANSWER_CHECKS, status)
        return lambda verifier, tell: claim_evaluation.evaluate_answer_checks(verifier, answers, tell)
    if data.endswith(".jsonl") and claim_evaluation.holds_document_claims(find_data(data)):
        claims = evenly(claim_evaluation.read_document_claims(find_data(data)), limit)
        return lambda verifier, tell: claim_evaluation.evaluate_document_claims(verifier, claims, tell)
    if data.endswith(".jsonl") and claim_evaluation.holds_source_texts(find_data(data)):
        blank: Counter[str] = Counter()
        texts, sentences = claim_evaluation.read_source_documents(find_data(data), held_out or 1.0, blank)
        if blank:
            status.say(f"{data}: not measured: {', '.join(f'{count} {why}' for why, count in blank.items())}.")
        texts, sentences = evenly(texts, limit), evenly(sentences, limit)
        return lambda verifier, tell: claim_evaluation.evaluate_source_texts(verifier, texts, sentences, tell)
    if held_out is not None:
        raise UsageError("--held-out is for answers on sources, as RAGTruth's and SummEdits'.")
    read, left_out = _pairs(data)
    pairs = evenly(read, limit)
    if left_out:
        told = ", ".join(f"{counted(count, 'row')} with {why}" for why, count in left_out.items())
        status.say(f"{data}: not measured: {told}.")
    extra = {"left_out": dict(left_out)} if left_out else {}
    return lambda verifier, tell: nli.evaluate(verifier, pairs, tell) | extra


def _answer_checks(data: str, count: int, status: StatusLine) -> "list[AnswerCheck]":
    """Right and wrong answers to a file's questions; some of the wrong ones are the embedded reader's."""
    from assistant.loading.reader import load_reader
    from finetune.data.answer_pairs import answer_checks, wrong_readings
    from finetune.data.squad import read_questions

    questions = [question for question in read_questions(data) if question.start is not None]
    reader = load_reader(resolve("qa", "embedded", status))
    misread = wrong_readings(reader, questions, lambda done, total: status(Progress("Reading", done, total)))
    return answer_checks(questions, misread, count, ANSWER_SEED)


def _evaluate_code(
    data: str,
    models: Mapping[str, "ResolvedModel"],
    limit: int | None,
    status: StatusLine,
    *,
    execute: bool,
    answers: Path | None,
) -> dict[str, Any]:
    """The loss of the first model, with the figures of the answers by each model's name, or of the others' losses."""
    from finetune.run.run import measuring
    from finetune.tasks.code import answers as code_answers
    from finetune.tasks.code import training as code_assistant

    examples = code_assistant.examples_to_evaluate(data, limit=limit, trained=_trained_on(models, status))
    if execute:
        status.say("Code that a model wrote is run now: fenced in, with limits, but it is code of unknown worth.")
        if not any(example.tests for example in examples):
            raise UsageError(
                f"{data}: no row has tests (`test_list`, as those of MBPP have), so nothing can be executed."
            )
    first, *others = models
    # A model without an adapter is its own base, and is measured once.
    same = [name for name in others if models[name] == models[first]]
    for name in same:
        status.say(f"{name} is {first} itself, which has no adapter: it is measured once, and has the same figures.")
    different = {name: model for name, model in models.items() if name not in same}
    report = _loss(models[first], examples, status)
    if answers is None and not execute:
        figures = {name: _loss(model, examples, status) for name, model in different.items() if name != first}
        return report | figures | {key: dict(report) for key in same}
    from assistant.loading.generator import load_generator

    generators = {name: load_generator(model) for name, model in different.items()}
    figures = code_answers.measure(
        generators, examples, execute=execute, answers=answers, on_progress=measuring(status)
    )
    return report | figures | dict.fromkeys(same, figures[first])


def _loss(model: "ResolvedModel", examples: "list[CodeExample]", status: StatusLine) -> dict[str, Any]:
    from assistant.loading.generator import load_language_model
    from finetune.run.run import measuring
    from finetune.tasks.code import training as code_assistant

    network, tokenizer = load_language_model(model)
    return code_assistant.evaluate(network, tokenizer, examples, measuring(status))


def _trained_on(models: Mapping[str, "ResolvedModel"], status: StatusLine) -> "list[CodeExample]":
    """What those models that are runs were trained on, so that none of it is measured."""
    from assistant.errors import AssistantError
    from finetune.tasks.code.training import prepare_examples

    trained: list[CodeExample] = []
    for name in models:
        recipe = recipe_of(name)
        if recipe is None or recipe.task != "code":
            continue
        try:
            trained += prepare_examples(recipe, run_of(name)).train
        except AssistantError as error:
            status.say(f"Rows that {name} was trained on may be measured, as its training data is not here: {error}")
    return trained


def _pairs(data: str) -> "tuple[list[Pair], Counter[str]]":
    """Pairs of a corpus's file, spaces around its punctuation taken out, or of any other labelled table as it is.

    With them, how many rows were left out for what.
    """
    from finetune.data.files import find_data
    from finetune.data.pairs import read_labelled_pairs, read_pairs

    if not data.endswith((".tsv", ".jsonl")):
        return read_labelled_pairs(data, {})
    left_out: Counter[str] = Counter()
    return read_pairs(find_data(data), left_out), left_out
