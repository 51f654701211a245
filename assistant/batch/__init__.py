"""A file of questions in, a file of answers out: one record a question, in the order of the input.

`answer_rows` does it over any iterable; `assistant batch` over files, with a durable output that a later run goes on
with (`journal`), in this process or in others (`executors`), and with a summary at the end (`summary`, `report`).
"""

from assistant.batch.lines import BatchOptions
from assistant.batch.runner import answer_rows

__all__ = ["BatchOptions", "answer_rows"]
