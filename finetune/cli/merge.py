"""`finetune merge`: what a run trained as one whole model."""

from pathlib import Path
from typing import Annotated

import typer

from assistant.errors import UsageError


def merge(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.", metavar="RUN")],
    output: Annotated[Path, typer.Option(help="A new folder for the model.", metavar="DIR")],
    gguf: Annotated[
        bool, typer.Option("--gguf", help="code: also one GGUF file, which llama.cpp and Ollama take.")
    ] = False,
    gguf_format: Annotated[
        str, typer.Option(help="--gguf: how its matrices are kept, Q8_0 or F16.", metavar="FORMAT")
    ] = "Q8_0",
) -> int:
    r"""Write what a run trained as one whole model: its adapter merged into its base, in float16 safetensors.

    \b
    Examples:
      finetune merge runs/qa-roberta --output models/reader
      finetune merge runs/code-llama-3.2-1b --output models/coder --gguf
      assistant ask "How do I reverse a list?" --model models/coder/coder-Q8_0.gguf
    """
    from finetune.run.merging import FORMATS, write_whole
    from finetune.run.run import quiet_libraries

    if gguf_format.upper() not in FORMATS:
        raise UsageError(f"--gguf-format: there is no {gguf_format!r} here; choose {' or '.join(FORMATS)}.")
    quiet_libraries()
    for path in write_whole(run, output, gguf_format.upper() if gguf else None):
        print(path)  # noqa: T201
    return 0
