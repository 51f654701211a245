"""The tasks by the name that a recipe gives them."""

from collections.abc import Mapping
from typing import Any

from finetune.tasks.base import Task
from finetune.tasks.code.task import CodeTask
from finetune.tasks.nli.task import NLITask
from finetune.tasks.qa.task import QATask

TASKS: Mapping[str, Task[Any]] = {"qa": QATask(), "nli": NLITask(), "code": CodeTask()}
