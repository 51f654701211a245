"""Worker: OpenVINO's generation engine, on a GGUF file."""

import time
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds one model."""

    def load(self, gguf: str, threads: int) -> dict[str, Any]:
        """Load a file."""
        import openvino
        import openvino_genai

        began = time.perf_counter()
        self.pipeline = openvino_genai.LLMPipeline(gguf, "CPU", {"INFERENCE_NUM_THREADS": threads})
        self.config, self.tensor = openvino_genai.GenerationConfig, openvino.Tensor
        seconds = time.perf_counter() - began
        found = versions("openvino", "openvino-genai")
        return {"versions": found, "engine": "OpenVINO GenAI", "load_seconds": seconds}

    def write(self, prompt: list[int], tokens: int) -> dict[str, Any]:
        """Continue a prompt by so many tokens, the likeliest each time; says when each was there.

        OpenVINO tells the time to the first token and of each further one.
        """
        import numpy as np

        config = self.config(max_new_tokens=tokens, do_sample=False, ignore_eos=True)
        told: Any = self.pipeline.generate(self.tensor(np.array([prompt], np.int64)), config).perf_metrics
        first, each = told.get_ttft().mean / 1000, told.get_tpot().mean / 1000
        made = int(told.get_num_generated_tokens())
        return {"seconds": [first + each * at for at in range(made)], "memory": peak_memory()}


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "write": worker.write})
