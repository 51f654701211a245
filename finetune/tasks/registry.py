"""The tasks by the name that a recipe gives them."""

from collections.abc import Mapping
from typing import Any

from finetune.tasks.base import Task
from finetune.tasks.classifier.task import ClassifierTask
from finetune.tasks.code.task import CodeTask
from finetune.tasks.nli.task import NLITask
from finetune.tasks.preference.task import PreferenceTask
from finetune.tasks.qa.task import QATask
from finetune.tasks.seq2seq.task import Seq2SeqTask

TASKS: Mapping[str, Task[Any]] = {
    "qa": QATask(), "nli": NLITask(), "code": CodeTask(), "dpo": PreferenceTask(), "classifier": ClassifierTask(),
    "seq2seq": Seq2SeqTask(),
}  # fmt: skip
