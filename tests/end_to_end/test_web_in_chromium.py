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
from collections.abc import AsyncIterator, Callable, Iterator
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

    def __init__(self, connection: Any, session: Any, port: str) -> None:
        self._connection, self._session, self._port = connection, session, port
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have something done, and take in what the page complains of meanwhile."""
        number = next(self._numbers)
        await self._connection.send_json({"id": number, "method": method, "params": parameters})
        while True:
            said = await self._connection.receive_json(timeout=SECONDS)
            if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(str(said["params"]))
            if said.get("method") == "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])
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
    async def another(self, link: str) -> AsyncIterator["Page"]:
        """A second tab of the same browser."""
        async with self._session.put(f"http://127.0.0.1:{self._port}/json/new?about:blank") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        async with _connected(self._session, address, self._port, link) as page:
            yield page


@asynccontextmanager
async def _connected(session: Any, address: str, port: str, link: str) -> AsyncIterator[Page]:
    async with session.ws_connect(address, max_msg_size=0) as connection:
        page = Page(connection, session, port)
        for part in ("Runtime", "Log", "Page", "Network"):
            await page.call(f"{part}.enable")
        await page.call("Page.navigate", url=link)
        yield page


@asynccontextmanager
async def opened(link: str, folder: Path, size: tuple[int, int] = (1200, 800)) -> AsyncIterator[Page]:
    """A page at an address, in a browser that has nothing of the user's."""
    assert CHROMIUM is not None
    profile = folder / "browser"
    browser = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", f"--window-size={size[0]},{size[1]}", "--remote-debugging-port=0",
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
            async with _connected(session, address, port, link) as page:
                yield page
    finally:
        browser.kill()
        browser.wait(20)


def asked(folder: Path) -> dict[str, list[str]]:
    """What was asked, by conversation."""
    file = folder / "data" / "history.db"
    if not file.exists():
        return {}
    with History(file) as history:
        kept = history.list_conversations()
        return {
            each.id: [said.text for said in history.conversation(each.id).messages if said.role == "user"]
            for each in kept
        }


async def until(true: Callable[[], object], page: Page) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        if time.monotonic() > end:
            await picture(page, "chromium-failed")
            raise AssertionError(page.complaints)
        await asyncio.sleep(0.1)


async def picture(page: Page, name: str) -> bytes:
    data = base64.b64decode((await page.call("Page.captureScreenshot"))["data"])
    if folder := os.environ.get("PICTURES"):
        (Path(folder) / f"{name}.png").write_bytes(data)
    return data


async def drawn(page: Page) -> None:
    """Wait until the app has drawn itself."""
    end = time.monotonic() + SECONDS
    while not await page.value("document.body.classList.contains('-first-byte')"):
        assert time.monotonic() < end, page.complaints
        await asyncio.sleep(0.1)


async def filled(page: Page, name: str) -> None:
    """Wait until there is more on the page than its background."""
    end = time.monotonic() + SECONDS
    while len(await picture(page, name)) <= 20_000:
        assert time.monotonic() < end, "the page stays empty"
        await asyncio.sleep(0.1)


async def test_what_is_typed_at_once_without_a_click_arrives_whole_and_a_reload_goes_on(
    link: str, tmp_path: Path
) -> None:
    async with opened(link, tmp_path) as page:
        while await page.value("document.title") != "assistant":
            await asyncio.sleep(0.01)  # what is typed into the page before this one is nobody's
        assert not await page.value("document.body && document.body.classList.contains('-first-byte')")
        await page.type("How tall is the tower, naïvely?")  # nothing is drawn yet
        await until(lambda: list(asked(tmp_path).values()) == [["How tall is the tower, naïvely?"]], page)
        assert await page.value("document.title") == "assistant"
        assert await page.value("document.activeElement.className") == "xterm-helper-textarea"
        await filled(page, "chromium")
        await page.call("Page.reload")
        await asyncio.sleep(0.5)
        await drawn(page)
        await page.type("And how wide?")
        await until(lambda: len(next(iter(asked(tmp_path).values()))) == 2, page)
        assert list(asked(tmp_path).values()) == [["How tall is the tower, naïvely?", "And how wide?"]]
        await picture(page, "chromium-reloaded")
        outside = [
            address for address in page.requests if not address.startswith(("http://127.0.0.1", "data:", "blob:"))
        ]
        assert not outside
        assert not [text for text in page.complaints if "Refused" in text or "exception" in text.lower()]


async def test_tabs_are_chats_of_their_own(link: str, tmp_path: Path) -> None:
    async with opened(link, tmp_path) as page, page.another(link) as other:
        await drawn(page)
        await drawn(other)
        await page.type("the first")
        await other.type("the second")
        await until(lambda: sorted(asked(tmp_path).values()) == [["the first"], ["the second"]], page)


@pytest.mark.parametrize("width", [360, 500])
async def test_a_narrow_window_shows_the_chat_whole(link: str, tmp_path: Path, width: int) -> None:
    async with opened(link, tmp_path) as page:
        # No window of Chromium's is narrower than 500; a phone's screen is.
        metrics = {"width": width, "height": 640, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", **metrics)
        await drawn(page)
        await page.type("How tall is it?")
        await until(lambda: list(asked(tmp_path).values()) == [["How tall is it?"]], page)
        await asyncio.sleep(1)
        await picture(page, f"chromium-{width}")
        box = "document.querySelector('.xterm-screen').getBoundingClientRect()"
        assert await page.value("innerWidth") == width
        assert await page.value(f"{box}.right <= innerWidth && {box}.left >= 0")
        assert not await page.value("document.documentElement.scrollWidth > innerWidth")
        viewport = "document.querySelector('.xterm-viewport')"
        assert await page.value(f"{viewport}.offsetWidth === {viewport}.clientWidth"), "a bar that scrolls nothing"


async def test_a_click_beside_the_terminal_loses_no_key(link: str, tmp_path: Path) -> None:
    async with opened(link, tmp_path) as page:
        await drawn(page)
        await page.value("document.activeElement.blur()")
        await page.type("still here")
        await until(lambda: list(asked(tmp_path).values()) == [["still here"]], page)
