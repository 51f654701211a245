"""Worker: llama.cpp, from the wheels of xllamacpp, on a GGUF file."""

import json
import time
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds llama.cpp's server, without its network part."""

    def load(self, gguf: str, threads: int, context: int) -> dict[str, Any]:
        """Load a file."""
        import xllamacpp

        began = time.perf_counter()
        settings = xllamacpp.CommonParams()
        settings.model.path = gguf
        settings.n_ctx, settings.n_parallel, settings.warmup = context, 1, True
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
        self.server = xllamacpp.Server(settings)
        seconds = time.perf_counter() - began
        return {"versions": versions("xllamacpp"), "engine": "llama.cpp", "load_seconds": seconds}

    def write(self, prompt: list[int], tokens: int) -> dict[str, Any]:
        """Continue a prompt by up to so many tokens, the likeliest each time; says when each was there.

        llama.cpp tells the time of the prompt and of all further tokens; what the call takes beyond them is added to
        the first.
        """
        began = time.perf_counter()
        request = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "cache_prompt": True, "stream": False}
        reply: Any = self.server.handle_completions(request)
        seconds = time.perf_counter() - began
        timings = (json.loads(reply) if isinstance(reply, str) else reply)["timings"]
        made, each = int(timings["predicted_n"]), float(timings["predicted_per_token_ms"]) / 1000
        first = seconds - each * (made - 1)
        return {"seconds": [first + each * at for at in range(made)], "memory": peak_memory()}


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "write": worker.write})
