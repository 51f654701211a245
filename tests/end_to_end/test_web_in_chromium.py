"""The chat in a real browser: headless Chromium, where it is installed, driven over its debugging protocol."""

import asyncio
import base64
import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant.history.store import History

aiohttp = pytest.importorskip("aiohttp")
pytest.importorskip("textual_serve")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]
SECONDS = 90.0


@pytest.fixture
def link(tmp_path: Path) -> Iterator[str]:
    """What `assistant web` prints, with a history of its own and without models."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    places = {f"ASSISTANT_{name}": str(tmp_path / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", "web", "--port", str(port)],
        env={**os.environ, **places, "ASSISTANT_READER": str(tmp_path / "none")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert process.stdout is not None
    yield next(word for word in process.stdout.readline().split() if word.startswith("http"))
    process.terminate()
    process.wait(20)
    process.stdout.close()


class Page:
    """A page of a browser."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have something done, and take in what the page complains of meanwhile."""
        number = next(self._numbers)
        await self._connection.send_json({"id": number, "method": method, "params": parameters})
        while True:
            said = await self._connection.receive_json(timeout=SECONDS)
            if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(str(said["params"]))
            if said.get("id") == number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result

    async def value(self, expression: str) -> Any:
        """What a piece of JavaScript gives."""
        return (await self.call("Runtime.evaluate", expression=expression))["result"].get("value")

    async def type(self, text: str) -> None:
        """Type a text and Enter."""
        for character in f"{text}\r":
            key = "Enter" if character == "\r" else character
            code = 13 if character == "\r" else 0
            await self.call(
                "Input.dispatchKeyEvent", type="keyDown", text=character, key=key, windowsVirtualKeyCode=code
            )
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


@asynccontextmanager
async def opened(link: str, folder: Path) -> AsyncIterator[Page]:
    """A page at an address, in a browser that has nothing of the user's."""
    assert CHROMIUM is not None
    profile = folder / "browser"
    browser = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--window-size=1200,800", "--remote-debugging-port=0",
         f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + SECONDS
        while not (profile / "DevToolsActivePort").exists() or not (profile / "DevToolsActivePort").read_text():
            assert time.monotonic() < end and browser.poll() is None, "the browser did not begin"
            await asyncio.sleep(0.1)
        port = (profile / "DevToolsActivePort").read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                address = next(tab["webSocketDebuggerUrl"] for tab in await answer.json() if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as connection:
                page = Page(connection)
                for part in ("Runtime", "Log", "Page"):
                    await page.call(f"{part}.enable")
                await page.call("Page.navigate", url=link)
                yield page
    finally:
        browser.kill()
        browser.wait(20)


async def test_a_question_is_asked_in_chromium_and_saved(link: str, tmp_path: Path) -> None:
    def asked() -> list[str]:
        file = tmp_path / "data" / "history.db"
        if not file.exists():
            return []
        with History(file) as history:
            kept = history.list_conversations()
            return [said.text for said in history.conversation(kept[0].id).messages] if kept else []

    async with opened(link, tmp_path) as page:
        end = time.monotonic() + SECONDS
        terminal = "document.querySelector('.xterm-helper-textarea')"
        while not await page.value(f"!!{terminal} && ({terminal}.focus(), true)"):
            assert time.monotonic() < end, page.complaints
            await asyncio.sleep(0.2)
        while not asked():  # the page does not tell when the app takes keys: what was typed too early is typed again
            assert time.monotonic() < end, page.complaints
            await page.type("x")
            await asyncio.sleep(1.0)
        await page.type("How tall is the tower, naïvely?")
        while "How tall is the tower, naïvely?" not in asked():
            assert time.monotonic() < end, asked()
            await asyncio.sleep(0.2)
        picture = base64.b64decode((await page.call("Page.captureScreenshot"))["data"])
        if folder := os.environ.get("PICTURES"):
            (Path(folder) / "chromium.png").write_bytes(picture)
        assert len(picture) > 20_000, "the page is empty"
        assert not [text for text in page.complaints if "Refused" in text or "exception" in text.lower()]
