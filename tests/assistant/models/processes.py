"""A store in another process, which can be killed, limited or held up."""

import subprocess
import sys
import textwrap

from assistant.models.catalogue import Base
from assistant.models.store import ModelStore


def in_another_process(store: ModelStore, base: Base, setup: str = "", **options: object) -> subprocess.Popen[str]:
    """Fetch a base; the process prints each stage it hears of, and at the end the folder.

    Args:
        store: whose cache it uses.
        base: the only one that it knows.
        setup: code that runs first.
        options: of the process.
    """
    code = f"""
        import sys
        from pathlib import Path
        from assistant.models.catalogue import Archive, Base, BaseFile, Catalogue, HubFiles, Part
        from assistant.models.store import ModelStore
        {setup}
        base = {base!r}
        store = ModelStore(Path({str(store.folder.parent)!r}), Catalogue({{base.name: base}}, {{}}))
        print(store.ensure(base.name, lambda progress: print(progress.stage, flush=True)), flush=True)
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
