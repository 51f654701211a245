from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.tui.harness import SIZES, Chat, open_chat


@pytest.fixture(autouse=True)
def any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the terminal and the shell of whoever runs the tests say of themselves changes nothing."""
    for name in ("NO_COLOR", "COLORFGBG", "TEXTUAL_DRIVER", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tui.app._draws_unicode", lambda: True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
async def chat(path: Path) -> AsyncIterator[Chat]:
    async with open_chat(path) as opened:
        await opened.ready()
        yield opened


@pytest.fixture(params=SIZES, ids=["80x24", "160x50"])
async def sized(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Chat]:
    """As `chat`, in a small and in a large terminal: for what depends on the room there is."""
    async with open_chat(path, size=request.param) as opened:
        await opened.ready()
        yield opened
