import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.encoders import precision, processor

ZEN_5 = "flags\t\t: fpu sse2 avx2 avx512f avx_vnni avx512_bf16 avx512_vnni\n"
SAPPHIRE_RAPIDS = "flags\t\t: fpu avx512f avx512_bf16 avx512_vnni amx_bf16 amx_tile amx_int8\n"
ICE_LAKE = "flags\t\t: fpu avx512f avx512_vnni\n"
HASWELL = "flags\t\t: fpu avx2 fma\n"
GRAVITON_3 = "Features\t: fp asimd bf16 i8mm\n"
CACHES = (processor.features, precision.best_precision, precision.eight_bits_pay, precision.computed_with)
with_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")


@pytest.fixture
def processor_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Lets the module believe in another processor: the text of /proc/cpuinfo."""

    def build(text: str) -> frozenset[str]:
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(processor, "_CPUINFO", path)
        monkeypatch.setattr(processor.sys, "platform", "linux")
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
        for each in CACHES:
            each.cache_clear()
        return processor.features()

    yield build
    monkeypatch.undo()
    for each in CACHES:
        each.cache_clear()


@with_onednn
@pytest.mark.parametrize(
    "text, dtype, int8",
    [
        (ZEN_5, torch.bfloat16, True),
        (SAPPHIRE_RAPIDS, torch.bfloat16, False),
        (ICE_LAKE, torch.float32, True),
        (HASWELL, torch.float32, False),
        (GRAVITON_3, torch.bfloat16, False),
    ],
    ids=["zen 5", "sapphire rapids", "ice lake", "haswell", "graviton 3"],
)
def test_formats_follow_from_the_flags_of_the_processor(processor_of: Any, text: str, dtype: Any, int8: bool) -> None:
    processor_of(text)
    chosen = precision.best_precision("cpu")
    assert chosen.dtype is dtype and "processor" in chosen.reason
    pays, reason = precision.eight_bits_pay()
    assert pays is int8 and reason


@with_onednn
@pytest.mark.skipif(torch.cuda.is_available(), reason="what is chosen is the GPU's")
@pytest.mark.parametrize("text", [ZEN_5, ICE_LAKE])
def test_what_was_chosen_can_be_said_in_a_few_words(processor_of: Any, text: str) -> None:
    processor_of(text)
    name = str(precision.best_precision("cpu").dtype).removeprefix("torch.")
    assert precision.computed_with() == f"cpu {name} int8"


def test_a_flag_that_only_some_cores_have_does_not_count(processor_of: Any) -> None:
    assert processor_of(ZEN_5 + ICE_LAKE) == {"avx512_vnni"}


def test_where_nothing_says_torch_is_asked(processor_of: Any) -> None:
    assert processor_of("") <= processor._KNOWN


@pytest.mark.parametrize("said, found", [("1\n", {"bf16"}), ("0\n", set()), ("", set())])
def test_a_mac_is_asked_by_sysctl(monkeypatch: pytest.MonkeyPatch, said: str, found: set[str]) -> None:
    monkeypatch.setattr(processor.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, said, ""))
    assert processor._of_macos() == found


def test_the_choice_is_the_same_beside_a_busy_loop() -> None:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            torch.mm(torch.ones(200, 200), torch.ones(200, 200))

    def choose() -> tuple[object, ...]:
        for each in CACHES:
            each.cache_clear()
        return precision.best_precision("cpu"), precision.eight_bits_pay(), precision.computed_with()

    quiet = choose()
    loops = [threading.Thread(target=spin) for _ in range(4)]
    for loop in loops:
        loop.start()
    try:
        assert {choose() for _ in range(20)} == {quiet}
    finally:
        stop.set()
        for loop in loops:
            loop.join()
