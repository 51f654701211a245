"""The licences of everything that an installation brings, from the metadata of what is installed here.

    python -m benchmarks.licences [--extra NAME]...

Walks from the product through the requirements that hold on this machine (with the named extras) and prints name,
version and licence as the packages themselves give them, grouped by licence. The exit code is 1 where one is not known
to go together with Apache-2.0, or says nothing.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution

ROOT = "terminal-assistant"
# What asks no more of a program that uses it than to be named: permissive, or weak copyleft in a library of its own.
FINE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|HPND|Unlicense|Zlib|0BSD|CC0|Public Domain|"
    r"LGPL|NVIDIA|CNRI|OFL|Boost|BSL|CMU)",
    re.IGNORECASE,
)


def closure(root: str, extras: Iterable[str] = ()) -> dict[str, Distribution]:
    """All distributions that one needs here, by name, itself left out; what is not installed is passed over."""
    from packaging.requirements import Requirement

    found: dict[str, Distribution] = {}
    waiting = [(root, tuple(extras))]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        name, wanted = waiting.pop()
        key = (_canonical(name), tuple(sorted(wanted)))
        if key in seen:
            continue
        seen.add(key)
        try:
            found[key[0]] = distribution(name)
        except PackageNotFoundError:
            continue
        for line in found[key[0]].requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                waiting.append((requirement.name, tuple(requirement.extras)))
    found.pop(_canonical(root), None)
    return found


def licence_of(package: Distribution) -> str:
    """What a package says of its licence: the SPDX expression, else its classifiers, else the first line it gives."""
    given = package.metadata
    if "License-Expression" in given:
        return given["License-Expression"]
    classifiers = [each.rpartition(" :: ")[2] for each in given.get_all("Classifier") or ()
                   if each.startswith("License ::")]  # fmt: skip
    named = [each for each in classifiers if each not in {"OSI Approved", "Other/Proprietary License"}]
    if named:
        return ", ".join(named)
    text = given["License"].strip() if "License" in given else ""
    if text:
        return text.splitlines()[0][:60]
    for file in package.files or ():
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
            return lines[0][:60] if lines else "unknown"
    return "unknown"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extra", action="append", default=[], help="an extra that is installed too")
    options = parser.parse_args()
    groups: dict[str, list[str]] = defaultdict(list)
    for name, package in sorted(closure(ROOT, options.extra).items()):
        groups[licence_of(package)].append(f"{name} {package.version}")
    doubtful = {licence for licence in groups if not FINE.search(licence)}
    for licence in sorted(groups, key=lambda each: (-len(groups[each]), each)):
        print(f"{licence}{'  <- look at this one' if licence in doubtful else ''}\n  {', '.join(groups[licence])}")
    print(f"\n{sum(map(len, groups.values()))} packages, {len(groups)} licences as they name them.")
    return 1 if doubtful else 0


if __name__ == "__main__":
    sys.exit(main())
