"""Where this program was installed from, as pip takes it, so that a Space runs the very same."""

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from assistant import __version__

PACKAGE = "terminal-assistant"
_SSH = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](.+)")


def requirement(extras: str = "", install_from: str | None = None) -> str:
    """The line of a requirements file that installs this program.

    That is the commit of the repository it was installed or is run from, where that has an address that others can
    reach; else the version of the package index.

    Args:
        extras: such as `web,documents`.
        install_from: another address, as pip takes it after the `@`.
    """
    name = f"{PACKAGE}[{extras}]" if extras else PACKAGE
    address = install_from or _installed_from() or _checkout()
    return f"{name} @ {address}" if address else f"{name}=={__version__}"


def needs_git(line: str) -> bool:
    """Whether installing a requirement takes git."""
    return "git+" in line


def _installed_from() -> str | None:
    """The repository and commit that pip wrote down."""
    try:
        text = metadata.distribution(PACKAGE).read_text("direct_url.json")
        told = json.loads(text or "{}")
        return _address(told["url"], told["vcs_info"]["commit_id"])
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return None


def _checkout() -> str | None:
    """The remote and the commit of the checkout that this file lies in."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        remote, commit = _git(folder, "remote", "get-url", "origin"), _git(folder, "rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return None
    return _address(remote, commit)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  (fixed arguments)
        ["git", *arguments],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return done.stdout.strip()


def _address(url: str, commit: str) -> str | None:
    """A repository's public address at a commit, without names and passwords; None for one of this machine."""
    if ssh := _SSH.fullmatch(url):
        url = f"https://{ssh[1]}/{ssh[2]}"
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or "." not in host or host.replace(".", "").isdigit():
        return None
    where = host if parts.port is None else f"{host}:{parts.port}"
    return f"git+{urlunsplit(('https', where, parts.path, '', ''))}@{commit}"
