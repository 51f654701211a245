"""The work of a batch on a Ray cluster, or on one that Ray starts on this machine.

Actors hold the models. Each is given a few blocks at a time, so that the cluster never holds more of the input than it
is at. An actor that is lost is started again elsewhere, and its blocks are done again: nothing is written but by the
one process that asked, in the order of the input, so that nothing comes twice.
"""

import contextlib
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from assistant.batch.blocks import Block, Record
from assistant.batch.executors import AHEAD, Worker, in_order
from assistant.errors import AssistantError, ModelError, UsageError
from assistant.settings import Settings

_OBJECT_STORE_BYTES = 200_000_000  # a few blocks; by default Ray takes a third of the machine's memory


class RayExecutor:
    """Actors on a cluster.

    Args:
        settings: of the assistants.
        workers: how many actors.
        options_digest: written into each record.
        cpus: cores of each actor.
        gpus: share of a GPU of each, such as 0.25 where four share one.

    Raises:
        UsageError: ray is not installed.
    """

    def __init__(
        self, settings: Settings, workers: int, options_digest: str = "", *, cpus: float = 1, gpus: float = 0
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise UsageError("--executor ray needs ray: pip install 'terminal-assistant[ray]'.") from error
        self._ray: Any = ray
        self._settings = settings
        self._workers = workers
        self._options_digest = options_digest
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}
        self._threads = max(1, int(cpus))

    def answer(self, blocks: Iterable[Block]) -> Iterator[list[Record]]:
        """See Executor; the cluster is RAY_ADDRESS, or one on this machine that ends with the run."""
        with self._cluster():
            actor = self._ray.remote(max_restarts=-1, max_task_retries=-1, **self._resources)(Worker)
            actors = [actor.remote(self._settings, self._threads, self._options_digest) for _ in range(self._workers)]
            under_way: dict[Any, int] = {}
            load: Counter[int] = Counter(dict.fromkeys(range(len(actors)), 0))

            def submit(block: Block) -> Any:
                done, _ = (
                    self._ray.wait(list(under_way), num_returns=len(under_way), timeout=0) if under_way else ([], [])
                )
                for handle in done:
                    load[under_way.pop(handle)] -= 1
                free = min(load, key=lambda at: load[at])
                handle = actors[free].answer.remote(list(block))
                under_way[handle] = free
                load[free] += 1
                return handle

            yield from in_order(blocks, submit, self._result, self._workers * AHEAD)

    def _result(self, handle: Any) -> list[Record]:
        exceptions = self._ray.exceptions
        try:
            records: list[Record] = self._ray.get(handle)
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, AssistantError):
                raise error.cause from error
            raise AssistantError(f"A worker failed: {str(error.cause).splitlines()[0][:200]}") from error
        except exceptions.RayActorError as error:
            raise ModelError(f"No worker could be started or kept: {str(error).splitlines()[0][:200]}") from error
        return records

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[None]:
        if self._ray.is_initialized():
            yield
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
        try:
            options = {} if os.environ.get("RAY_ADDRESS") else self._own_cluster()
            self._ray.init(log_to_driver=False, logging_level="error", **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise AssistantError(f"The Ray cluster cannot be used: {str(error).splitlines()[0][:200]}") from error
        try:
            yield
        finally:
            self._ray.shutdown()

    def _own_cluster(self) -> dict[str, Any]:
        """What a cluster on this machine is started with: workers would wait for ever for cores that it has not."""
        cores = max(os.cpu_count() or 1, math.ceil(self._workers * self._resources["num_cpus"]))
        return {"include_dashboard": False, "num_cpus": cores, "object_store_memory": _OBJECT_STORE_BYTES}
