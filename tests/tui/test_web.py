"""The chat in a browser: the page is served on this machine only, and the app draws itself over the socket."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("textual_serve")
aiohttp = pytest.importorskip("aiohttp")  # textual-serve stands on it

SECONDS = 120.0


@pytest.fixture
def link(tmp_path: Path) -> Iterator[str]:
    """What `assistant web` prints, with a history of its own and without models: the screen is what is tested."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    places = {f"ASSISTANT_{name}": str(tmp_path / name.lower()) for name in ("CACHE", "DATA", "CONFIG")}
    models = {"ASSISTANT_READER": str(tmp_path / "none")}
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", "web", "--port", str(number)],
        env={**os.environ, **places, **models},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert process.stdout is not None
    said = process.stdout.readline().split()
    yield said[1]
    process.terminate()
    process.wait(20)
    process.stdout.close()


async def test_the_chat_is_served_and_takes_keys(link: str):
    end = time.monotonic() + SECONDS
    address = link.partition("/?")[0].removeprefix("http://")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        while True:
            try:
                async with session.get(link) as page:
                    assert page.status == 200
                    assert f"ws://{address}/ws" in await page.text()
                break
            except aiohttp.ClientConnectionError:
                assert time.monotonic() < end, "nothing was served"
                await asyncio.sleep(0.2)
        async with session.ws_connect(f"ws://{address}/ws?width=80&height=24", origin=f"http://{address}") as browser:
            drawn = b""

            async def until(text: bytes) -> None:
                nonlocal drawn
                while text not in drawn:
                    assert time.monotonic() < end, drawn[-500:]
                    message = await browser.receive(max(0.1, end - time.monotonic()))
                    assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), "the app has ended"
                    if message.type is aiohttp.WSMsgType.BINARY:
                        drawn += message.data

            await until(b"What would you like to know?")
            await browser.send_json(["stdin", "/rou"])
            await until(b"choose how questions are answered")


async def test_the_page_has_a_title_and_asks_for_nothing_elsewhere(link: str):
    end = time.monotonic() + SECONDS
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        while True:
            try:
                async with session.get(link) as answer:
                    page = await answer.text()
                break
            except aiohttp.ClientConnectionError:
                assert time.monotonic() < end, "nothing was served"
                await asyncio.sleep(0.2)
    assert "<title>assistant</title>" in page
    assert not re.findall(r"(?:href|src)=\"https?://(?!127\.0\.0\.1)[^\"]*", page)
    assert "css/xterm.css" in page
    ours, theirs = page.index("window.WebSocket = class"), page.index("js/textual.js")
    assert ours < theirs, "what keeps early keys must come before what opens the socket"
