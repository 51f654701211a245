from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.tui.harness import SIZES, Chat, open_chat


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture(params=SIZES, ids=["80x24", "160x50"])
async def chat(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[Chat]:
    async with open_chat(path, size=request.param) as opened:
        await opened.ready()
        yield opened
