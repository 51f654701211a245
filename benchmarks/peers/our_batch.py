"""Worker: our batch, and a loop over our single call, with the models as the product has them."""

import time
from typing import Any

from benchmarks.peers.protocol import peak_memory, serve, versions


class Worker:
    """Holds an assistant."""

    def load(self, models: dict[str, str]) -> dict[str, Any]:
        """Load both models by answering a question; `embedded` stands for what the settings say."""
        from assistant import Assistant, Document, Turn
        from assistant.settings import load_settings

        named = {part: name for part, name in models.items() if name != "embedded"}
        self.assistant = Assistant(load_settings(named) if named else None)
        self.assistant.answer(Turn("How large is it?", (Document("forest", "The forest covers five square miles."),)))
        dtype = str(self.assistant.models.reader(lambda event: None).model.dtype).removeprefix("torch.")
        return {**versions("torch", "transformers", "tokenizers"), "dtype": dtype}

    def answer(self, rows: list[dict[str, str]]) -> dict[str, Any]:
        """All rows as a batch."""
        from assistant import Route, answer_rows
        from assistant.batch import BatchOptions

        # The peer only reads: a question that the router would have the generator answer is read here too.
        options = BatchOptions(route=Route.EXTRACT)
        began = time.perf_counter()
        records = list(answer_rows(rows, self.assistant, options))
        return self._reply(records, time.perf_counter() - began)

    def loop(self, rows: list[dict[str, str]]) -> dict[str, Any]:
        """Each row by the single call."""
        from assistant import Document, Route, Turn
        from assistant.records import answer_to_json

        began = time.perf_counter()
        records = []
        for row in rows:
            turn = Turn(row["question"], (Document("document", row["document"]),), route=Route.EXTRACT)
            records.append(answer_to_json(row["question"], self.assistant.answer(turn), "1"))
        return self._reply(records, time.perf_counter() - began)

    def _reply(self, records: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
        # The peer always answers; where ours says that there is no answer, its closest place is compared.
        answers = [record["answer"] or (record["closest"] or {"text": ""})["text"] for record in records]
        labels = [record["verdict"]["label"] if record["verdict"] else None for record in records]
        return {"answers": answers, "labels": labels, "seconds": seconds, "memory": peak_memory()}


def save(models: dict[str, str], folders: dict[str, str]) -> dict[str, Any]:
    """Write the models, their adapters merged, for the peer; returns how the verifier is to be used."""
    from pathlib import Path

    from assistant.types import Label
    from assistant.verification.head import Head
    from benchmarks.weights import resolve_part, save_merged

    save_merged(resolve_part("reader", models["reader"]), Path(folders["reader"]))
    checks = resolve_part("verifier", models["verifier"])
    save_merged(checks, Path(folders["verifier"]), "verifier")
    head = Head.load(checks.adapter or checks.base)
    names = {f"LABEL_{column}": str(label) for column, label in zip(head.columns, Label, strict=True)}
    return {"hypothesis_first": head.hypothesis_first, "labels": names}


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "answer": worker.answer, "loop": worker.loop, "save": save})
