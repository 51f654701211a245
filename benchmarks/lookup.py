"""Prompt lookup: an engine that checks drafted tokens several at once, against the same engine token by token.

    python -m benchmarks.lookup [--model embedded] [--prompts 20] [--output lookup.json]

Three kinds of prompts: questions on a passage (SQuAD's dev set), pasted code to be given back with a change (MBPP), and
open questions, whose answers have little to look up. Each answer is written both ways, greedily, one way after the
other, by transformers' layers: the engine for GPUs, for other architectures than Llama's and for adapters kept apart.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from assistant.generation.engines.base import TransformersEngine
from assistant.generation.generator import LocalGenerator, stop_token_ids
from assistant.generation.prompts import grounded_messages
from assistant.generation.stream import Sampling
from assistant.loading.generator import load_language_model
from assistant.types import Evidence, Message, Role
from benchmarks.report import default_threads, machine, number, table, write_json
from benchmarks.weights import resolve_part
from finetune.data.code import read_code
from finetune.data.files import evenly, find_data
from finetune.data.squad import read_squad

QUESTIONS = Path(__file__).parent / "data" / "chat_questions.jsonl"
CODE = "code/mbpp-train-validation.jsonl"
PASSAGES = "squad/dev-v1.1.json"
SAMPLING = Sampling(max_new_tokens=200)


class Counted(TransformersEngine):
    """The engine as it is, with its steps counted."""

    steps = 0

    def _run(self, tokens: Sequence[int], positions: int) -> Any:
        self.steps += 1
        return super()._run(tokens, positions)


class OneByOne(Counted):
    """The engine that cannot check several tokens at once."""

    def forward_each(self, tokens: Sequence[int]) -> None:
        """There is no way to."""


WAYS: dict[str, type[Counted]] = {"one by one": OneByOne, "lookup": Counted}


@dataclass
class Taken:
    """What one way took after the first piece of each answer."""

    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    answers: list[str] = field(default_factory=list)


def prompts(count: int) -> dict[str, list[list[Message]]]:
    """Conversations of each kind, drawn evenly from the data."""
    passages = [
        grounded_messages(row.question, [Evidence("", 0, len(row.context), row.context)])
        for row in evenly(read_squad(find_data(PASSAGES)), count)
    ]
    code = [
        [Message(Role.USER, f"Write this again and rename the function to `solve`:\n\n{row.answer}")]
        for row in evenly(read_code(CODE, 1024)[0], count)
    ]
    open_questions = [
        [Message(Role.USER, row.instruction)] for row in evenly(read_code(str(QUESTIONS), 1024)[0], count)
    ]
    return {"passages": passages, "pasted code": code, "open questions": open_questions}


def measure(generators: dict[str, LocalGenerator], conversations: Sequence[Sequence[Message]]) -> dict[str, Any]:
    """Have each conversation answered both ways.

    Returns:
        Tokens a second of each way, their ratio, tokens a step with lookup, and the percentage of equal answers.
    """
    taken = {name: Taken() for name in generators}
    for messages in conversations:
        for name, generator in generators.items():
            engine, way = generator.engine, taken[name]
            assert isinstance(engine, Counted)
            stream = generator.stream(messages, sampling=SAMPLING)
            first = next(stream, "")
            way.tokens, way.steps = way.tokens - stream.completion_tokens, way.steps - engine.steps
            began = time.perf_counter()
            way.answers.append(first + "".join(stream))
            way.seconds += time.perf_counter() - began
            way.tokens, way.steps = way.tokens + stream.completion_tokens, way.steps + engine.steps
        print(".", end="", file=sys.stderr, flush=True)
    plain, lookup = taken.values()
    rates = [way.tokens / way.seconds for way in (plain, lookup)]
    return {
        "prompts": len(conversations),
        "tokens": lookup.tokens,
        "one_by_one": rates[0],
        "lookup": rates[1],
        "ratio": rates[1] / rates[0],
        "tokens_per_step": lookup.tokens / lookup.steps,
        "same": 100 * sum(map(str.__eq__, plain.answers, lookup.answers)) / len(conversations),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write the file that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lookup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="embedded", help="generator, as in the settings")
    parser.add_argument("--prompts", type=int, default=20, help="how many of each kind")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    if options.prompts < 1:
        parser.error("--prompts must be at least 1")
    try:
        conversations = prompts(options.prompts)
        model = resolve_part("generator", options.model)
        network, tokenizer = load_language_model(model)
    except AssistantError as error:
        print(f"lookup: {error}", file=sys.stderr)
        return error.exit_code
    ends = stop_token_ids(model.base, tokenizer)
    generators = {name: LocalGenerator(way(network), tokenizer, model.name, ends=ends) for name, way in WAYS.items()}
    figures = {name: measure(generators, each) for name, each in conversations.items()}
    print(file=sys.stderr)
    print(f"{network.dtype} on {network.device}".removeprefix("torch."))
    header = ["prompts", "number", "tokens", "one by one/s", "lookup/s", "ratio", "tokens a step", "same %"]
    decimals = [0, 0, 1, 1, 2, 2, 0]
    rows = [
        [name, *(number(value, places) for value, places in zip(each.values(), decimals, strict=True))]
        for name, each in figures.items()
    ]
    print(table(header, rows))
    if options.output:
        write_json(options.output, {"machine": machine(default_threads()), "kinds": figures})
    return 0


if __name__ == "__main__":
    sys.exit(main())
