"""Our generator against transformers' `generate` and llama.cpp: the same weights, prompts and threads, in one run.

Measured are prefill and decoding in tokens a second, the time to the first token on several turns of one conversation,
and the most memory the process held. Every system runs in a process of its own, they take turns, and of several
rounds the median is reported. What our engines write is held against transformers in float32: on the same answers, the
share of positions where the likeliest token is the same, and the change of the loss, its engine going token by token.

The weights are those of the embedded base without an adapter; llama.cpp reads the GGUF file that they came from
(--gguf), which holds the same numbers, and so does OpenVINO. The other ways of torch (`static`, `int8`, `compiled`) are
measured on one prompt only, as their cache has the length of it.
"""

import argparse
import contextlib
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from assistant.models.store import ModelStore, default_cache
from assistant.types import Message, Role
from benchmarks.report import default_threads, machine, number, table, write_json
from benchmarks.workers import Peer, PeerError, System, Worker, python_of
from finetune.data.files import evenly, find_data

LOCAL = Peer("benchmarks.peers.local_generators")
LLAMA_CPP = Peer("benchmarks.peers.llama_cpp", ("xllamacpp==2026.10.11549",))
OPENVINO = Peer("benchmarks.peers.openvino_decoding", ("openvino-genai==2026.4.1.0", "numpy>=2"))
TORCH = Peer("benchmarks.peers.torch_decoding")
EVERY_PRODUCT = ["qkv", "output", "gate_up", "down", "logits"]
SYSTEMS = {
    system.name: system
    for system in (
        System("ours", LOCAL, note="as it comes"),
        System("ours-float32", LOCAL, {"exact": EVERY_PRODUCT}, "no product of integers"),
        System("generate", LOCAL, {"stock": "fastest"}, "transformers, the number format that is fastest here"),
        System("generate-float32", LOCAL, {"stock": "float32"}, "transformers; what answers are held against"),
        System("llama.cpp", LLAMA_CPP, note="from the wheels of xllamacpp"),
        System("openvino", OPENVINO, note="OpenVINO's generation engine, from its wheels"),
        System("static", TORCH, {"way": "static"}, "torch, token by token over a cache of fixed length"),
        System("int8", TORCH, {"way": "int8"}, "the same with torch's 8-bit weight-only products"),
        System("compiled", TORCH, {"way": "compiled"}, "the same through torch.compile, which needs a C++ compiler"),
    )
}
REFERENCE, STOCK = "generate-float32", "generate"
CONTEXT = 4096
QUESTION = "Write a Python function that reads a CSV file and returns the average of every column. Explain each step."
ANSWER = (
    "You can use the `csv` module for that. Open the file, make a `csv.DictReader`, and add up the numbers of each "
    "column as you go through the rows; then divide by how many there were.\n\n```python\nimport csv\n\ndef averages("
    "path):\n    sums, count = {}, 0\n    with open(path, newline='') as file:\n        for row in csv.DictReader("
    "file):\n            count += 1\n            for name, value in row.items():\n                sums[name] = "
    "sums.get(name, 0) + float(value)\n    return {name: total / count for name, total in sums.items()}\n```\n"
)
TURNS = (1, 2, 5, 20)
HEADER = "system|prefill/s|decode/s|x generate|turn 1 ms|2|5|20|20:2|slowest|load s|MB|same %|loss %".split("|")
LEGEND = """
prefill/s, decode/s: tokens a second, of a prompt of {prefill} tokens and of the {decode} tokens after the first.
turn N: milliseconds to the first token; 20:2: the twentieth turn's as a multiple of the second's; slowest: of all turns
after the first. Between two turns ours looks ahead, as it does in the chat while the answer is read.
same, loss: held against {reference} on {positions} positions of answers.
"""


