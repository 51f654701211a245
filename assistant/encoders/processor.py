"""What the processor can do, as its own flags say: number formats and kernels are chosen by this, never by timing.

A timing depends on what else the machine does, so that of two runs of one command one could take another format, and
give other answers.
"""

import platform
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

BFLOAT16 = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
"""Units that multiply bfloat16: of x86 with tiles and without, and of ARM."""
INT8 = frozenset({"avx512_vnni", "avx_vnni"})
"""Units that multiply numbers of 8 bits, on processors on which 8-bit layers were measured."""
TILES = frozenset({"amx_tile", "amx_bf16", "amx_int8"})

_KNOWN = BFLOAT16 | INT8 | TILES
_CPUINFO = Path("/proc/cpuinfo")
_LINE = re.compile(r"^(?:flags|Features)\s*:(.*)$", re.MULTILINE)
_SECONDS = 5


@cache
def features() -> frozenset[str]:
    """Which of the flags above the processor has, by the names that Linux gives them; none where nothing says."""
    if sys.platform.startswith("linux"):
        found = _of_linux()
    elif sys.platform == "darwin":
        found = _of_macos()
    else:
        found = frozenset()
    return (found or _of_torch()) & _KNOWN


def _of_linux() -> frozenset[str]:
    """The flags that all cores have, as a machine with cores of two kinds lists each."""
    try:
        text = _CPUINFO.read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    cores = [frozenset(line.split()) for line in _LINE.findall(text)]
    return frozenset.intersection(*cores) if cores else frozenset()


def _of_macos() -> frozenset[str]:
    """ARM's flag; Macs with an Intel processor have no bfloat16."""
    try:
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "hw.optional.arm.FEAT_BF16"],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset({"bf16"}) if asked.stdout.strip() == "1" else frozenset()


def _of_torch() -> frozenset[str]:
    """What torch says, which knows of x86 alone; its functions come and go with its versions."""
    import torch

    if platform.machine().lower() not in ("x86_64", "amd64"):
        return frozenset()
    names = {
        "_is_avx512_bf16_supported": {"avx512_bf16"},
        "_is_vnni_supported": {"avx512_vnni"},
        "_is_amx_tile_supported": TILES,
    }
    asked = {name: getattr(torch.cpu, name, None) for name in names}
    return frozenset().union(*(names[name] for name, supported in asked.items() if supported and supported()))
