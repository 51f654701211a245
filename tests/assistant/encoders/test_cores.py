import threading
from collections.abc import Iterator

import pytest
import torch

from assistant.encoders.cores import batch_tokens, cores_of, on_each_core
from tests.conftest import tiny_model


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_batches_run_at_the_same_time_with_a_thread_each_and_results_come_in_order(two_threads: None) -> None:
    both = threading.Barrier(2, timeout=60)

    def work(batch: int) -> tuple[int, int]:
        both.wait()
        return batch * 10, torch.get_num_threads()

    assert list(on_each_core(work, iter(range(6)), 2)) == [(batch, (batch * 10, 1)) for batch in range(6)]
    assert torch.get_num_threads() == 2


def test_a_single_batch_has_all_threads(two_threads: None) -> None:
    assert list(on_each_core(lambda batch: (batch, torch.get_num_threads()), ["only"], 2)) == [("only", ("only", 2))]
    assert list(on_each_core(lambda batch: batch, [], 2)) == []


@pytest.mark.parametrize("cores", [1, 3])
def test_few_batches_are_taken_ahead(cores: int) -> None:
    taken: list[int] = []

    def batches() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    for batch, _ in on_each_core(lambda batch: batch, batches(), cores):
        assert len(taken) <= batch + 1 + cores


@pytest.mark.parametrize("cores", [1, 2])
def test_what_a_batch_raises_is_raised_in_its_turn(cores: int) -> None:
    def work(batch: int) -> int:
        if batch == 3:
            raise MemoryError
        return batch

    done = []
    with pytest.raises(MemoryError):
        for batch, _ in on_each_core(work, range(6), cores):
            done.append(batch)
    assert done == [0, 1, 2]


def test_a_model_on_the_cpu_takes_a_batch_a_core(two_threads: None) -> None:
    model = tiny_model("bert", "")
    assert cores_of(model) == 2
    assert batch_tokens(model) == 1536