@dataclass
class Measured:
    """What one system gave, a figure for each round."""

    load_seconds: float
    engine: str
    prefill: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)
    turns: dict[int, list[float]] = field(default_factory=dict)
    memory: int = 0
    same: float | None = None
    loss: float | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.generator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default="qwen2.5-coder-1.5b-instruct", help="a base, by name or folder (%(default)s)"
    )
    parser.add_argument("--adapter", type=Path, help="merged into the base of ours and of transformers' own (a folder)")
    parser.add_argument("--gguf", type=Path, help="the same weights for llama.cpp; without it llama.cpp is left out")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="of %(default)s")
    parser.add_argument("--tokens", type=int, default=128, help="how many to decode (%(default)s)")
    parser.add_argument("--prefill", type=int, default=512, help="length of the long prompt (%(default)s)")
    parser.add_argument("--turns", type=int, default=max(TURNS), help="of the conversation; 0 for none (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is reported (%(default)s)")
    parser.add_argument("--data", default="code/codegen-instruct.json", help="answers to compare on (instruction rows)")
    parser.add_argument("--rows", type=int, default=40, help="of the data, evenly drawn; 0 for none (%(default)s)")
    parser.add_argument("--threads", type=int, default=default_threads(), help="of every system (%(default)s)")
    parser.add_argument("--environments", type=Path, help="where the peers' environments are kept")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.systems.split(",") if name not in SYSTEMS]
    if unknown or min(options.tokens, options.prefill, options.rounds, options.threads) < 1:
        parser.error(f"--systems takes {', '.join(SYSTEMS)}; numbers must be at least 1")
    try:
        report = measure(options)
    except AssistantError as error:
        print(f"generator: {error}", file=sys.stderr)
        return error.exit_code
    print(render(report))
    if options.output:
        write_json(options.output, report)
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All measurements, as the JSON file has them.

    Raises:
        AssistantError: the model or the data is not to be had; what a peer lacks only leaves that peer out.
    """
    base = ModelStore().ensure(options.model)
    prompts = _Prompts(base, options)
    left_out: dict[str, str] = {}
    versions: dict[str, dict[str, str]] = {}
    found: dict[str, Measured] = {}
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for name in options.systems.split(","):
            system = SYSTEMS[name]
            try:
                settings = _settings(system, base, options)
                python = python_of(system.peer, options.environments or default_cache() / "benchmarks")
                worker = stack.enter_context(Worker(system.peer, python, options.threads))
                loaded = worker.call("load", **settings)
            except PeerError as error:
                left_out[name] = str(error)
                continue
            workers[name] = worker
            versions[name] = loaded["versions"]
            found[name] = Measured(loaded["load_seconds"], loaded["engine"])
        for _ in range(options.rounds):
            for name, worker in workers.items():
                _round(worker, SYSTEMS[name].peer, found[name], prompts, options.tokens)
        positions = _hold_against_reference(workers, found, prompts.rows)
    return {
        "machine": machine(options.threads),
        "prefill": len(prompts.long),
        "decode": options.tokens - 1,
        "positions": positions,
        "rows": [_row(name, each, found.get(STOCK)) for name, each in found.items()],
        "versions": versions,
        "left_out": left_out,
    }


class _Prompts:
    """The token ids that all systems are given."""

    def __init__(self, base: Path, options: argparse.Namespace) -> None:
        from transformers import AutoTokenizer

        from assistant.generation.prompts import fit, render, text_ids

        tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
        self.question = fit([Message(Role.USER, QUESTION)], tokenizer, CONTEXT).ids
        self.long = (self.question + text_ids(ANSWER * 100, tokenizer))[: options.prefill]
        said: list[Message] = []
        self.said: list[list[list[str]]] = []
        self.turns: list[list[int]] = []
        for turn in range(1, options.turns + 1):
            self.said.append([[str(message.role), message.text] for message in said])
            said.append(Message(Role.USER, f"Question {turn}: {QUESTION}"))
            self.turns.append(fit(said, tokenizer, CONTEXT - options.tokens).ids)
            said.append(Message(Role.ASSISTANT, ANSWER))
        self.rows: list[tuple[list[int], int]] = []
        rows = evenly(json.loads(find_data(options.data).read_text("utf-8")), options.rows) if options.rows else []
        for row in rows:
            asked = f"{row['instruction']}\n{row.get('input') or ''}".strip()
            prompt = render([Message(Role.USER, asked)], tokenizer)
            answer = text_ids(str(row["response"]), tokenizer)
            self.rows.append(((prompt + answer)[:CONTEXT], len(prompt)))


def _settings(system: System, base: Path, options: argparse.Namespace) -> dict[str, Any]:
    if system.peer is TORCH:
        return {"folder": str(base), "room": options.prefill + 2 * options.tokens, **system.options}
    if system.peer is LOCAL:
        return {"folder": str(base), "adapter": str(options.adapter) if options.adapter else None, **system.options}
    if options.gguf is None:
        raise PeerError("name its file with --gguf")
    settings = {"gguf": str(options.gguf), "threads": options.threads}
    return settings | {"context": CONTEXT} if system.peer is LLAMA_CPP else settings


def _round(worker: Worker, peer: Peer, measured: Measured, prompts: _Prompts, tokens: int) -> None:
    """One measurement of everything; the prompts follow each other so that none begins as the one before."""
    first = worker.call("write", prompt=prompts.long, tokens=1)["seconds"][0]
    measured.prefill.append(len(prompts.long) / first)
    reply = worker.call("write", prompt=prompts.question, tokens=tokens)
    seconds = reply["seconds"]
    measured.decode.append((len(seconds) - 1) / (seconds[-1] - seconds[0]))
    measured.memory = reply["memory"]
    if peer is TORCH:
        return
    for turn, (said, prompt) in enumerate(zip(prompts.said, prompts.turns, strict=True), start=1):
        if said and peer is LOCAL:
            worker.call("look_ahead", said=said, room=tokens)
        reply = worker.call("write", prompt=prompt, tokens=4)
        measured.turns.setdefault(turn, []).append(1000 * reply["seconds"][0])
    measured.memory = reply["memory"]


def _hold_against_reference(
    workers: dict[str, Worker], found: dict[str, Measured], rows: Sequence[tuple[list[int], int]]
) -> int:
    """Fill in how each system's logits compare with the reference's on the answers; returns how many positions."""
    if REFERENCE not in workers:
        return 0
    scored = {
        name: [
            list(zip(reply["likeliest"], reply["losses"], strict=True))[start - 1 :]
            for ids, start in rows
            for reply in [worker.call("score", row=ids)]
        ]
        for name, worker in workers.items()
        if SYSTEMS[name].peer is LOCAL
    }
    reference = [position for row in scored[REFERENCE] for position in row]
    for name, answers in scored.items():
        positions = [position for row in answers for position in row]
        pairs = list(zip(positions, reference, strict=True))
        if pairs:
            found[name].same = 100 * statistics.fmean(mine[0] == theirs[0] for mine, theirs in pairs)
            theirs = statistics.fmean(loss for _, loss in reference)
            found[name].loss = 100 * (statistics.fmean(loss for _, loss in positions) / theirs - 1)
    return len(reference)


def _row(name: str, measured: Measured, stock: Measured | None) -> dict[str, Any]:
    turns = {turn: statistics.median(times) for turn, times in measured.turns.items()}
    decode = statistics.median(measured.decode)
    return {
        "system": name,
        "engine": measured.engine,
        "prefill_per_second": statistics.median(measured.prefill),
        "decode_per_second": decode,
        "times_generate": decode / statistics.median(stock.decode) if stock else None,
        "first_token_ms": turns,
        "slowest_turn_ms": max((time for turn, time in turns.items() if turn > 1), default=None),
        "growth": turns[20] / turns[2] if {2, 20} <= set(turns) else None,
        "load_seconds": measured.load_seconds,
        "memory": measured.memory,
        "same_percent": measured.same,
        "loss_change_percent": measured.loss,
    }


def render(report: dict[str, Any]) -> str:
    """The report as a table with what one needs to read it."""
    found = report["machine"]
    rows = [
        [
            row["system"],
            number(row["prefill_per_second"]),
            number(row["decode_per_second"], 1),
            number(row["times_generate"], 2),
            *(number(row["first_token_ms"].get(turn)) for turn in TURNS),
            number(row["growth"], 2),
            number(row["slowest_turn_ms"]),
            number(row["load_seconds"], 1),
            number(row["memory"] / 1e6),
            number(row["same_percent"], 2),
            number(row["loss_change_percent"], 2),
        ]
        for row in report["rows"]
    ]
    lines = [
        f"{found['processor']}, {found['threads']} threads",
        "",
        table(HEADER, rows),
        LEGEND.format(reference=REFERENCE, **report),
    ]
    for name, versions in report["versions"].items():
        packages = ", ".join(f"{package} {version}" for package, version in versions.items())
        lines.append(f"{name}: {SYSTEMS[name].note}; {packages}")
    lines += [f"LEFT OUT {name}: {reason}" for name, reason in report["left_out"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
